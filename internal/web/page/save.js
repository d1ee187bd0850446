// Saving a file from the page.

import { h } from './dom.js'

/** @param {Blob} blob @param {string} name */
export async function save(blob, name) {
  const url = URL.createObjectURL(blob)
  const safe = name.replace(/[^\p{L}\p{N}. _-]+/gu, ' ').replace(/\s+/g, ' ').trim().slice(-120) || 'chat.jsonl'
  const link = /** @type {HTMLAnchorElement} */ (h('a', { href: url, download: safe }))
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
