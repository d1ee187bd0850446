// The contents of the list: the newest conversations, or those that a search found.

import { api } from './api.js'
import { state } from './state.js'

/** @typedef {import('./selection.js').Chat} Chat */

/**
 * @typedef {object} Row
 * @property {Chat} chat
 * @property {Snippet} [snippet] what was found in it
 * @property {string} status of its index
 */

/**
 * @typedef {object} Snippet
 * @property {string} text
 * @property {{start: number, end: number}[]} marks
 * @property {number} position of its message
 * @property {number} more passages of the same conversation
 */

const pageSize = 100
const keptPages = 30

/** The newest conversations that match the filters, loaded page by page. */
export class Newest {
  /** @param {Map<string, number>} [places] of the list before it changed: most rows are still there */
  constructor(places) {
    this.total = 0
    /** Where each row was when it was loaded. @type {Map<string, number>} */
    this.places = new Map(places)
    /** @type {Map<number, Row[]>} */
    this.pages = new Map()
    /** @type {Map<number, Promise<void>>} */
    this.loading = new Map()
    this.stopped = new AbortController()
  }

  /** @param {number} index @returns {Row|undefined} */
  row(index) {
    return this.pages.get(Math.floor(index / pageSize))?.[index % pageSize]
  }

  /** Loads what is missing of some rows. @param {number} from @param {number} to @returns {Promise<boolean>} whether something was loaded */
  async need(from, to) {
    const first = Math.floor(from / pageSize)
    const last = Math.floor(Math.max(from, to - 1) / pageSize)
    const missing = []
    for (let page = first; page <= last; page++) {
      if (this.pages.has(page)) continue
      let load = this.loading.get(page)
      if (!load) {
        load = this.load(page).finally(() => this.loading.delete(page))
        this.loading.set(page, load)
      }
      missing.push(load)
    }
    if (!missing.length) return false
    await Promise.all(missing)
    for (const page of this.pages.keys()) {
      if (this.pages.size <= keptPages) break
      if (page < first - 1 || page > last + 1) this.pages.delete(page)
    }
    return true
  }

  /** @param {number} page */
  async load(page) {
    const answer = await api.chats({ ...state.filter, page: page + 1, pageSize }, this.stopped.signal)
    this.total = answer.total
    const rows = answer.items.map(rowOf)
    this.pages.set(page, rows)
    rows.forEach((/** @type {Row} */ row, /** @type {number} */ i) => this.places.set(row.chat.id, page * pageSize + i))
  }

  /** The index of a row that has been loaded, or -1. @param {string} id of a conversation */
  indexOf(id) {
    return this.places.get(id) ?? -1
  }

  stop() {
    this.stopped.abort()
  }
}

/** @param {any} item of the API @returns {Row} */
function rowOf(item) {
  return {
    chat: { id: item.id, title: item.title, platform: item.platform, date: item.updatedAt, pinned: item.pinned, messages: item.messageCount },
    status: item.status,
  }
}

/** The conversations that a search found, best first. */
export class Found {
  /** @param {any} answer of a search */
  constructor(answer) {
    this.mode = answer.mode
    this.milliseconds = answer.processingTime
    /** @type {any} */
    this.answer = answer
    /** @type {Row[]} */
    this.rows = []
    /** @type {Map<string, Row>} */
    const at = new Map()
    for (const hit of answer.results) {
      const known = at.get(hit.conversationId)
      if (known?.snippet) {
        known.snippet.more++
        continue
      }
      const row = {
        chat: { id: hit.conversationId, title: hit.title, platform: hit.platform || '', date: hit.timestamp, pinned: Boolean(hit.pinned), messages: 0 },
        status: 'ready',
        snippet: { ...cut(hit.text, hit.highlights), position: hit.messageIndex ?? 0, more: 0 },
      }
      at.set(hit.conversationId, row)
      this.rows.push(row)
    }
  }

  get total() {
    return this.rows.length
  }

  /** @param {number} index */
  row(index) {
    return this.rows[index]
  }

  /** @param {string} id of a conversation */
  indexOf(id) {
    return this.rows.findIndex((r) => r.chat.id === id)
  }

  async need() {
    return false
  }

  stop() {}
}

const before = 40 // characters before the first mark
const most = 220 // characters of a snippet

/**
 * Cuts a text around its first mark. Marks count code points.
 * @param {string} text
 * @param {{start: number, end: number}[]} marks
 */
export function cut(text, marks) {
  const all = Array.from(text)
  let from = Math.max(0, (marks[0]?.start ?? 0) - before)
  while (from > 0 && !/\s/u.test(all[from - 1])) from--
  const lead = from > 0 ? '… ' : ''
  const part = all.slice(from, from + most)
  return {
    text: lead + part.join('').replace(/\s/gu, ' '),
    marks: marks.filter((m) => m.start >= from && m.end <= from + most).map((m) => ({ start: m.start - from + lead.length, end: m.end - from + lead.length })),
  }
}
