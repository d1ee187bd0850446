// The confirmation before a delete, and the bar that shows what is selected or about to be deleted.

import { api } from './api.js'
import { fill, h, icon, icons } from './dom.js'
import { Part } from './part.js'
import { holdSeconds, holds } from './holds.js'
import { save } from './save.js'
import { selection } from './selection.js'
import { session } from './session.js'
import { state } from './state.js'
import { toast } from './notices.js'
import { count, longDate, plural } from './words.js'

/** @typedef {import('./selection.js').Chat} Chat */

const typedAbove = 100 // chats: for more, the user has to type the number

/** Asks, and then deletes what is selected. */
export function deleteSelection() {
  if (!selection.size || !session.may('write')) return
  const all = selection.everything
  if (all) deleteMatching(all.filter)
  else deleteChats([...selection.chats.values()])
}

/** @param {Chat[]} chats */
export async function deleteChats(chats) {
  const ids = chats.map((c) => c.id)
  await ask({ ids }, { ids: new Set(ids), filter: null }, () => ({ ids }))
}

/** @param {Record<string, any>} filter empty for everything */
export async function deleteMatching(filter) {
  const what = Object.keys(filter).length ? { filter } : { all: true }
  await ask(what, { ids: new Set(), filter }, (n) => ({ ...what, expectedCount: n }))
}

/**
 * @param {any} what as the preview takes it
 * @param {{ids: Set<string>, filter: Record<string, any>|null}} hold
 * @param {(count: number) => any} body of the request, from the server's count
 */
async function ask(what, hold, body) {
  let seen
  try {
    seen = await api.preview(what)
  } catch (error) {
    return toast(/** @type {Error} */ (error).message, 'problem')
  }
  if (!seen.count) return toast(seen.pinned ? `Nothing to delete: ${plural(seen.pinned, 'pinned chat')} ${seen.pinned === 1 ? 'is' : 'are'} spared.` : 'Nothing to delete: it is deleted already.')
  confirm(seen, what, () => holds.begin({ kind: 'chat', ...hold, body: body(seen.count), count: seen.count }))
}

/** @param {any} seen the server's preview @param {any} what @param {() => void} then */
function confirm(seen, what, then) {
  const typed = seen.count > typedAbove
  const go = /** @type {HTMLButtonElement} */ (h('button', { class: 'delete', disabled: typed, onclick: () => { dialog.close(); then() } }, `Delete ${plural(seen.count, 'chat')}`))
  const box = typed ? h('label', { class: 'typed' }, `Type ${seen.count} to go on`, h('input', { inputmode: 'numeric', autocomplete: 'off', 'aria-label': `Type ${seen.count} to go on`, oninput: (/** @type {any} */ e) => { go.disabled = e.target.value.replace(/[\s,.]/g, '') !== String(seen.count) } })) : null
  const range = seen.oldest ? (longDate(seen.oldest) === longDate(seen.newest) ? `of ${longDate(seen.oldest)}` : `from ${longDate(seen.oldest)} to ${longDate(seen.newest)}`) : ''
  const dialog = open(`Delete ${plural(seen.count, 'chat')}?`,
    h('p', {}, `${plural(seen.count, 'chat')} with ${plural(seen.messages, 'message')} and ${plural(seen.passages, 'passage')}, ${range}.`),
    seen.titles?.length ? h('ul', { class: 'titles' }, seen.titles.slice(0, 5).map((/** @type {string} */ t) => h('li', { dir: 'auto' }, t)), seen.count > 5 ? h('li', { class: 'quiet' }, `and ${count(seen.count - Math.min(5, seen.titles.length))} more`) : null) : null,
    seen.pinned ? h('p', {}, what.ids ? `${plural(seen.pinned, 'of them is', 'of them are')} pinned and will be deleted too.` : `${plural(seen.pinned, 'pinned chat is', 'pinned chats are')} spared.`) : null,
    h('p', {}, 'Messages, passages and vectors are deleted for good. There is no trash.'),
    box,
    h('div', { class: 'actions' },
      h('button', { class: 'link', onclick: () => exportFirst(what) }, seen.count === 1 ? 'Export it first' : 'Export them first'),
      h('button', { value: 'no', autofocus: true, onclick: () => dialog.close() }, 'Keep'),
      go))
}

/** Asks, and then deletes one message of a chat. @param {string} conversationId @param {string} id */
export async function deleteMessage(conversationId, id) {
  const body = { conversationId, messageIds: [id] }
  let seen
  try {
    seen = await api.deleteMessages({ ...body, dryRun: true }, false)
  } catch (error) {
    return toast(/** @type {Error} */ (error).message, 'problem')
  }
  if (!seen.count) return toast('Nothing to delete: it is deleted already.')
  const dialog = open('Delete this message?',
    h('p', {}, `The message${seen.passages ? ` and ${plural(seen.passages, 'passage')} with a part of it` : ''}. `, seen.conversationDeleted ? 'It is the last one, so the chat goes with it.' : 'The other messages stay, also those that repeat it.'),
    seen.titleChanges && !seen.conversationDeleted ? h('p', {}, 'The title quotes it and is taken from another message.') : null,
    h('p', {}, 'It is deleted for good, and no later upload or import of this chat brings it back.'),
    h('div', { class: 'actions' },
      h('button', { value: 'no', autofocus: true, onclick: () => dialog.close() }, 'Keep'),
      h('button', { class: 'delete', onclick: () => { dialog.close(); holds.begin({ kind: 'message', ids: new Set(), filter: null, body, count: 1 }) } }, 'Delete the message')))
}

/** @param {any} what */
async function exportFirst(what) {
  try {
    if (what.ids) {
      const parts = []
      for (const id of what.ids) parts.push(await api.exportFile({ conversationId: id }))
      await save(new Blob(parts), 'lethe-export.jsonl')
    } else await save(await api.exportFile({ ...what.filter, excludePinned: true }), 'lethe-export.jsonl')
    toast('Exported')
  } catch (error) {
    toast(/** @type {Error} */ (error).message, 'problem')
  }
}

/** @param {string} title @param {...any} content */
export function open(title, ...content) {
  const dialog = /** @type {HTMLDialogElement} */ (h('dialog', { 'aria-labelledby': 'dialog-title' }, h('h2', { id: 'dialog-title' }, title), content))
  const before = /** @type {HTMLElement|null} */ (document.activeElement)
  dialog.addEventListener('close', () => { dialog.remove(); before?.focus() })
  dialog.addEventListener('click', (e) => { if (e.target === dialog) dialog.close() })
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}

/** The bar at the bottom: what is selected, or what is being deleted. */
class Bar extends Part {
  /** @type {number|undefined} */
  ticking

  /** @param {{signal: AbortSignal}} here */
  begin(here) {
    this.setAttribute('role', 'region')
    this.setAttribute('aria-label', 'Selection')
    selection.addEventListener('change', () => this.draw(), here)
    holds.addEventListener('change', () => this.draw(), here)
    holds.addEventListener('done', (e) => this.done(/** @type {CustomEvent} */ (e).detail), here)
    holds.addEventListener('failed', (e) => toast(`Nothing was deleted: ${/** @type {CustomEvent} */ (e).detail.error.message}`, 'problem'), here)
    this.draw()
  }

  draw() {
    clearInterval(this.ticking)
    const hold = holds.current
    this.hidden = !hold && !selection.size
    if (this.hidden) return
    if (hold) {
      this.tick()
      this.ticking = window.setInterval(() => this.tick(), 250)
      return
    }
    const chats = [...selection.chats.values()]
    const messages = chats.reduce((n, c) => n + c.messages, 0)
    fill(this, h('span', { role: 'status' }, selection.everything ? `All ${count(selection.size)} selected` : `${count(selection.size)} selected`, messages ? `: ${plural(messages, 'message')}` : ''),
      h('span', { class: 'grow' }),
      session.may('write') ? h('button', { class: 'delete', onclick: deleteSelection }, 'Delete …') : null,
      h('button', { class: 'plain', 'aria-label': 'Clear the selection', title: 'Clear the selection (esc)', onclick: () => selection.clear() }, icon(icons.close)))
  }

  tick() {
    const hold = holds.current
    if (!hold) return
    const left = Math.max(0, Math.ceil((hold.until - Date.now()) / 1000))
    const what = plural(hold.count, hold.kind)
    if (!this.querySelector('.held-text')) {
      fill(this, h('span', { class: 'held-text' }), h('progress', { max: String(holdSeconds), 'aria-hidden': 'true' }), h('button', { onclick: () => holds.cancel() }, 'Cancel'))
    }
    const text = /** @type {HTMLElement} */ (this.querySelector('.held-text'))
    text.textContent = `Deletes ${what} for good in ${left} s`
    const bar = /** @type {HTMLProgressElement} */ (this.querySelector('progress'))
    bar.value = holdSeconds - left
  }

  /** @param {{hold: any, answer: any}} done */
  done({ hold, answer }) {
    const what = plural(answer.count, hold.kind)
    toast([`${what} deleted. `, answer.count ? h('button', { class: 'link', onclick: () => state.go({ view: 'receipts' }) }, 'Receipt') : ''])
  }
}

customElements.define('lethe-bar', Bar)
