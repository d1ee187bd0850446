// The open conversation. Messages are loaded in blocks. A block that is far from the visible part is replaced by a
// space of its height, so that long conversations scroll as well as short ones.

import { api } from './api.js'
import { announce } from './announce.js'
import { fill, h, icon, icons, set } from './dom.js'
import { Part } from './part.js'
import { deleteChats, deleteMessage } from './deletion.js'
import { holds } from './holds.js'
import { session } from './session.js'
import { state, whenChanged } from './state.js'
import { trusted } from './trusted.js'
import { menu, toast } from './notices.js'
import { count, exactDate, longDate, platformName, plural, patternOf, shortDate } from './words.js'

const blockSize = 50 // messages
const guess = 120 // estimated height of a message that was not measured, in pixels
const folded = 1900 // characters of a message that are shown before the user expands it

class Reader extends Part {
  /** @type {HTMLElement} */
  header
  /** @type {HTMLElement} */
  pane
  /** @type {HTMLElement} */
  hitBar
  /** @type {IntersectionObserver} the blocks that are near */
  seen
  /** @type {any} the open conversation, as the API describes it */
  chat
  /** @type {number} messages of it */
  total
  /** @type {number[]} positions of messages */
  hits
  /** @type {number} index of the hit that is shown, or -1 */
  hit
  /** @type {Set<string>} branches that are open */
  unfolded
  /** @type {AbortController|undefined} */
  asked

  /** @param {{signal: AbortSignal}} here */
  begin(here) {
    this.setAttribute('aria-label', 'Conversation')
    this.header = h('header', { class: 'chat-head' })
    this.pane = h('div', { class: 'chat-body', tabindex: '0', role: 'log', 'aria-label': 'Messages', 'aria-live': 'off' })
    this.hitBar = h('div', { class: 'hit-bar', hidden: true })
    this.append(this.header, this.pane, this.hitBar)
    this.seen = new IntersectionObserver((entries) => this.watch(entries), { root: this.pane, rootMargin: '800px 0px' })
    whenChanged(['chat'], () => this.open(), here.signal)
    whenChanged(['q', 'at'], () => this.findHits(), here.signal)
    holds.addEventListener('done', (e) => this.afterDelete(/** @type {CustomEvent} */ (e).detail), here)
    holds.addEventListener('change', () => this.showHeld(), here)
    this.open()
  }

  async open() {
    this.asked?.abort()
    const id = state.shown.chat
    this.seen?.disconnect()
    this.chat = null
    this.hits = []
    this.hit = -1
    this.unfolded = new Set()
    if (this.hitBar) this.hitBar.hidden = true
    if (!id) {
      fill(this.header)
      fill(this.pane, h('div', { class: 'blank' }, h('p', {}, 'Choose a chat to read it.'), h('p', { class: 'quiet' }, 'Press / to search, ? for all keys.')))
      return
    }
    const asked = (this.asked = new AbortController())
    try {
      const at = Number(state.shown.at) || 0
      const first = Math.floor(at / blockSize) * blockSize
      const answer = await api.messages(id, first, blockSize, asked.signal)
      if (asked.signal.aborted) return
      this.chat = answer.conversation
      this.total = answer.total
      this.drawHeader()
      this.drawBlocks(first, answer.items)
      this.reveal(at, state.shown.at !== '')
      this.findHits()
    } catch (error) {
      if (asked.signal.aborted) return
      fill(this.header)
      const missing = /** @type {any} */ (error).status === 404
      fill(this.pane, h('div', { class: 'blank' }, h('p', {}, missing ? 'This chat is not here. It may have been deleted.' : /** @type {Error} */ (error).message),
        missing ? null : h('button', { onclick: () => this.open() }, 'Try again')))
    }
  }

  /** Greys what is about to be deleted. */
  showHeld() {
    this.classList.toggle('held', Boolean(this.chat && holds.current?.ids.has(this.chat.id)))
    for (const m of this.pane.querySelectorAll('.message')) m.classList.toggle('held', holds.holdsMessage(/** @type {HTMLElement} */ (m).dataset.id || ''))
  }

  /** Asks whether to delete the message in focus, or else the hit that is shown. */
  deleteHere() {
    const message = /** @type {HTMLElement|null} */ (document.activeElement?.closest('.message') || this.pane.querySelector('.message.here'))
    if (this.chat && message?.dataset.id && session.may('write')) deleteMessage(this.chat.id, message.dataset.id)
  }

  drawHeader() {
    const c = this.chat
    const write = session.may('write')
    fill(this.header,
      h('button', { class: 'plain back', 'aria-label': 'Back to the list', onclick: () => state.go({ chat: '', at: '' }) }, icon(icons.back)),
      h('div', { class: 'chat-name' },
        h('h2', { dir: 'auto', tabindex: '-1' }, c.title),
        h('p', { class: 'quiet' }, `${platformName(c.platform)} · `, h('time', { datetime: c.createdAt, title: exactDate(c.createdAt) }, longDate(c.createdAt)),
          ` · ${plural(c.messageCount, 'message')}`, c.project ? ` · ${c.project}` : '')),
      write ? h('button', { class: 'plain', 'aria-pressed': String(c.pinned), 'aria-label': c.pinned ? 'Unpin' : 'Pin', title: c.pinned ? 'Unpin' : 'Pin', onclick: () => this.pin() }, icon(icons.star)) : null,
      h('button', { class: 'plain', 'aria-label': 'More about this chat', 'aria-haspopup': 'menu', onclick: (/** @type {MouseEvent} */ e) => this.more(/** @type {HTMLElement} */ (e.currentTarget)) }, icon(icons.more)))
  }

  /** @param {HTMLElement} button */
  more(button) {
    const c = this.chat
    const write = session.may('write')
    menu(button, [
      c.link ? ['Open where it took place', () => window.open(c.link, '_blank', 'noopener,noreferrer')] : null,
      ['Copy as Markdown', () => this.copyAll()],
      ['Export', () => this.export()],
      write ? ['Rename', () => this.rename()] : null,
      write ? ['Delete this chat …', () => deleteChats([{ id: c.id, title: c.title, platform: c.platform, date: c.updatedAt, pinned: c.pinned, messages: c.messageCount }]), 'danger'] : null,
    ])
  }

  async pin() {
    const c = this.chat
    await this.change({ pinned: !c.pinned })
    announce(this.chat.pinned ? 'Pinned' : 'Not pinned any more')
  }

  /** @param {{title?: string, pinned?: boolean}} change */
  async change(change) {
    try {
      Object.assign(this.chat, await api.edit({ conversationId: this.chat.id, ...change }), { id: this.chat.id })
      this.drawHeader()
      this.dispatchEvent(new CustomEvent('changed', { bubbles: true }))
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'problem')
    }
  }

  rename() {
    const title = /** @type {HTMLElement} */ (this.header?.querySelector('h2'))
    const input = /** @type {HTMLInputElement} */ (h('input', { class: 'rename', value: this.chat.title, 'aria-label': 'Title', maxlength: 500 }))
    let open = true
    const done = (/** @type {boolean} */ keep) => {
      if (!open) return
      open = false // the field loses the focus when it is replaced
      input.replaceWith(title)
      if (keep && input.value.trim() && input.value !== this.chat.title) this.change({ title: input.value.trim() })
    }
    input.addEventListener('keydown', (e) => {
      if (e.key === 'Enter' || e.key === 'Escape') {
        e.stopPropagation()
        done(e.key === 'Enter')
      }
    })
    input.addEventListener('blur', () => done(true))
    title.replaceWith(input)
    input.focus()
    input.select()
  }

  /** Copies every message. They come from the export, because what is shown of long messages is cut. */
  async copyAll() {
    try {
      const parts = [`# ${this.chat.title}\n`]
      for (const line of (await (await api.exportFile({ conversationId: this.chat.id })).text()).split('\n')) {
        if (!line) continue
        for (const m of JSON.parse(line).conversation.messages) {
          if (!m.hidden && !m.branch) parts.push(`**${speaker(m.role, this.chat.platform)}** · ${exactDate(m.createdAt)}\n\n${m.content}\n`)
        }
      }
      await navigator.clipboard.writeText(parts.join('\n'))
      toast('Copied as Markdown')
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'problem')
    }
  }

  async export() {
    const { save } = await import('./save.js')
    await save(await api.exportFile({ conversationId: this.chat.id }), `${this.chat.title}.jsonl`)
  }

  /** @param {number} first @param {any[]} items of the block that begins there */
  drawBlocks(first, items) {
    const blocks = []
    for (let from = 0; from < this.total; from += blockSize) {
      const n = Math.min(blockSize, this.total - from)
      const block = h('div', { class: 'block', 'data-from': from })
      block.style.minHeight = `${n * guess}px`
      blocks.push(block)
    }
    fill(this.pane, blocks)
    const here = blocks[first / blockSize]
    if (here) this.fillBlock(here, items)
    for (const b of blocks) this.seen.observe(b)
  }

  /** @param {IntersectionObserverEntry[]} entries */
  watch(entries) {
    for (const e of entries) {
      const block = /** @type {HTMLElement} */ (e.target)
      block.classList.toggle('near', e.isIntersecting)
      if (e.isIntersecting) this.loadBlock(block)
      else if (block.dataset.filled) this.emptyBlock(block)
    }
  }

  /** @param {HTMLElement} block @param {boolean} [anyway] also when it was scrolled away before the messages came */
  async loadBlock(block, anyway = false) {
    if (block.dataset.filled || block.dataset.loading) return
    block.dataset.loading = 'yes'
    try {
      const { items } = await api.messages(this.chat.id, Number(block.dataset.from), blockSize, this.asked?.signal)
      if (block.isConnected && (anyway || block.classList.contains('near'))) this.fillBlock(block, items)
    } catch (error) {
      if (block.isConnected && /** @type {any} */ (error).name !== 'AbortError') {
        fill(block, h('p', { class: 'problem' }, /** @type {Error} */ (error).message, ' ', h('button', { onclick: () => { fill(block); this.loadBlock(block) } }, 'Try again')))
      }
    } finally {
      delete block.dataset.loading
    }
  }

  /** @param {HTMLElement} block @param {any[]} items */
  fillBlock(block, items) {
    const above = block.offsetTop + block.offsetHeight < this.pane.scrollTop
    const before = block.offsetHeight
    fill(block, together(items).map((some) => (asideOf(some[0]) ? this.aside(some) : this.message(some[0]))))
    block.style.minHeight = ''
    block.dataset.filled = 'yes'
    if (above) this.pane.scrollTop += block.offsetHeight - before
    this.mark()
  }

  /** @param {HTMLElement} block */
  emptyBlock(block) {
    block.style.minHeight = `${block.offsetHeight}px`
    fill(block)
    delete block.dataset.filled
  }

  /** Messages beside the active path, folded until somebody wants to see them. @param {any[]} some of one branch, or hidden */
  aside(some) {
    const key = asideOf(some[0])
    const what = some[0].branch ? `Another branch: ${plural(some.length, 'message')}` : plural(some.length, 'hidden message')
    const details = /** @type {HTMLDetailsElement} */ (h('details', { class: 'aside', open: this.unfolded.has(key) }, h('summary', {}, what), some.map((m) => this.message(m))))
    details.addEventListener('toggle', () => (details.open ? this.unfolded.add(key) : this.unfolded.delete(key)))
    return details
  }

  /** @param {any} m */
  message(m) {
    const who = speaker(m.sender, this.chat.platform)
    const body = h('div', { class: 'text', dir: 'auto' })
    if (m.html) body.append(trusted(m.html))
    else body.textContent = m.text
    for (const pre of body.querySelectorAll('pre')) pre.append(copyButton(pre))
    const element = h('article', {
      class: `message ${m.sender}${m.hidden ? ' hidden-message' : ''}${m.branch ? ' branch' : ''}${holds.holdsMessage(m.id) ? ' held' : ''}`, 'data-position': m.position, 'data-id': m.id, 'aria-label': `${who}, ${exactDate(m.timestamp)}`,
    },
    h('div', { class: 'who' }, h('span', {}, who), h('time', { datetime: m.timestamp, title: exactDate(m.timestamp) }, shortDate(m.timestamp))),
    h('div', { class: 'said' }, body,
      m.files?.length ? h('p', { class: 'quiet files' }, m.files.join(' · ')) : null),
    h('div', { class: 'message-tools' },
      h('button', { class: 'plain', 'aria-label': 'Copy this message', title: 'Copy', onclick: () => navigator.clipboard.writeText(m.text).then(() => toast('Copied')) }, icon(icons.copy)),
      session.may('write') ? h('button', { class: 'plain', 'aria-label': 'Delete this message …', title: 'Delete this message … (d)', onclick: () => deleteMessage(this.chat.id, m.id) }, icon(icons.bin)) : null))
    if (m.text.length > folded) {
      body.classList.add('folded')
      const unfold = h('button', { class: 'link', onclick: () => { body.classList.toggle('folded'); unfold.textContent = body.classList.contains('folded') ? `Show ${m.cut ? 'more' : 'all'} of it (${count(m.text.length)} characters)` : 'Show less' } }, `Show ${m.cut ? 'more' : 'all'} of it (${count(m.text.length)} characters)`)
      element.querySelector('.said')?.append(unfold)
    }
    if (m.cut) element.querySelector('.said')?.append(h('p', { class: 'quiet' }, `Only the first ${count(m.text.length)} characters are shown. `, h('button', { class: 'link', onclick: () => this.export() }, 'Export the chat for the rest')))
    return element
  }

  /** Scrolls to a message. @param {number} position @param {boolean} flash */
  reveal(position, flash) {
    if (!position && !flash) {
      this.pane.scrollTop = 0
      return
    }
    const message = /** @type {HTMLElement|null} */ (this.pane.querySelector(`[data-position="${position}"]`))
    if (message) {
      message.closest('details')?.setAttribute('open', '')
      message.querySelector('.folded')?.classList.remove('folded')
      message.scrollIntoView({ block: 'center' })
      const mark = this.firstMark(message)
      if (mark) mark.startContainer.parentElement?.scrollIntoView({ block: 'center' })
      message.classList.toggle('here', flash)
      return
    }
    const block = /** @type {HTMLElement|undefined} */ (this.pane.children[Math.floor(position / blockSize)])
    if (!block) return
    block.scrollIntoView({ block: 'start' })
    this.loadBlock(block, true).then(() => { if (block.dataset.filled) this.reveal(position, flash) })
  }

  /** Asks which messages have the words of the query. */
  async findHits() {
    const { q, chat, at } = state.shown
    this.mark()
    if (!q.trim() || !chat || !this.chat) {
      this.hitBar.hidden = true
      return
    }
    try {
      const { positions } = await api.hits(chat, q, this.asked?.signal)
      this.hits = positions
      this.hit = positions.indexOf(Number(at))
      this.drawHits()
    } catch {
      this.hitBar.hidden = true
    }
  }

  drawHits() {
    this.hitBar.hidden = this.hits.length === 0
    if (!this.hits.length) return
    fill(this.hitBar, h('span', { role: 'status' }, this.hit >= 0 ? `${count(this.hit + 1)} of ${count(this.hits.length)}` : plural(this.hits.length, 'hit')),
      h('button', { class: 'plain', 'aria-label': 'Previous hit (p)', onclick: () => this.nextHit(-1) }, icon(icons.up)),
      h('button', { class: 'plain', 'aria-label': 'Next hit (n)', onclick: () => this.nextHit(1) }, icon(icons.down)))
  }

  /** @param {1|-1} step */
  nextHit(step) {
    if (!this.hits.length) return
    this.hit = this.hit < 0 ? (step > 0 ? 0 : this.hits.length - 1) : (this.hit + step + this.hits.length) % this.hits.length
    for (const m of this.pane.querySelectorAll('.here')) m.classList.remove('here')
    this.reveal(this.hits[this.hit], true)
    state.go({ at: String(this.hits[this.hit]) }, true)
    this.drawHits()
  }

  /** Marks the words of the query in what is shown. */
  mark() {
    if (!('highlights' in CSS)) return
    const pattern = patternOf(state.shown.q)
    if (!pattern) {
      CSS.highlights.delete('hit')
      return
    }
    const ranges = []
    for (const text of textsOf(this.pane)) {
      for (const m of (text.nodeValue || '').matchAll(pattern)) {
        const range = new Range()
        range.setStart(text, m.index)
        range.setEnd(text, m.index + m[0].length)
        ranges.push(range)
        if (ranges.length > 5000) break
      }
    }
    CSS.highlights.set('hit', new Highlight(...ranges))
  }

  /** @param {HTMLElement} message @returns {Range|undefined} */
  firstMark(message) {
    const highlight = 'highlights' in CSS ? CSS.highlights.get('hit') : undefined
    if (!highlight) return undefined
    for (const range of /** @type {Iterable<Range>} */ (/** @type {any} */ (highlight).values())) if (message.contains(range.startContainer)) return range
    return undefined
  }

  /** @param {{hold: any, answer: any}} done */
  afterDelete({ hold, answer }) {
    if (!this.chat) return
    if (hold.kind === 'message') {
      this.dispatchEvent(new CustomEvent('changed', { bubbles: true })) // its title and count may have changed
      if (hold.body.conversationId !== this.chat.id) return
      if (answer.conversationDeleted) state.go({ chat: '', at: '' }, true)
      else this.open()
      return
    }
    if ((answer.deleted || []).includes(this.chat.id)) state.go({ chat: '', at: '' }, true)
  }
}

/** What a message is beside the active path: the name of its branch, hidden, or nothing. @param {any} m @returns {string} */
const asideOf = (m) => m.branch || (m.hidden ? 'hidden' : '')

/** Consecutive messages of one branch, and consecutive hidden ones, are together; any other is alone. @param {any[]} items @returns {any[][]} */
function together(items) {
  /** @type {any[][]} */
  const all = []
  for (const m of items) {
    const last = all.at(-1)
    if (last && asideOf(m) && asideOf(last[0]) === asideOf(m)) last.push(m)
    else all.push([m])
  }
  return all
}

/** @param {string} sender @param {string} platform */
function speaker(sender, platform) {
  if (sender === 'human' || sender === 'user') return 'You'
  if (sender === 'assistant') return platformName(platform)
  return sender === 'tool' ? 'Tool' : 'System'
}

/** @param {Element} root @returns {Generator<Text>} */
function* textsOf(root) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  for (let n = walk.nextNode(); n; n = walk.nextNode()) if (n.parentElement?.closest('.text')) yield /** @type {Text} */ (n)
}

/** @param {HTMLElement} pre */
function copyButton(pre) {
  const button = h('button', { class: 'plain copy-code', 'aria-label': 'Copy this code', title: 'Copy', onclick: () => navigator.clipboard.writeText(pre.querySelector('code')?.textContent ?? '').then(() => toast('Copied')) }, icon(icons.copy))
  set(pre, 'tabindex', '0')
  return button
}

customElements.define('lethe-reader', Reader)
