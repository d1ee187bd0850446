// The page: which parts are shown, and the keyboard shortcuts that work everywhere.

import './find.js'
import './list.js'
import './reader.js'
import { api } from './api.js'
import { dropAnywhere } from './bring.js'
import { fill, h } from './dom.js'
import { nothing } from './empty.js'
import { events } from './events.js'
import { deleteSelection } from './deletion.js'
import { holds } from './holds.js'
import { selection } from './selection.js'
import { session } from './session.js'
import { takeCode } from './signin.js'
import { state, whenChanged } from './state.js'
import { toast } from './notices.js'
import { plural } from './words.js'

/** Views beside the list and the reader: the module of each, and its element. */
const views = /** @type {Record<string, [() => Promise<any>, string]>} */ ({
  bring: [() => import('./bring.js'), 'lethe-bring'],
  look: [() => import('./look.js'), 'lethe-look'],
  receipts: [() => import('./receipts.js'), 'lethe-receipts'],
  keys: [() => import('./access.js'), 'lethe-access'],
})

/** @param {string} name from the address */
const viewOf = (name) => (Object.hasOwn(views, name) ? views[name] : undefined)

class App extends HTMLElement {
  /** @type {HTMLElement|undefined} */
  main
  /** @type {HTMLElement|undefined} */
  other
  /** @type {Promise<void>|undefined} */
  asking

  async connectedCallback() {
    await takeCode()
    session.addEventListener('change', () => this.draw())
    session.addEventListener('refused', () => toast('The key is not accepted any more. Sign in again.', 'problem'))
    whenChanged(['view'], () => this.show())
    whenChanged(['chat'], () => this.classList.toggle('reading', state.shown.chat !== ''))
    this.addEventListener('nothing', (e) => { const { q, note } = /** @type {CustomEvent} */ (e).detail; nothing(note, q) })
    this.addEventListener('changed', () => /** @type {any} */ (this.querySelector('lethe-list'))?.load(true))
    events.addEventListener('index', () => this.askStats())
    events.addEventListener('open', () => this.askStats())
    document.addEventListener('keydown', (e) => this.key(e))
    dropAnywhere()
    this.draw()
    const unsent = holds.takeUnsent()
    if (unsent) toast(`${plural(unsent.count, 'chat')} ${unsent.count === 1 ? 'was' : 'were'} not deleted: the page was closed too early. They are all still here.`, 'problem')
  }

  draw() {
    if (!session.key) return this.signedOut()
    if (this.querySelector('lethe-find')) return
    api.me().then((who) => { session.who = who; this.show(); /** @type {any} */ (this.querySelector('lethe-bar'))?.draw() }).catch(() => {})
    this.main = h('main', {}, h('lethe-list', {}), h('lethe-reader', {}))
    this.other = h('main', { class: 'other', hidden: true })
    this.classList.toggle('reading', state.shown.chat !== '')
    fill(this, h('a', { class: 'skip', href: '#list' }, 'Skip to the list'), h('lethe-find', {}), this.main, this.other, h('lethe-bar', {}))
    this.show()
    this.askStats()
    events.turn()
  }

  /** Nothing of the chats stays on the page, not even in a dialog. */
  signedOut() {
    for (const dialog of document.querySelectorAll('dialog')) dialog.close()
    selection.clear()
    fill(this, h('lethe-sign-in', {}))
  }

  /** Shows the list and the reader, or another view. */
  async show() {
    if (!this.main || !this.other) return
    const view = viewOf(state.shown.view)
    this.main.hidden = Boolean(view)
    this.other.hidden = !view
    if (!view) return fill(this.other)
    await view[0]()
    if (viewOf(state.shown.view) !== view) return
    fill(this.other, h(view[1], {}))
  }

  askStats() {
    if (this.asking) return
    this.asking = api.stats().then((s) => /** @type {any} */ (this.querySelector('lethe-find'))?.tell(s)).catch(() => {}).finally(() => { this.asking = undefined })
  }

  /** The keys that work everywhere, but not while something is typed. @param {KeyboardEvent} e */
  key(e) {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') {
      e.preventDefault()
      return this.focusBox()
    }
    const target = /** @type {HTMLElement} */ (e.target)
    if (e.ctrlKey || e.metaKey || e.altKey || target.closest('input, textarea, select, dialog, [popover]')) return
    if (e.key.startsWith('Arrow') && (e.shiftKey || target === document.body)) return this.list?.key(e)
    const keys = /** @type {Record<string, () => void>} */ ({
      '/': () => this.focusBox(), '?': () => import('./help.js').then((m) => m.help()), '#': deleteSelection, Delete: deleteSelection,
      u: () => holds.cancel(), n: () => this.reader?.nextHit(1), p: () => this.reader?.nextHit(-1), d: () => this.reader?.deleteHere(), e: () => this.reader?.chat && this.reader.export(),
      j: () => this.list?.move(this.list.active + 1), k: () => this.list?.move(this.list.active - 1), x: () => this.pick(),
      Escape: () => this.leave(),
    })
    if (!Object.hasOwn(keys, e.key) || e.defaultPrevented) return
    e.preventDefault()
    keys[e.key]()
  }

  /** @returns {any} */
  get reader() { return this.querySelector('lethe-reader') }
  /** @returns {any} */
  get list() { return this.querySelector('lethe-list') }

  pick() {
    const item = this.list?.source.row(this.list.active)
    if (item) selection.toggle(item.chat)
  }

  focusBox() {
    state.go({ view: 'find' })
    const box = /** @type {HTMLInputElement|null} */ (document.getElementById('box'))
    box?.focus()
    box?.select()
  }

  /** Escape: first the selection, then another view, then the chat. */
  leave() {
    if (selection.size || selection.reasons.size) selection.clear()
    else if (state.shown.view !== 'find') state.go({ view: 'find' })
    else if (state.shown.chat) state.go({ chat: '', at: '' })
  }
}

customElements.define('lethe-app', App)
