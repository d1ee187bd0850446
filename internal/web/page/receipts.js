// The receipts of deletes, and whether the storage is reclaimed.

import { api } from './api.js'
import { fill, h } from './dom.js'
import { Part } from './part.js'
import { events } from './events.js'
import { count, exactDate, plural, shortDate } from './words.js'

class Receipts extends Part {
  /** @type {HTMLElement} */
  body

  /** @param {{signal: AbortSignal}} here */
  begin(here) {
    this.append(h('h2', { tabindex: '-1' }, 'Receipts'),
      h('p', { class: 'quiet' }, 'Each delete leaves a receipt: numbers and times, nothing of what was said.'), (this.body = h('div', {})))
    events.addEventListener('deletion', () => this.load(), here)
    this.load()
  }

  async load() {
    try {
      const { items, total } = await api.deletions(1)
      if (!items.length) return fill(this.body, h('p', {}, 'Nothing has been deleted yet.'))
      fill(this.body, h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'Receipts' }, h('table', {},
        h('thead', {}, h('tr', {}, [['When'], ['Of'], ['Chats', 'number'], ['Messages', 'number'], ['Passages', 'number'], ['Vectors', 'number'], ['Space'], ['Receipt']].map(([t, kind]) => h('th', { scope: 'col', class: kind }, t)))),
        h('tbody', {}, items.map((/** @type {any} */ d) => h('tr', {},
          h('td', {}, h('time', { datetime: d.deletedAt, title: exactDate(d.deletedAt) }, shortDate(d.deletedAt))),
          h('td', {}, d.kind === 'messages' ? 'single messages' : 'whole chats'),
          [d.conversations, d.messages, d.chunks, d.embeddings].map((n) => h('td', { class: 'number' }, count(n))),
          h('td', {}, d.reclaimedAt ? h('span', { class: 'badge done', title: exactDate(d.reclaimedAt) }, 'reclaimed') : h('span', { class: 'badge' }, 'not yet')),
          h('td', {}, h('code', { class: 'quiet' }, d.id))))))),
      total > items.length ? h('p', { class: 'quiet' }, `The newest ${count(items.length)} of ${plural(total, 'receipt')}.`) : null)
    } catch (error) {
      fill(this.body, h('p', { class: 'problem' }, /** @type {Error} */ (error).message))
    }
  }
}

customElements.define('lethe-receipts', Receipts)
