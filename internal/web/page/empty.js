// The texts for empty lists.

import { api } from './api.js'
import { fill, h } from './dom.js'
import { state } from './state.js'
import { count, plural } from './words.js'

/**
 * Fills the place of the list when it is empty.
 * @param {HTMLElement} note
 * @param {string} q
 */
export async function nothing(note, q) {
  fill(note)
  const stats = await api.stats().catch(() => null)
  if (state.shown.q !== q || note.hidden) return
  if (!stats) return
  if (!stats.conversations) return fill(note, noChats())
  const waiting = stats.backlog.queued + stats.backlog.indexing
  const clear = state.filtered ? h('button', { onclick: () => state.go({ platform: '', from: '', to: '', pinned: '', import: '' }) }, 'Search without filters') : null
  if (!q) return fill(note, h('p', {}, 'No chat matches the filters.'), clear)
  fill(note,
    h('p', {}, 'Nothing found for ', h('q', { dir: 'auto' }, q), '.'),
    h('ul', {},
      waiting ? h('li', {}, `Still being indexed: ${count(waiting)} of ${plural(stats.conversations, 'chat')}.`) : null,
      stats.embedding?.lost ? h('li', {}, 'The embeddings server does not answer, so only words were looked for.') : null,
      stats.embedding?.model === 'none' ? h('li', {}, 'Search by meaning is switched off (LETHE_EMBEDDER=none).') : null,
      state.shown.mode !== 'hybrid' ? h('li', {}, h('button', { class: 'link', onclick: () => state.go({ mode: 'hybrid' }) }, 'Search by words and meaning')) : null,
      h('li', {}, 'Try fewer words, or other ones.')),
    clear)
}

function noChats() {
  return [
    h('h2', {}, 'No chats yet'),
    h('p', {}, 'Three ways in:'),
    h('ol', { class: 'ways' },
      h('li', {}, h('button', { class: 'main', onclick: () => state.go({ view: 'bring' }) }, 'Drop an export'), ' of ChatGPT, Claude, Gemini or another platform.'),
      h('li', {}, 'In a terminal: ', h('code', {}, 'lethe import ~/Downloads/export.zip')),
      h('li', {}, 'The agents on this machine: ', h('code', {}, 'lethe sync'))),
  ]
}
