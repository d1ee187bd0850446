// The popup: the newest chats, a search, a delete that asks first, and the settings.

import { lethe, settings } from './lethe.js'

const $ = (selector) => document.querySelector(selector)

/** Shows what an action does, and its problem. */
async function tell(action) {
  $('#status').className = ''
  try {
    $('#status').textContent = await action()
  } catch (e) {
    $('#status').className = 'problem'
    $('#status').textContent = e.message
  }
}

function show(chats) {
  $('#chats').replaceChildren(...chats.map(({ id, title, note }) => {
    const row = document.createElement('li')
    const parts = ['strong', 'small', 'button'].map((name) => row.appendChild(document.createElement(name)))
    parts[0].textContent = title // as text: it is what anybody may have written
    parts[1].textContent = note
    parts[2].textContent = 'Delete'
    parts[2].ariaLabel = `Delete “${title}”`
    parts[2].className = 'delete'
    parts[2].onclick = () => confirmDelete(id, title)
    return row
  }))
}

async function recent() {
  const { items, total } = await lethe('GET', '/api/chat-history/chats?pageSize=10')
  show(items.map((c) => ({ id: c.id, title: c.title, note: `${c.updatedAt.slice(0, 10)} · ${c.platform} · ${c.messageCount === 1 ? '1 message' : `${c.messageCount} messages`}` })))
  return total === 1 ? '1 chat' : `${total} chats`
}

async function search(query) {
  const { results } = await lethe('POST', '/api/chat-history/search', { query, limit: 20, contextChunks: 0 })
  const best = new Map(results.map((r) => [r.conversationId, r]).reverse()) // the first of each chat is its best
  show([...best.values()].reverse().map((r) => ({ id: r.conversationId, title: r.title, note: r.text.slice(0, 160) })))
  return results.length === 0 ? 'Nothing was found.' : ''
}

const refresh = () => tell(() => {
  const query = $('#find input').value.trim()
  return query ? search(query) : recent()
})

function confirmDelete(id, title) {
  $('#question').textContent = `Delete “${title}” for good, with everything that Lethe has of it?`
  $('#confirm form').onsubmit = ({ submitter }) => { if (submitter.value === 'delete') forget(id) }
  $('#confirm').showModal()
}

const forget = (id) => tell(async () => {
  const { count } = await lethe('DELETE', '/api/chat-history/chats', { ids: [id] })
  await refresh()
  return count === 1 ? 'Deleted.' : 'It had been deleted before.'
})

$('#find').onsubmit = (e) => { e.preventDefault(); refresh() }
$('#find input').oninput = (e) => { if (e.target.value === '') refresh() }
$('#settings form').onsubmit = async (e) => {
  e.preventDefault()
  const given = Object.fromEntries(new FormData(e.target))
  await chrome.storage.local.set({ address: given.address.replace(/\/+$/, ''), key: given.key.trim() })
  $('#settings').open = false
  refresh()
}

const stored = await settings()
for (const [name, value] of Object.entries(stored)) $(`#settings [name=${name}]`).value = value
$('#settings').open = !stored.key
refresh()
