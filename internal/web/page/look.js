// The overview: chats by month and platform, and the state of the index.

import { api } from './api.js'
import { fill, h } from './dom.js'
import { Part } from './part.js'
import { events } from './events.js'
import { state } from './state.js'
import { count, platformName, plural } from './words.js'

const labelWidth = 36 // of a year below the chart
const ns = 'http://www.w3.org/2000/svg'

class Look extends Part {
  /** @type {HTMLElement} */
  body

  /** @param {{signal: AbortSignal}} here */
  begin(here) {
    this.append(h('h2', { tabindex: '-1' }, 'What is here'), (this.body = h('div', {})))
    events.addEventListener('index', () => this.load(), here)
    this.load()
  }

  async load() {
    try {
      const s = await api.stats()
      const waiting = s.backlog.queued + s.backlog.indexing
      fill(this.body,
        h('dl', { class: 'figures' },
          figure('Chats', s.conversations), figure('Messages', s.messages), figure('Passages', s.chunks), figure('Pinned', s.pinned),
          figure('To be indexed', waiting), figure('Not searchable', s.backlog.failed)),
        h('h3', {}, 'By month'), months(s.months),
        h('h3', {}, 'By platform'), platforms(s.platforms),
        h('h3', {}, 'Search'),
        h('p', {}, 'Model: ', h('code', {}, s.embedding.model), ` · ${plural(s.embeddings, 'vector')}`,
          s.embedding.pending ? ` · ${count(s.embedding.pending)} chats get vectors of this model` : ''),
        s.embedding.lost ? h('p', { class: 'problem' }, `The embeddings server has not answered since ${s.embedding.lost.since}: ${s.embedding.lost.reason}. Search goes by words.`) : null,
        h('p', { class: 'quiet' }, s.version ? `Lethe ${s.version}` : ''))
    } catch (error) {
      fill(this.body, h('p', { class: 'problem' }, /** @type {Error} */ (error).message))
    }
  }
}

/** @param {string} name @param {number} n */
const figure = (name, n) => h('div', {}, h('dt', {}, name), h('dd', {}, count(n)))

/** @param {{month: string, conversations: number}[]} list */
function months(list) {
  if (!list.length) return h('p', { class: 'quiet' }, 'Nothing yet.')
  const all = everyMonth(list)
  const most = Math.max(...all.map((m) => m.conversations))
  const width = Math.max(8, Math.min(24, 680 / all.length))
  const svg = document.createElementNS(ns, 'svg')
  attributes(svg, { viewBox: `0 0 ${Math.ceil(all.length * width) + labelWidth} 140`, class: 'chart', role: 'img', 'aria-label': `Chats by month, at most ${most}`, preserveAspectRatio: 'xMinYMax meet' })
  all.forEach((m, i) => {
    const height = m.conversations ? Math.max(2, (m.conversations / most) * 110) : 0
    const bar = document.createElementNS(ns, 'rect')
    attributes(bar, { x: i * width + 1, y: 118 - height, width: width - 2, height, rx: 1.5 })
    const title = document.createElementNS(ns, 'title')
    title.textContent = `${m.month}: ${plural(m.conversations, 'chat')}`
    bar.append(title)
    svg.append(bar)
    if (!labelled(all, i, width)) return
    const label = document.createElementNS(ns, 'text')
    attributes(label, { x: i * width + 1, y: 134 })
    label.textContent = m.month.slice(0, 4)
    svg.append(label)
  })
  return h('div', {}, svg, asTable('By month, as a table', ['Month', 'Chats'], list.map((m) => [m.month, count(m.conversations)])))
}

/** Whether a month is labelled with its year: each January, and the first month if there is room. @param {{month: string}[]} all @param {number} i @param {number} width of a bar */
function labelled(all, i, width) {
  const january = (/** @type {number} */ at) => all[at]?.month.endsWith('-01')
  if (i > 0) return january(i)
  for (let at = 1; at * width < labelWidth; at++) if (january(at)) return false
  return true
}

/** Fills the months between that have nothing. @param {{month: string, conversations: number}[]} list */
function everyMonth(list) {
  const have = new Map(list.map((m) => [m.month, m.conversations]))
  const sorted = [...have.keys()].sort()
  const out = []
  let [year, month] = sorted[0].split('-').map(Number)
  const last = sorted[sorted.length - 1]
  for (let name = sorted[0]; name <= last && out.length < 1200;) {
    out.push({ month: name, conversations: have.get(name) ?? 0 })
    month++
    if (month > 12) { month = 1; year++ }
    name = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}`
  }
  return out
}

/** @param {any[]} list */
function platforms(list) {
  const most = Math.max(1, ...list.map((p) => p.conversations))
  return h('ul', { class: 'bars' }, list.map((p) => h('li', {},
    h('button', { class: 'link', onclick: () => state.go({ view: 'find', platform: p.platform, q: '' }) }, p.displayName || platformName(p.platform)),
    h('meter', { min: '0', max: String(most), value: String(p.conversations), 'aria-label': `Chats of ${p.displayName || platformName(p.platform)}` }),
    h('span', { class: 'quiet' }, `${plural(p.conversations, 'chat')}, ${plural(p.messages, 'message')}`))))
}

/** @param {string} name @param {string[]} head @param {string[][]} rows */
function asTable(name, head, rows) {
  return h('details', {}, h('summary', {}, name), h('table', {}, h('thead', {}, h('tr', {}, head.map((t) => h('th', { scope: 'col' }, t)))), h('tbody', {}, rows.map((r) => h('tr', {}, r.map((t) => h('td', {}, t)))))))
}

/** @param {Element} element @param {Record<string, any>} values */
function attributes(element, values) {
  for (const [k, v] of Object.entries(values)) element.setAttribute(k, String(v))
}

customElements.define('lethe-look', Look)
