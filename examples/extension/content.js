// Runs in pages of chat services. When text is selected it offers to save it, and shows what
// the history already has about it. It asks the worker, because the page's own policy and
// origin would stand between it and Lethe.

const style = new CSSStyleSheet() // which no policy of the page forbids
style.replaceSync(`
  :host { position: fixed; right: 16px; bottom: 16px; z-index: 2147483647; font: 14px/1.4 system-ui, sans-serif; color-scheme: light dark; }
  :host([hidden]) { display: none; }
  section { max-width: 320px; padding: 12px; border-radius: 8px; background: light-dark(#fff, #1d201f); color: light-dark(#1b1f1e, #e8ebe9);
    border: 1px solid light-dark(#e3e4e1, #313634); box-shadow: 0 4px 16px #0003; }
  button { font: inherit; padding: 6px 12px; margin-right: 8px; border-radius: 6px; border: 1px solid light-dark(#8a908d, #77807c); background: none; color: inherit; cursor: pointer; }
  button[name=save] { background: #0f6e66; border-color: #0f6e66; color: #fff; }
  p { margin: 8px 0 0; overflow-wrap: anywhere; white-space: pre-line; }
  p:empty { display: none; }
`)

const bar = document.createElement('div')
bar.id = 'lethe-example'
bar.hidden = true
const root = bar.attachShadow({ mode: 'open' }) // the page's styles stay out
root.adoptedStyleSheets = [style]
const section = root.appendChild(document.createElement('section'))
section.ariaLabel = 'Lethe'
for (const [name, label] of [['save', 'Save in Lethe'], ['search', 'What do I know?']]) {
  const button = section.appendChild(document.createElement('button'))
  button.name = name
  button.textContent = label
}
const status = section.appendChild(document.createElement('p'))
status.role = 'status'
document.documentElement.append(bar)

let selected = ''

document.addEventListener('selectionchange', () => {
  const text = String(document.getSelection()).trim()
  if (!text) return // a click on our own buttons clears it
  selected = text
  status.textContent = ''
  bar.hidden = false
})
document.addEventListener('keydown', (e) => { if (e.key === 'Escape') bar.hidden = true })

root.addEventListener('click', async (e) => {
  const ask = e.target.name
  if (!ask) return
  status.textContent = 'One moment …'
  const { answer, problem } = await chrome.runtime.sendMessage({
    ask, text: selected, query: selected.slice(0, 1000), title: document.title, address: location.href,
  }).catch((e) => ({ problem: e.message }))
  status.textContent = problem ?? (ask === 'save' ? answer : found(answer))
})

/** What was found, as plain text: it is what anybody may have written. */
function found(results) {
  if (results.length === 0) return 'Nothing about this is in your history.'
  return results.map((r) => `${r.timestamp.slice(0, 10)} · ${r.title}\n${r.text.slice(0, 160)}`).join('\n\n')
}
