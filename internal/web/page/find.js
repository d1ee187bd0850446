// The search box, the mode and the filters.

import { api } from './api.js'
import { fill, h, icon, icons } from './dom.js'
import { Part } from './part.js'
import { menu } from './notices.js'
import { open } from './deletion.js'
import { state, whenChanged } from './state.js'
import { count, platformName, plural } from './words.js'

const modes = /** @type {[string, string][]} */ ([['hybrid', 'Words and meaning'], ['keyword', 'Words'], ['semantic', 'Meaning']])

class Find extends Part {
  /** @type {HTMLInputElement} */
  box
  /** @type {HTMLElement} */
  mode
  /** @type {HTMLElement} */
  menuButton
  /** @type {HTMLElement} */
  chips
  /** @type {HTMLElement} */
  indexing

  /** @param {{signal: AbortSignal}} here */
  begin(here) {
    this.box = /** @type {HTMLInputElement} */ (h('input', {
      type: 'search', id: 'box', placeholder: 'Find anything you said', 'aria-label': 'Search', autocomplete: 'off', spellcheck: 'false', enterkeyhint: 'search',
      oninput: () => state.go({ q: /** @type {HTMLInputElement} */ (this.box).value, view: 'find' }, true),
      onkeydown: (/** @type {KeyboardEvent} */ e) => this.key(e),
    }))
    this.mode = h('button', { class: 'mode', 'aria-haspopup': 'menu', onclick: () => this.chooseMode() })
    this.menuButton = h('button', { class: 'plain', 'aria-label': 'Menu', 'aria-haspopup': 'menu', onclick: () => this.chooseView() }, icon(icons.menu))
    this.chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'Filters' })
    this.indexing = h('span', { class: 'quiet indexing', role: 'status' })
    this.append(h('header', {},
      h('div', { class: 'top' },
        h('h1', {}, h('a', { class: 'brand', href: './', onclick: (/** @type {Event} */ e) => { e.preventDefault(); state.go({ view: 'find', q: '', chat: '', at: '', platform: '', from: '', to: '', pinned: '', import: '' }) } }, 'Lethe')),
        h('search', { class: 'box' }, icon(icons.search), this.box, this.mode),
        h('button', { class: 'bring-in', 'aria-label': 'Bring in', onclick: () => state.go({ view: 'bring' }) }, icon(icons.add), h('span', {}, 'Bring in')),
        this.menuButton),
      h('div', { class: 'under' }, this.chips, this.indexing)))
    whenChanged(['q'], () => this.drawBox(), here.signal)
    whenChanged(['mode', 'platform', 'from', 'to', 'pinned', 'import'], () => this.draw(), here.signal)
    this.drawBox()
    this.draw()
    this.box.focus()
  }

  drawBox() {
    if (this.box.value !== state.shown.q) this.box.value = state.shown.q
  }

  draw() {
    const { platform, from, to, pinned, mode } = state.shown
    fill(this.mode, modes.find(([m]) => m === mode)?.[1] ?? mode)
    const chip = (/** @type {string} */ text, /** @type {Partial<import('./state.js').Shown>} */ without) =>
      h('button', { class: 'chip', 'aria-label': `Remove the filter ${text}`, onclick: () => state.go(without) }, text, icon(icons.close))
    fill(this.chips,
      platform ? chip(platformName(platform), { platform: '' }) : null,
      from || to ? chip(from && to ? `${from} to ${to}` : from ? `from ${from}` : `until ${to}`, { from: '', to: '' }) : null,
      pinned ? chip('Pinned', { pinned: '' }) : null,
      state.shown.import ? chip('One import', { import: '' }) : null,
      h('button', { class: 'chip add', 'aria-haspopup': 'dialog', onclick: () => this.filter() }, icon(icons.add), 'Filter'))
  }

  /** Says how far indexing is. @param {any} stats */
  tell(stats) {
    const waiting = stats.backlog.queued + stats.backlog.indexing
    const text = waiting ? `${count(stats.conversations)} chats · indexing, ${count(waiting)} to go` : ''
    const lost = stats.embedding?.lost ? 'Search by meaning is off: the embeddings server does not answer.' : ''
    fill(this.indexing, lost || text)
  }

  chooseMode() {
    menu(this.mode, modes.map(([mode, text]) => [`${mode === state.shown.mode ? '✓ ' : ''}${text}`, () => state.go({ mode })]))
  }

  chooseView() {
    menu(this.menuButton, [
      ['Find', () => state.go({ view: 'find' })],
      ['Digest for a prompt', () => import('./recall.js').then((m) => m.recall(state.shown.q))],
      ['Bring chats in', () => state.go({ view: 'bring' })],
      ['What is here', () => state.go({ view: 'look' })],
      ['Receipts', () => state.go({ view: 'receipts' })],
      ['Keys and workspaces', () => state.go({ view: 'keys' })],
      ['Keyboard', () => import('./help.js').then((m) => m.help())],
      ['Sign out', () => import('./signin.js').then((m) => m.signOut())],
    ])
  }

  async filter() {
    const stats = await api.stats().catch(() => ({ platforms: [] }))
    const s = state.shown
    const platform = /** @type {HTMLSelectElement} */ (h('select', { id: 'f-platform' }, h('option', { value: '' }, 'All'),
      stats.platforms.map((/** @type {any} */ p) => h('option', { value: p.platform, selected: p.platform === s.platform }, `${p.displayName || platformName(p.platform)} (${plural(p.conversations, 'chat')})`))))
    const from = /** @type {HTMLInputElement} */ (h('input', { type: 'date', id: 'f-from', value: s.from }))
    const to = /** @type {HTMLInputElement} */ (h('input', { type: 'date', id: 'f-to', value: s.to }))
    const pinned = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', id: 'f-pinned', checked: s.pinned !== '' }))
    const dialog = open('Filter', h('form', { method: 'dialog', class: 'fields', onsubmit: () => state.go({ platform: platform.value, from: from.value, to: to.value, pinned: pinned.checked ? 'yes' : '' }) },
      h('label', { for: 'f-platform' }, 'Platform'), platform,
      h('label', { for: 'f-from' }, 'From'), from,
      h('label', { for: 'f-to' }, 'To'), to,
      h('label', { for: 'f-pinned' }, 'Pinned only'), pinned,
      h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), h('button', { class: 'main' }, 'Show'))))
  }

  /** Goes from the box to the first row of what was asked for. @param {any} list @param {boolean} open the row, too */
  async enter(list, open) {
    const asked = state.shown.q
    await list.settled()
    if (state.shown.q !== asked) return
    list.body.focus()
    list.move(Math.max(0, list.active))
    if (open) list.open(list.active)
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const list = /** @type {any} */ (document.querySelector('lethe-list'))
    if (e.key === 'Escape') {
      e.stopPropagation()
      if (this.box.value) state.go({ q: '' }, true)
      else this.box.blur()
    } else if (e.key === 'ArrowDown' || e.key === 'Enter') {
      e.preventDefault()
      this.enter(list, e.key === 'Enter')
    }
  }
}

customElements.define('lethe-find', Find)

