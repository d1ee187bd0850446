// The service worker. The browser ends it whenever it likes, after 30 idle seconds or in the
// middle of a request, so a chat is in the outbox before it is sent and until Lethe has it.
// Sending twice does no harm: Lethe knows the chat by its id.

import { lethe } from './lethe.js'

const outbox = 'outbox:'

/** Sends what is in the outbox. What cannot be sent now is kept and tried again every minute. */
async function send() {
  const waiting = Object.entries(await chrome.storage.local.get(null)).filter(([name]) => name.startsWith(outbox))
  let problem
  for (const [name, chat] of waiting) {
    try {
      await lethe('POST', '/api/chat-history/ingest/custom-online', chat)
      await chrome.storage.local.remove(name)
    } catch (e) {
      problem = e
      if (!e.passes) await chrome.storage.local.remove(name)
    }
  }
  await (problem?.passes ? chrome.alarms.create('send', { periodInMinutes: 1 }) : chrome.alarms.clear('send'))
  await chrome.action.setBadgeText({ text: problem ? '!' : '' })
  if (problem) throw problem
}

/** Stores the selected text of a page as a chat of one message. */
async function save({ text, title, address }) {
  const id = crypto.randomUUID()
  const chat = {
    platform: 'web',
    platformDisplayName: 'Web pages',
    conversation: { id, title, link: address, messages: [{ id: 'selection', role: 'human', content: text, createdAt: new Date().toISOString() }] },
  }
  await chrome.storage.local.set({ [outbox + id]: chat })
  try {
    await send()
    return 'Saved in Lethe.'
  } catch (e) {
    throw e.passes ? new Error(`${e.message} The selection is kept and sent later.`) : e
  }
}

const answers = {
  save,
  search: async ({ query }) => (await lethe('POST', '/api/chat-history/search', { query, limit: 3, contextChunks: 0 })).results,
}

// A content script asks, and gets {answer} or {problem}.
chrome.runtime.onMessage.addListener((message, _sender, respond) => {
  const ask = answers[message.ask]
  if (!ask) return false
  ask(message).then((answer) => respond({ answer }), (e) => respond({ problem: e.message }))
  return true // the answer comes later
})

chrome.alarms.onAlarm.addListener(() => send().catch(() => {})) // the badge says it
send().catch(() => {}) // what an earlier worker left
