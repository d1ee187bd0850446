// Importing files: the user drops or chooses them, the page sends them and watches until they are indexed.

import { api, sendFile } from './api.js'
import { events } from './events.js'
import { fill, h, keyed } from './dom.js'
import { Part } from './part.js'
import { session } from './session.js'
import { state } from './state.js'
import { count, exactDate, plural, shortDate, size } from './words.js'

/** @typedef {{name: string, size: number, sent: number, error?: string, id?: string}} Sending */

const help = /** @type {[string, string][]} */ ([
  ['ChatGPT', 'Settings, Data controls, Export data. A link comes by e-mail or SMS, within minutes or up to 7 days, and is valid for 24 hours. Drop the zip as it is.'],
  ['Claude', 'Settings, Privacy, Export data. If you get a file named manifest, it lists several zips: download all of them and drop them together.'],
  ['Gemini', 'takeout.google.com: deselect all, choose My Activity, then Gemini Apps only; JSON is better than HTML.'],
  ['Grok', 'grok.com: Settings, Data controls, Export account data.'],
  ['DeepSeek', 'Settings, Data, Export data.'],
  ['Perplexity', 'Settings, Account, Request data export.'],
  ['Copilot', 'account.microsoft.com: Privacy, Copilot, Export all activity.'],
  ['Agents', 'Claude Code, Codex, Gemini CLI and others on this machine: run `lethe sync` in a terminal.'],
])

class Bring extends Part {
  /** Imports whose details are shown. @type {Set<string>} */
  opened = new Set()
  /** @type {Sending[]} */
  sending
  /** @type {HTMLElement} what is being sent */
  now
  /** @type {HTMLElement} the imports */
  list

  /** @param {{signal: AbortSignal}} here */
  begin(here) {
    this.sending = []
    const pick = /** @type {HTMLInputElement} */ (h('input', { type: 'file', multiple: true, id: 'files', class: 'unseen', onchange: () => {
      this.take([.../** @type {FileList} */ (pick.files)].map((f) => ({ file: f, name: f.name })))
      pick.value = '' // so that the same file can be chosen again
    } }))
    this.now = h('div', { class: 'now', role: 'status' })
    this.list = h('div', { class: 'imports' })
    this.append(
      h('h2', { tabindex: '-1' }, 'Bring chats in'),
      session.may('write')
        ? h('label', { class: 'drop', for: 'files' }, pick, h('strong', {}, 'Drop files or a folder here'), h('span', {}, 'or choose files: the zip of an export, JSON, HTML, CSV'))
        : h('p', {}, 'This key can only read.'),
      this.now,
      h('h3', {}, 'Imports'), this.list,
      h('h3', {}, 'How to get your chats'),
      h('dl', { class: 'helps' }, help.map(([name, text]) => [h('dt', {}, name), h('dd', {}, text)])))
    events.addEventListener('import', () => this.load(), here)
    this.load()
    this.takeWaiting()
  }

  takeWaiting() {
    this.take(waiting.splice(0))
  }

  async load() {
    try {
      const { items } = await api.imports(1)
      this.draw(items.filter((/** @type {any} */ i) => i.kind !== 'upload'))
    } catch (error) {
      fill(this.list, h('p', { class: 'problem' }, /** @type {Error} */ (error).message))
    }
  }

  /** @param {any[]} items */
  draw(items) {
    if (!items.length) return fill(this.list, h('p', { class: 'quiet' }, 'None yet.'))
    if (this.list.firstElementChild?.tagName !== 'SECTION') fill(this.list)
    keyed(this.list, items, (i) => i.id, () => h('section', { class: 'import' }), (e, i) => this.one(e, i))
  }

  /** @param {HTMLElement} element @param {any} i */
  one(element, i) {
    const running = ['receiving', 'reading', 'indexing'].includes(i.state)
    const counts = i.counts || {}
    const parts = [
      [counts.new, 'new'], [counts.updated, 'updated'], [counts.unchanged, 'unchanged'], [counts.deleted, 'left deleted'],
      [counts.excluded, 'excluded'], [counts.skipped, 'skipped'], [counts.failed, 'failed'],
    ].filter(([n]) => n).map(([n, word]) => `${count(n)} ${word}`)
    fill(element,
      h('div', { class: 'import-head' }, h('strong', { dir: 'auto' }, i.fileName || 'Import'), h('time', { datetime: i.createdAt, title: exactDate(i.createdAt) }, shortDate(i.createdAt)), h('span', { class: `badge ${i.state}` }, i.state)),
      running && i.fileSize ? h('progress', { max: String(i.fileSize), value: String(i.bytesRead || 0), 'aria-label': 'Read' }) : null,
      h('p', {}, parts.join(' · ') || (running ? 'Reading …' : 'Nothing in it'), i.pending ? ` · ${count(i.pending)} being indexed` : ''),
      i.error ? h('p', { class: 'problem' }, i.error) : null,
      this.members(i),
      h('div', { class: 'actions' },
        running && session.may('write') ? h('button', { onclick: () => api.stopImport(i.id).then(() => this.load()) }, 'Stop') : null,
        i.conversations ? h('button', { class: 'link', onclick: () => state.go({ view: 'find', import: i.id, q: '' }) }, 'Show its chats') : null))
  }

  /** What was read from each file of an import, loaded when it is opened. @param {any} i */
  members(i) {
    const open = this.opened.has(i.id)
    const body = h('div', {})
    const details = /** @type {HTMLDetailsElement} */ (h('details', { open }, h('summary', {}, 'Details'), body))
    const load = () => api.import(i.id).then((one) => fill(body, report(one.report)), (e) => fill(body, h('p', { class: 'problem' }, e.message)))
    details.addEventListener('toggle', () => {
      if (!details.open) return this.opened.delete(i.id)
      this.opened.add(i.id)
      load()
    })
    if (open) load()
    return details
  }

  /** Sends files, one after the other. @param {{file: File, name: string}[]} files */
  async take(files) {
    for (const { file, name } of files) {
      /** @type {Sending} */
      const sending = { name, size: file.size, sent: 0 }
      this.sending.push(sending)
      this.drawSending()
      try {
        const answer = await sendFile(file, name, (sent) => { sending.sent = sent; this.drawSending() })
        sending.id = answer.importId || answer.id
        this.sending.splice(this.sending.indexOf(sending), 1)
      } catch (error) {
        sending.error = /** @type {Error} */ (error).message
      }
      this.drawSending()
      this.load()
    }
  }

  drawSending() {
    keyed(this.now, this.sending.map((s, i) => ({ ...s, key: String(i) })), (s) => s.key, () => h('div', { class: 'import' }), (element, s) => fill(element,
      h('strong', { dir: 'auto' }, s.name),
      s.error ? h('p', { class: 'problem' }, s.error) : h('p', {}, `Sending ${size(s.sent)} of ${size(s.size)}`),
      s.error ? null : h('progress', { max: String(s.size), value: String(s.sent), 'aria-label': `Sending ${s.name}` })))
  }
}

/** @param {any} r the report of an import */
function report(r) {
  if (!r?.members?.length && !r?.problems?.length && !r?.notes?.length) return h('p', { class: 'quiet' }, 'Nothing more is known.')
  return [
    r.notes?.length ? h('ul', { class: 'quiet' }, r.notes.map((/** @type {string} */ note) => h('li', {}, note))) : null,
    h('ul', {}, (r.members || []).map((/** @type {any} */ m) => h('li', {}, h('span', { dir: 'auto' }, m.path), ` · ${m.format || 'left out'} · ${plural(m.conversations || 0, 'chat')}`,
      m.problem ? h('span', { class: 'problem' }, ` · ${m.problem}`) : null,
      (m.warnings || []).map((/** @type {any} */ w) => h('span', { class: 'quiet' }, ` · ${count(w.count)} ${w.text || w.warning}`))))),
    h('ul', {}, (r.problems || []).map((/** @type {any} */ p) => h('li', { class: 'problem' }, [p.member, p.line ? `line ${p.line}` : '', p.element ? `element ${p.element}` : ''].filter(Boolean).join(', '), `: ${p.reason}`))),
  ]
}

customElements.define('lethe-bring', Bring)

/** Files that were dropped before the view that sends them was there. @type {{file: File, name: string}[]} */
const waiting = []

/** Lets files be dropped anywhere on the page. */
export function dropAnywhere() {
  addEventListener('dragover', (e) => { e.preventDefault(); document.body.classList.add('dropping') })
  addEventListener('dragleave', (e) => { if (!e.relatedTarget) document.body.classList.remove('dropping') })
  addEventListener('drop', async (e) => {
    e.preventDefault()
    document.body.classList.remove('dropping')
    const files = await dropped(/** @type {DataTransfer} */ (e.dataTransfer))
    if (!files.length || !session.may('write')) return
    waiting.push(...files)
    state.go({ view: 'bring' })
    const bring = /** @type {Bring|null} */ (document.querySelector('lethe-bring'))
    bring?.takeWaiting()
  })
}

/** All files that were dropped, also those in folders. @param {DataTransfer} data @returns {Promise<{file: File, name: string}[]>} */
async function dropped(data) {
  const entries = [...data.items].map((i) => i.webkitGetAsEntry?.()).filter((e) => e !== null && e !== undefined)
  if (!entries.length) return [...data.files].map((file) => ({ file, name: file.name }))
  /** @type {{file: File, name: string}[]} */
  const files = []
  const walk = async (/** @type {any} */ entry) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject))
      files.push({ file, name: entry.fullPath.replace(/^\//, '') })
      return
    }
    const reader = entry.createReader()
    for (;;) {
      const some = /** @type {any[]} */ (await new Promise((resolve, reject) => reader.readEntries(resolve, reject)))
      if (!some.length) return
      for (const e of some) await walk(e)
    }
  }
  for (const e of entries) await walk(e)
  return files
}
