// Which conversations are selected, and which are about to be deleted. Scrolling changes neither.

/**
 * @typedef {object} Chat what a row shows
 * @property {string} id
 * @property {string} title
 * @property {string} platform
 * @property {string} date ISO
 * @property {boolean} pinned
 * @property {number} messages
 */

export const selection = new (class extends EventTarget {
  /** @type {Map<string, Chat>} */
  chats = new Map()
  /** All that match the filter, as the server counts them. @type {{count: number, filter: Record<string, any>}|null} */
  everything = null
  /** Why a conversation could not be deleted. @type {Map<string, string>} */
  reasons = new Map()
  /** @type {string} */
  anchor = ''

  get size() {
    return this.everything ? this.everything.count : this.chats.size
  }

  /** @param {string} id */
  has(id) {
    return this.everything !== null || this.chats.has(id)
  }

  /** @param {Chat} chat */
  toggle(chat) {
    this.everything = null
    if (!this.chats.delete(chat.id)) this.chats.set(chat.id, chat)
    this.anchor = chat.id
    this.changed()
  }

  /** @param {Chat[]} chats */
  add(chats) {
    this.everything = null
    for (const c of chats) this.chats.set(c.id, c)
    this.changed()
  }

  /** @param {number} count @param {Record<string, any>} filter */
  selectEverything(count, filter) {
    this.chats.clear()
    this.everything = { count, filter }
    this.changed()
  }

  /** Leaves out what was deleted. What was selected meanwhile stays. @param {Set<string>} ids empty for all that match */
  drop(ids) {
    if (!ids.size) return this.clear()
    for (const id of ids) {
      this.chats.delete(id)
      this.reasons.delete(id)
    }
    this.changed()
  }

  clear() {
    if (!this.size && !this.reasons.size) return
    this.chats.clear()
    this.reasons.clear()
    this.everything = null
    this.changed()
  }

  changed() {
    this.dispatchEvent(new Event('change'))
  }
})()
