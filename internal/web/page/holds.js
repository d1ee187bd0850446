// A delete waits some seconds before it is sent, and the user can cancel it until then. There is no trash: after it
// is sent, it cannot be undone.

import { api } from './api.js'
import { announce } from './announce.js'
import { selection } from './selection.js'
import { session } from './session.js'
import { plural } from './words.js'

/** @typedef {import('./selection.js').Chat} Chat */

/**
 * @typedef {object} Hold
 * @property {'chat'|'message'} kind of what is deleted
 * @property {Set<string>} ids of conversations; empty for a filter and for messages
 * @property {Record<string, any>|null} filter
 * @property {any} body of the request
 * @property {number} count of conversations or messages
 * @property {number} until when it is sent, in milliseconds since 1970
 */

export const holdSeconds = 6
const largestLeaving = 60_000 // bytes: the most that a browser sends while a page closes
const unsentName = 'lethe.unsent'

export const holds = new (class extends EventTarget {
  /** @type {Hold|null} */
  current = null
  timer = 0

  constructor() {
    super()
    addEventListener('pagehide', () => this.leave())
    session.addEventListener('ending', () => this.send()) // while the key can still be used
  }

  /** Whether a row is about to be deleted. @param {Chat} chat */
  holds(chat) {
    const hold = this.current
    return hold !== null && (hold.filter ? !(chat.pinned && !hold.filter.pinned) : hold.ids.has(chat.id))
  }

  /** Whether a message is about to be deleted. @param {string} id */
  holdsMessage(id) {
    return this.current?.kind === 'message' && this.current.body.messageIds.includes(id)
  }

  /** Holds a delete. One that is held already is sent first. @param {Omit<Hold, 'until'>} hold */
  async begin(hold) {
    if (this.current) await this.send()
    this.current = { ...hold, until: Date.now() + holdSeconds * 1000 }
    this.timer = window.setTimeout(() => this.send(), holdSeconds * 1000)
    this.changed()
  }

  /** @returns {boolean} whether there was something to cancel */
  cancel() {
    if (!this.current) return false
    clearTimeout(this.timer)
    this.current = null
    announce('Nothing was deleted')
    this.changed()
    return true
  }

  /** Sends what is held, now. */
  async send() {
    const hold = this.current
    if (!hold) return
    clearTimeout(this.timer)
    this.current = null
    this.changed()
    this.dispatchEvent(new CustomEvent('sending', { detail: hold }))
    try {
      this.finish(hold, await ask(hold, false))
    } catch (error) {
      this.failed(hold, /** @type {Error} */ (error))
    }
  }

  /** @param {Hold} hold @param {any} answer */
  finish(hold, answer) {
    if (hold.kind === 'chat') this.deselect(hold, answer)
    this.dispatchEvent(new CustomEvent('done', { detail: { hold, answer } }))
    announce(`${plural(answer.count, hold.kind)} deleted`)
  }

  /** What was not there stays selected, with its reason. @param {Hold} hold @param {any} answer */
  deselect(hold, answer) {
    const deleted = new Set(answer.deleted || [])
    const kept = [...hold.ids].filter((id) => !deleted.has(id))
    selection.drop(hold.ids)
    if (!hold.filter && kept.length) {
      for (const id of kept) selection.reasons.set(id, 'It was deleted already.')
      selection.changed()
    }
  }

  /** What failed stays selected, with its reason. @param {Hold} hold @param {Error} error */
  failed(hold, error) {
    for (const id of hold.ids) selection.reasons.set(id, error.message)
    selection.changed()
    this.dispatchEvent(new CustomEvent('failed', { detail: { hold, error } }))
  }

  /** The page is being closed: what is held is sent, or the next visit says that it was not. */
  leave() {
    const hold = this.current
    if (!hold) return
    clearTimeout(this.timer)
    this.current = null
    if (JSON.stringify(hold.body).length > largestLeaving) {
      localStorage.setItem(unsentName, JSON.stringify({ count: hold.count, at: new Date().toISOString() }))
      return
    }
    ask(hold, true).catch(() => {})
  }

  /** What the last visit could not send. @returns {{count: number, at: string}|null} */
  takeUnsent() {
    const text = localStorage.getItem(unsentName)
    localStorage.removeItem(unsentName)
    return text ? JSON.parse(text) : null
  }

  changed() {
    this.dispatchEvent(new Event('change'))
  }
})()

/** @param {Hold} hold @param {boolean} leaving */
function ask(hold, leaving) {
  if (hold.kind === 'message') return api.deleteMessages(hold.body, leaving)
  return hold.filter ? api.deleteMatching(hold.body, leaving) : api.deleteChats(hold.body, leaving)
}
