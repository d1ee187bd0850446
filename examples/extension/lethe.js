// Lethe's API for an extension. The worker and the popup call it; a content script cannot,
// because its requests have the origin of the page that it is in.

/** The address and the key that the popup has stored. */
export async function settings() {
  const { address = 'http://127.0.0.1:8787', key = '' } = await chrome.storage.local.get(['address', 'key'])
  return { address, key }
}

/** One request. It throws an Error with a sentence for a person when there is no answer to use. */
export async function lethe(method, path, body) {
  const { address, key } = await settings()
  if (!key) throw new Problem('Paste an API key in the settings first.', 401)
  let response
  try {
    response = await fetch(address + path, {
      method,
      headers: { Authorization: `Bearer ${key}`, ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
    })
  } catch {
    throw new Problem(`Lethe does not answer at ${address}. Is it running?`, 0)
  }
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Problem(answer.error ?? `Lethe answered with status ${response.status}.`, response.status)
  return answer
}

/** What went wrong. The status is 0 when nothing answered. */
export class Problem extends Error {
  constructor(message, status) {
    super(message)
    this.status = status
  }

  /** Whether the same request may succeed later, or with another key. */
  get passes() { return [0, 401, 403, 429].includes(this.status) || this.status >= 500 }
}
