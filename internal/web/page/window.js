// A list of any length. Only the visible rows exist as elements. All rows have the same height, so the position of
// each is known without measuring.

import { h } from './dom.js'

const spare = 8 // rows above and below the visible ones

/**
 * @template T
 */
export class Windowed {
  /**
   * @param {HTMLElement} scroller
   * @param {object} o
   * @param {number} o.height of a row in CSS pixels
   * @param {(index: number) => T|undefined} o.item undefined when it is not loaded yet
   * @param {(index: number) => HTMLElement} o.make a row
   * @param {(row: HTMLElement, item: T|undefined, index: number) => void} o.update
   * @param {(from: number, to: number) => void} o.visible called when other rows became visible
   */
  constructor(scroller, o) {
    this.scroller = scroller
    this.o = o
    this.count = 0
    this.space = h('div', { class: 'windowed-space', role: 'presentation' })
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map()
    /** @type {HTMLElement[]} */
    this.free = []
    scroller.append(this.space)
    this.ended = new AbortController()
    scroller.addEventListener('scroll', () => this.soon(), { passive: true, signal: this.ended.signal })
    this.sizes = new ResizeObserver(() => this.soon())
    this.sizes.observe(scroller)
  }

  /** Takes the rows away, for rows of another height. */
  end() {
    this.ended.abort()
    this.sizes.disconnect()
    this.space.remove()
  }

  /** @param {number} count */
  setCount(count) {
    this.count = count
    this.space.style.height = `${count * this.o.height}px`
    this.draw(true)
  }

  soon() {
    if (this.waiting) return
    this.waiting = true
    requestAnimationFrame(() => {
      this.waiting = false
      if (!this.ended.signal.aborted) this.draw(false)
    })
  }

  /** @param {boolean} all update the rows that are there already, too */
  draw(all) {
    const { height } = this.o
    const top = Math.floor(this.scroller.scrollTop / height)
    const from = Math.max(0, top - spare)
    const to = Math.min(this.count, top + Math.ceil(this.scroller.clientHeight / height) + spare)
    for (const [index, row] of this.rows) {
      if (index >= from && index < to) continue
      this.rows.delete(index)
      row.hidden = true
      this.free.push(row)
    }
    for (let index = from; index < to; index++) {
      let row = this.rows.get(index)
      const fresh = !row
      if (!row) {
        row = this.free.pop() ?? this.append(index)
        row.hidden = false
        row.style.transform = `translateY(${index * height}px)`
        this.rows.set(index, row)
      }
      if (fresh || all) this.o.update(row, this.o.item(index), index)
    }
    this.o.visible(from, to)
  }

  /** @param {number} index */
  append(index) {
    const row = this.o.make(index)
    this.space.append(row)
    return row
  }

  /** Scrolls so that a row can be seen. @param {number} index */
  reveal(index) {
    const { height } = this.o
    const top = index * height
    const { scrollTop, clientHeight } = this.scroller
    if (top < scrollTop) this.scroller.scrollTop = top
    else if (top + height > scrollTop + clientHeight) this.scroller.scrollTop = top + height - clientHeight
    this.draw(false)
  }
}
