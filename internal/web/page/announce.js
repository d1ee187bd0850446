// Announcements for screen readers when something changes.

import { h } from './dom.js'

const live = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' })
document.body.append(live)
let timer = 0

/** @param {string} text */
export function announce(text) {
  clearTimeout(timer)
  timer = window.setTimeout(() => { live.textContent = text }, 400)
}
