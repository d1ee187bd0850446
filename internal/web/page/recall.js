// A digest of the history, to copy into the next prompt.

import { api } from './api.js'
import { fill, h } from './dom.js'
import { open } from './deletion.js'
import { state } from './state.js'
import { toast } from './notices.js'
import { longDate, plural } from './words.js'

/** @param {string} question */
export function recall(question) {
  const box = /** @type {HTMLInputElement} */ (h('input', { id: 'r-q', value: question, required: true, 'aria-label': 'Question' }))
  const size = /** @type {HTMLSelectElement} */ (h('select', { id: 'r-size', 'aria-label': 'Length' }, [600, 2000, 6000].map((n) => h('option', { value: n, selected: n === 2000 }, `${n} tokens`))))
  const out = h('div', { class: 'digest', role: 'status' })
  const ask = async () => {
    if (!box.value.trim()) return
    fill(out, h('p', { class: 'quiet' }, 'Looking …'))
    try {
      const answer = await api.recall({ query: box.value, maxTokens: Number(size.value) })
      if (!answer.content) return fill(out, h('p', {}, 'Nothing was found about it.'))
      fill(out, h('pre', { tabindex: '0', dir: 'auto' }, answer.content),
        h('p', { class: 'quiet' }, `${plural(answer.tokenCount, 'token')} of ${plural(answer.sources.length, 'source')}`),
        h('ul', {}, answer.sources.slice(0, 8).map((/** @type {any} */ s) => h('li', {}, h('button', { class: 'link', onclick: () => { dialog.close(); state.go({ view: 'find', chat: s.conversationId, at: '' }) } }, s.conversationTitle), h('span', { class: 'quiet' }, ` ${longDate(s.date)}`)))),
        h('div', { class: 'actions' }, h('button', { class: 'main', onclick: () => navigator.clipboard.writeText(answer.content).then(() => toast('Copied')) }, 'Copy')))
    } catch (error) {
      fill(out, h('p', { class: 'problem' }, /** @type {Error} */ (error).message))
    }
  }
  const dialog = open('Digest for a prompt', h('form', { class: 'line', onsubmit: (/** @type {Event} */ e) => { e.preventDefault(); ask() } }, box, size, h('button', { class: 'main' }, 'Recall')), out)
  dialog.classList.add('wide')
  box.focus()
  ask()
}
