// Toasts and menus.

import { announce } from './announce.js'
import { h } from './dom.js'

const shownFor = 6000 // ms
const reachableFor = 30_000 // ms, when it has a button that the keyboard must reach

/**
 * Shows a short text at the bottom, and tells it to screen readers.
 * @param {string|(string|Node)[]} text
 * @param {'problem'|'done'} [kind]
 */
export function toast(text, kind = 'done') {
  document.querySelector('.toast')?.remove()
  const element = h('div', { class: `toast ${kind}` }, text)
  document.body.append(element)
  announce(element.textContent || '')
  setTimeout(() => element.remove(), element.querySelector('button') ? reachableFor : kind === 'problem' ? 2 * shownFor : shownFor)
}

/**
 * Opens a menu at a button.
 * @param {HTMLElement} button
 * @param {([string, () => void, string?]|null)[]} items text, what it does, and a class
 */
export function menu(button, items) {
  const list = h('div', { class: 'menu', role: 'menu', popover: 'auto' },
    items.filter((i) => i !== null).map(([text, does, kind]) => h('button', { role: 'menuitem', class: kind || '', onclick: () => { list.hidePopover(); does() } }, text)))
  list.addEventListener('toggle', (e) => {
    if (/** @type {any} */ (e).newState !== 'closed') return
    // What was chosen may have moved the focus already, for example to a field.
    const lost = document.activeElement === document.body || list.contains(document.activeElement)
    list.remove()
    if (lost) button.focus()
  })
  list.addEventListener('keydown', (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    if (!step) return
    e.preventDefault()
    const buttons = [...list.querySelectorAll('button')]
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement))
    buttons[(at + step + buttons.length) % buttons.length].focus()
  })
  button.after(list)
  list.showPopover()
  const place = button.getBoundingClientRect()
  list.style.top = `${Math.min(place.bottom + 4, innerHeight - list.offsetHeight - 8)}px`
  list.style.left = `${Math.max(8, Math.min(place.right - list.offsetWidth, innerWidth - list.offsetWidth - 8))}px`
  list.querySelector('button')?.focus()
}
