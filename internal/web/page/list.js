// The list of conversations: the newest, or those that a search found.

import { api } from './api.js'
import { Found, Newest } from './chats.js'
import { fill, h, icon, icons, set } from './dom.js'
import { Part } from './part.js'
import { events } from './events.js'
import { holds } from './holds.js'
import { selection } from './selection.js'
import { state, whenChanged } from './state.js'
import { announce } from './announce.js'
import { toast } from './notices.js'
import { count, exactDate, platformName, plural, shortDate } from './words.js'
import { Windowed } from './window.js'

/** @typedef {import('./chats.js').Row} Row */

const debounce = 70 // ms
const rowHeight = 64
const foundHeight = 92

class List extends Part {
  /** @type {HTMLElement} */
  head
  /** @type {HTMLElement} */
  body
  /** @type {HTMLElement} shown when there are no rows */
  note
  /** @type {number} the row that keys act on, or -1 */
  active
  /** @type {Newest|Found} */
  source
  /** @type {Windowed<Row>|undefined} */
  rows
  /** @type {number|undefined} of the debounce */
  timer
  /** @type {Promise<void>|undefined} */
  loading
  /** @type {AbortController|undefined} */
  asked
  /** @type {number} ranges whose rows are being loaded */
  ranges
  /** @type {boolean} the list has changed while a range is being loaded */
  stale

  /** @param {{signal: AbortSignal}} here */
  begin(here) {
    this.id = 'list'
    this.tabIndex = -1
    this.setAttribute('aria-label', 'Conversations')
    this.head = h('div', { class: 'list-head', role: 'status' })
    this.body = h('div', { class: 'list-body', role: 'listbox', 'aria-label': 'Conversations', 'aria-multiselectable': 'true', tabindex: '0' })
    this.note = h('div', { class: 'list-note', hidden: true })
    this.append(this.head, this.body, this.note)
    this.active = -1
    this.ranges = 0
    this.stale = false
    this.source = new Newest()
    this.body.addEventListener('keydown', (e) => this.key(e))
    this.body.addEventListener('focus', () => this.active < 0 && this.move(0))
    whenChanged(['q', 'mode', 'platform', 'from', 'to', 'pinned', 'import'], () => this.later(), here.signal)
    whenChanged(['chat'], () => this.rows?.draw(true), here.signal)
    whenChanged(['platform', 'from', 'to', 'pinned', 'import', 'q'], () => selection.clear(), here.signal)
    selection.addEventListener('change', () => this.rows?.draw(true), here)
    holds.addEventListener('change', () => this.rows?.draw(true), here)
    holds.addEventListener('done', () => this.load(true), here)
    for (const kind of ['import', 'deletion']) events.addEventListener(kind, () => { if (!state.shown.q && !holds.current) this.load(true) }, here)
    this.load()
  }

  later() {
    clearTimeout(this.timer)
    this.timer = window.setTimeout(() => { this.timer = undefined; this.load() }, state.shown.q ? debounce : 0)
  }

  /** Waits until the list shows what is asked for. */
  async settled() {
    if (this.timer !== undefined) {
      clearTimeout(this.timer)
      this.timer = undefined
      this.load()
    }
    for (let load; load !== this.loading;) await (load = this.loading)
  }

  /** Loads the list again. The old rows stay until the new ones are here. @param {boolean} [stay] at the same place */
  load(stay = false) {
    this.stale = stay && this.ranges > 0
    if (this.stale) return
    return (this.loading = this.ask(stay))
  }

  /** @param {boolean} stay */
  async ask(stay) {
    this.asked?.abort()
    const asked = (this.asked = new AbortController())
    const { q, mode } = state.shown
    try {
      let source
      if (q.trim()) {
        source = new Found(await api.search({ query: q, mode, limit: 50, ...state.filter }, asked.signal))
      } else {
        source = new Newest(stay && this.source instanceof Newest ? this.source.places : undefined)
        await source.need(0, 1)
      }
      if (asked.signal.aborted) return source.stop()
      this.show(source, stay)
    } catch (error) {
      if (!asked.signal.aborted) this.fail(/** @type {Error} */ (error))
    }
  }

  /** @param {Newest|Found} source @param {boolean} stay */
  show(source, stay) {
    this.source.stop()
    this.source = source
    const height = source instanceof Found ? foundHeight : rowHeight
    if (this.rows?.o.height !== height) {
      this.rows?.end()
      this.rows = new Windowed(this.body, {
        height,
        item: (i) => this.source.row(i),
        make: () => this.make(height),
        update: (row, item, i) => this.update(row, item, i),
        visible: (from, to) => this.visible(from, to),
      })
    }
    if (!stay) {
      this.body.scrollTop = 0
      this.active = -1
    }
    this.rows.setCount(source.total)
    this.body.hidden = source.total === 0
    this.describe(source)
  }

  /** @param {number} from @param {number} to */
  async visible(from, to) {
    const source = this.source
    if (to <= from || !(await source.need(from, to).catch(() => false))) return
    if (source !== this.source) return
    if (this.rows && this.rows.count !== source.total) this.rows.setCount(source.total)
    else this.rows?.draw(true)
  }

  /** Says what is shown, or why nothing is. @param {Newest|Found} source */
  describe(source) {
    const { q, mode } = state.shown
    this.note.hidden = source.total > 0
    if (source instanceof Found) {
      const words = { keyword: 'by words', semantic: 'by meaning', hybrid: 'by words and meaning' }[/** @type {'keyword'} */ (source.mode)]
      fill(this.head, source.total ? `${plural(source.total, 'chat')} ${words}` : '', source.mode !== mode && source.total ? h('span', { class: 'quiet' }, ` (${mode === 'semantic' ? 'meaning' : 'both'} not available now)`) : null)
      if (source.total > 1) this.head.append(h('button', { class: 'link', onclick: () => this.everything() }, `Select these ${count(source.total)}`))
      announce(source.total ? `${plural(source.total, 'chat')} found` : 'Nothing found')
      if (!source.total) this.dispatchEvent(new CustomEvent('nothing', { detail: { q, note: this.note }, bubbles: true }))
      return
    }
    fill(this.head, source.total ? plural(source.total, 'chat') : '',
      source.total > 1 ? h('button', { class: 'link', onclick: () => this.everything() }, 'Select all') : null)
    if (!source.total) this.dispatchEvent(new CustomEvent('nothing', { detail: { q: '', note: this.note }, bubbles: true }))
  }

  everything() {
    if (this.source instanceof Found) selection.add(this.source.rows.map((r) => r.chat))
    else selection.selectEverything(this.source.total, state.filter)
  }

  /** @param {Error} error */
  fail(error) {
    this.note.hidden = false
    fill(this.note, h('p', { class: 'problem' }, error.message), h('button', { onclick: () => this.load() }, 'Try again'))
  }

  /** @param {number} height */
  make(height) {
    const row = h('div', { class: height === foundHeight ? 'row found' : 'row', role: 'option' },
      h('span', { class: 'tick', onclick: (/** @type {MouseEvent} */ e) => { e.stopPropagation(); this.pick(row, e.shiftKey) } }, icon(icons.check)),
      h('div', { class: 'row-text' },
        h('div', { class: 'row-top' }, h('span', { class: 'title', dir: 'auto' }), h('span', { class: 'pin' }), h('time', { class: 'date' })),
        h('div', { class: 'row-sub' })))
    row.addEventListener('click', (e) => (e.shiftKey || e.metaKey || e.ctrlKey ? this.pick(row, e.shiftKey) : this.open(Number(row.dataset.index))))
    return row
  }

  /** @param {HTMLElement} row @param {Row|undefined} item @param {number} index */
  update(row, item, index) {
    row.dataset.index = String(index)
    row.id = `row-${index}`
    const [title, pin, date] = /** @type {HTMLElement[]} */ ([...row.querySelectorAll('.title, .pin, .date')])
    const sub = /** @type {HTMLElement} */ (row.querySelector('.row-sub'))
    row.classList.toggle('loading', !item)
    row.classList.toggle('active', index === this.active)
    if (!item) {
      title.textContent = date.textContent = sub.textContent = pin.textContent = ''
      return
    }
    const { chat, snippet } = item
    const reason = selection.reasons.get(chat.id)
    title.textContent = chat.title
    fill(pin, chat.pinned ? icon(icons.star, 'pinned') : null)
    date.textContent = shortDate(chat.date)
    set(date, 'datetime', chat.date)
    set(date, 'title', exactDate(chat.date))
    set(row, 'aria-selected', selection.has(chat.id) ? 'true' : 'false')
    row.classList.toggle('open', chat.id === state.shown.chat)
    row.classList.toggle('held', holds.holds(chat))
    if (reason) fill(sub, h('span', { class: 'problem' }, reason))
    else if (snippet) {
      fill(sub, h('span', { class: 'snippet', dir: 'auto' }, marked(snippet.text, snippet.marks)),
        h('span', { class: 'quiet' }, platformName(chat.platform), snippet.more ? ` · ${count(snippet.more)} more in this chat` : ''))
    } else {
      fill(sub, h('span', { class: 'quiet' }, platformName(chat.platform), ` · ${plural(chat.messages, 'message')}`, indexNote(item.status)))
    }
  }

  /** @param {HTMLElement} row @param {boolean} range */
  async pick(row, range) {
    const index = Number(row.dataset.index)
    const item = this.source.row(index)
    if (!item) return
    if (range && selection.anchor) await this.range(index)
    else selection.toggle(item.chat)
    this.active = index
    this.rows?.draw(true)
  }

  /**
   * Selects from the anchor to a row, with the rows between that are not loaded yet. A change of the list waits until
   * they are.
   * @param {number} to
   * @returns {Promise<void>}
   */
  async range(to) {
    const { source } = this
    const anchor = source.indexOf(selection.anchor)
    if (anchor < 0) return
    const from = Math.min(anchor, to)
    const end = Math.max(anchor, to) + 1
    this.ranges++
    try {
      await source.need(from, end)
    } catch (error) {
      if (source === this.source) toast(/** @type {Error} */ (error).message, 'problem')
      return
    } finally {
      this.ranges--
      if (this.stale && !this.ranges) this.load(true)
    }
    if (source !== this.source) return
    if (source.indexOf(selection.anchor) !== anchor) return this.range(to) // the rows have moved
    const chats = []
    for (let i = from; i < end; i++) {
      const item = source.row(i)
      if (item) chats.push(item.chat)
    }
    selection.add(chats)
  }

  /** @param {number} index */
  open(index) {
    const item = this.source.row(index)
    if (!item) return
    this.active = index
    state.go({ chat: item.chat.id, at: item.snippet ? String(item.snippet.position) : '' })
  }

  /** Moves the active row. @param {number} to @param {boolean} [extend] the selection */
  move(to, extend = false) {
    if (!this.source.total) return
    to = Math.max(0, Math.min(this.source.total - 1, to))
    if (extend) {
      const here = this.source.row(Math.max(0, this.active))
      if (here && !selection.anchor) selection.toggle(here.chat)
    }
    this.active = to
    this.rows?.reveal(to)
    this.rows?.draw(true)
    set(this.body, 'aria-activedescendant', `row-${to}`)
    if (extend) this.range(to)
  }

  /** @param {KeyboardEvent} e of the list, or of the page when nothing else has the focus */
  key(e) {
    if (e.defaultPrevented) return
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 })
    if (e.ctrlKey || e.metaKey || e.altKey) {
      if ((e.ctrlKey || e.metaKey) && e.key === 'a') {
        e.preventDefault()
        this.everything()
      }
      return
    }
    const item = this.source.row(this.active)
    if (e.key in steps) this.move(this.active + steps[e.key], e.shiftKey)
    else if (e.key === 'Enter') this.open(this.active)
    else if ((e.key === 'x' || e.key === ' ') && item) selection.toggle(item.chat)
    else return
    e.preventDefault()
  }
}

/** @param {string} status */
function indexNote(status) {
  if (status === 'ready') return ''
  if (status === 'failed') return h('span', { class: 'problem' }, ' · cannot be searched')
  return ' · being indexed'
}

/**
 * A text with marks. Marks count code points.
 * @param {string} text
 * @param {{start: number, end: number}[]} marks
 */
export function marked(text, marks) {
  const all = Array.from(text)
  const out = []
  let at = 0
  for (const m of marks) {
    if (m.start < at) continue
    out.push(all.slice(at, m.start).join(''), h('mark', {}, all.slice(m.start, m.end).join('')))
    at = m.end
  }
  out.push(all.slice(at).join(''))
  return out
}

customElements.define('lethe-list', List)
