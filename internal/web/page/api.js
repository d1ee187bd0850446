// The client of the JSON API. It is the only module that makes requests.

import { session } from './session.js'

/** An error that the service answered, or that there was no answer. */
export class Refused extends Error {
  /**
   * @param {string} message for people
   * @param {number} status of HTTP; 0 when there was no answer
   * @param {any} [body] the answer
   */
  constructor(message, status, body) {
    super(message)
    this.status = status
    this.body = body
  }
}

/**
 * Makes one request with the key of this session.
 * @param {string} method
 * @param {string} path below /api/
 * @param {any} [body] sent as JSON
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function request(method, path, body, options = {}) {
  const headers = new Headers(options.headers)
  const key = session.key
  if (key && !headers.has('Authorization')) headers.set('Authorization', `Bearer ${key}`)
  if (body !== undefined && !(body instanceof Blob)) {
    headers.set('Content-Type', 'application/json')
    body = JSON.stringify(body)
  }
  let response
  try {
    response = await fetch(`api/${path}`, { credentials: 'omit', cache: 'no-store', ...options, method, headers, body })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Refused('Lethe does not answer. Is it running?', 0)
  }
  if (response.ok) return response
  const answer = await response.json().catch(() => ({}))
  // Only the key that is in use now: another one may be tried, or may have taken its place since.
  if (response.status === 401 && key && key === session.key && headers.get('Authorization') === `Bearer ${key}`) session.refused()
  throw new Refused(answer.error || `The service answered ${response.status}.`, response.status, answer)
}

/** @param {string} path @param {Record<string, any>} [query] @param {AbortSignal} [signal] */
async function get(path, query = {}, signal) {
  const known = Object.entries(query).filter(([, v]) => v !== undefined && v !== '' && v !== null && v !== false)
  const text = new URLSearchParams(known.map(([k, v]) => [k, String(v)])).toString()
  return (await request('GET', path + (text && `?${text}`), undefined, { signal })).json()
}

/** @param {string} path @param {any} body @param {RequestInit} [options] */
const post = async (path, body, options) => (await request('POST', path, body, options)).json()

const base = 'chat-history/'

export const api = {
  /** @param {{query: string, mode?: string, limit?: number, platform?: string, dateFrom?: string, dateTo?: string}} q @param {AbortSignal} [signal] */
  search: (q, signal) => post(`${base}search`, q, { signal }),
  /** @param {Record<string, any>} query @param {AbortSignal} [signal] */
  chats: (query, signal) => get(`${base}chats`, query, signal),
  /** @param {string} conversationId @param {number} from @param {number} limit @param {AbortSignal} [signal] */
  messages: (conversationId, from, limit, signal) => get(`${base}messages`, { conversationId, from, limit, html: true }, signal),
  /** @param {string} conversationId @param {string} query @param {AbortSignal} [signal] */
  hits: (conversationId, query, signal) => get(`${base}messages/hits`, { conversationId, query }, signal),
  /** @param {{conversationId: string, title?: string, pinned?: boolean}} change */
  edit: async (change) => (await request('PATCH', `${base}conversation`, change)).json(),
  /** @param {any} what `{ids}` or `{filter}` or `{all: true}` */
  preview: (what) => post(`${base}chats/delete-preview`, what),
  /** @param {any} body with dryRun for a preview @param {boolean} leaving the page is being closed */
  deleteMessages: (body, leaving) => post(`${base}messages/delete`, body, { keepalive: leaving }),
  /** @param {any} body @param {boolean} [leaving] the page is being closed */
  deleteChats: (body, leaving) => post(`${base}chats/delete`, body, { keepalive: leaving }),
  /** @param {any} body @param {boolean} [leaving] */
  deleteMatching: (body, leaving) => post(`${base}chats/delete-matching`, body, { keepalive: leaving }),
  /** @param {{query: string, maxTokens?: number}} q */
  recall: (q) => post(`${base}inject`, q),
  stats: () => get(`${base}stats`),
  /** @param {number} page */
  deletions: (page) => get(`${base}deletions`, { page, pageSize: 50 }),
  /** @param {number} page */
  imports: (page) => get(`${base}imports`, { page, pageSize: 20 }),
  /** @param {string} id */
  import: (id) => get(`${base}imports/${id}`),
  /** @param {string} id */
  stopImport: (id) => post(`${base}imports/${id}/stop`, {}),
  /** @param {Record<string, any>} query */
  exportFile: async (query) => {
    const text = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])).toString()
    return (await request('GET', `${base}export?${text}`)).blob()
  },
  me: () => get('me'),
  /** Asks with a key that is not in use yet. @param {string} key */
  tryKey: async (key) => { await request('GET', 'me', undefined, { headers: { Authorization: `Bearer ${key}` } }) },
  keys: () => get('keys'),
  /** @param {any} body */
  makeKey: (body) => post('keys', body),
  /** @param {string} id */
  revokeKey: async (id) => { await request('DELETE', `keys/${id}`) },
  workspaces: () => get('workspaces'),
  /** @param {string} name */
  makeWorkspace: (name) => post('workspaces', { name }),
  /** @param {string} code */
  exchange: (code) => post('page/session', { code }),
}

/**
 * Sends a file, and says how much of it has been sent. fetch cannot say that.
 * @param {Blob} file
 * @param {string} name
 * @param {(sent: number) => void} progress
 * @returns {Promise<any>} the answer: the record of the import
 */
export function sendFile(file, name, progress) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest()
    call.open('POST', `api/${base}import?fileName=${encodeURIComponent(name)}`)
    call.setRequestHeader('Authorization', `Bearer ${session.key}`)
    call.setRequestHeader('Prefer', 'respond-async')
    call.setRequestHeader('Content-Type', 'application/octet-stream')
    call.responseType = 'json'
    call.upload.onprogress = (e) => progress(e.loaded)
    call.onload = () => (call.status < 300 ? resolve(call.response) : reject(new Refused(call.response?.error || `The service answered ${call.status}.`, call.status, call.response)))
    call.onerror = () => reject(new Refused('The connection broke. Nothing is half imported; drop the file again.', 0))
    call.send(file)
  })
}
