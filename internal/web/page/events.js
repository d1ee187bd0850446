// Events of the service: imports, the index, receipts. One tab of the browser keeps the stream open and tells the
// others. A hidden tab closes its stream. Without a stream the page polls.

import { request } from './api.js'
import { session } from './session.js'

const askEvery = 5000 // ms, without a stream
const retry = 3000

export const events = new (class extends EventTarget {
  constructor() {
    super()
    this.channel = new BroadcastChannel('lethe')
    this.channel.onmessage = (e) => this.tell(e.data.kind, e.data.detail)
    document.addEventListener('visibilitychange', () => this.turn())
    session.addEventListener('change', () => this.turn())
  }

  /** Begins or ends listening, as the page is visible or not. */
  turn() {
    const wanted = document.visibilityState === 'visible' && session.key !== ''
    if (!wanted) {
      this.stop?.abort()
      this.stop = undefined
      return
    }
    if (this.stop) return
    const stop = (this.stop = new AbortController())
    this.hold(stop.signal)
  }

  /** Waits for the lock, which one tab has, and listens while it has it. @param {AbortSignal} signal */
  async hold(signal) {
    await navigator.locks.request('lethe.events', { signal }, async () => {
      while (!signal.aborted) await this.listen(signal)
    }).catch(() => {})
  }

  /** @param {AbortSignal} signal */
  async listen(signal) {
    try {
      const response = await request('GET', 'chat-history/events', undefined, { signal, headers: { Accept: 'text/event-stream' } })
      const reader = /** @type {ReadableStream<any>} */ (response.body).pipeThrough(new TextDecoderStream()).getReader()
      this.spread('open', null)
      if (this.missed) for (const kind of ['import', 'index', 'deletion']) this.spread(kind, null)
      this.missed = true // whatever happens until the next stream
      let rest = ''
      for (;;) {
        const { value, done } = await reader.read()
        if (done) break
        rest += value
        const parts = rest.split(/\r?\n\r?\n/)
        rest = parts.pop() ?? ''
        for (const part of parts) this.parse(part)
      }
    } catch (error) {
      if (signal.aborted) return
      this.missed = true // what happens until the service answers again
      if (/** @type {any} */ (error).status === 404) {
        this.spread('index', null)
        return pause(askEvery, signal)
      }
    }
    await pause(retry, signal)
  }

  /** @param {string} part one event of the stream */
  parse(part) {
    let kind = 'message'
    let data = ''
    for (const line of part.split(/\r?\n/)) {
      if (line.startsWith('event:')) kind = line.slice(6).trim()
      if (line.startsWith('data:')) data += line.slice(5)
    }
    if (data) this.spread(kind, JSON.parse(data))
  }

  /** @param {string} kind @param {any} detail */
  spread(kind, detail) {
    this.channel.postMessage({ kind, detail })
    this.tell(kind, detail)
  }

  /** @param {string} kind @param {any} detail */
  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }))
  }
})()

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve() })
  })
}
