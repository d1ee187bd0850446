// The service that is tried, called without any client.
import assert from 'node:assert/strict'

export const url = process.env.SERVICE_URL
export const key = process.env.LETHE_API_KEY
export const headers = { Authorization: `Bearer ${key}` }

const api = async (path, body) => {
  const answer = await fetch(`${url}/api/chat-history/${path}`, {
    method: body ? 'POST' : 'GET', headers: { ...headers, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

// upload stores a conversation and returns its id when search can find it.
export async function upload(title) {
  const { body } = await api('ingest/custom-online', {
    conversation: { id: title, title, messages: [{ role: 'human', content: `The ${title} ferry leaves at nine.` }] },
  })
  for (;;) {
    const { body: state } = await api(`imports/${body.importId}`)
    if (state.status === 'ready') return body.conversationId
    assert.notEqual(state.status, 'failed', state.error)
    await new Promise((done) => setTimeout(done, 100))
  }
}

// isDeleted fails unless a conversation was deleted.
export async function isDeleted(id) {
  assert.equal((await api(`conversation?conversationId=${id}`)).status, 404, 'the conversation is still there')
}
