// The state of the page and its address: back, forward and a shared link restore it.

/**
 * @typedef {object} Shown
 * @property {string} view find, bring, look, receipts or keys
 * @property {string} q what is searched for
 * @property {string} mode hybrid, keyword or semantic
 * @property {string} platform
 * @property {string} from a day, YYYY-MM-DD
 * @property {string} to a day, YYYY-MM-DD
 * @property {string} pinned "yes" or empty
 * @property {string} import the id of an import
 * @property {string} chat the id of the open conversation
 * @property {string} at the position of the message that it is opened at
 */

/** @type {Shown} */
const nothing = { view: 'find', q: '', mode: 'hybrid', platform: '', from: '', to: '', pinned: '', import: '', chat: '', at: '' }

const modes = ['hybrid', 'keyword', 'semantic']

/** @typedef {keyof Shown} Name */

class State extends EventTarget {
  constructor() {
    super()
    /** @type {Shown} */
    this.shown = this.read()
    addEventListener('popstate', () => this.take(this.read()))
  }

  /** @returns {Shown} */
  read() {
    const query = new URLSearchParams(location.search)
    const shown = { ...nothing, mode: localStorage.getItem('lethe.mode') || nothing.mode }
    for (const name of /** @type {Name[]} */ (Object.keys(nothing))) shown[name] = query.get(name) ?? shown[name]
    if (!modes.includes(shown.mode)) shown.mode = nothing.mode
    return shown
  }

  /**
   * Shows something else.
   * @param {Partial<Shown>} change
   * @param {boolean} [replace] the entry of the browser's history, instead of adding one
   */
  go(change, replace = false) {
    const next = { ...this.shown, ...change }
    if (change.mode) localStorage.setItem('lethe.mode', change.mode)
    const query = new URLSearchParams()
    for (const name of /** @type {Name[]} */ (Object.keys(nothing))) {
      if (next[name] && next[name] !== nothing[name]) query.set(name, next[name])
    }
    const text = query.toString()
    const address = location.pathname + (text && `?${text}`)
    if (replace) history.replaceState(null, '', address)
    else if (address !== location.pathname + location.search) history.pushState(null, '', address)
    this.take(next)
  }

  /** @param {Shown} next */
  take(next) {
    const before = this.shown
    this.shown = next
    const changed = /** @type {Name[]} */ (Object.keys(nothing)).filter((n) => before[n] !== next[n])
    if (changed.length) this.dispatchEvent(new CustomEvent('change', { detail: new Set(changed) }))
  }

  /** The filters, as the API names them. @returns {Record<string, any>} */
  get filter() {
    const { platform, from, to, pinned } = this.shown
    return {
      ...(platform && { platform }), ...(from && { dateFrom: from }), ...(to && { dateTo: to }), ...(pinned && { pinned: true }),
      ...(this.shown.import && { importId: this.shown.import }),
    }
  }

  get filtered() {
    return Object.keys(this.filter).length > 0
  }
}

export const state = new State()

/**
 * Calls back when one of the names changes, until the signal ends.
 * @param {Name[]} names
 * @param {() => void} then
 * @param {AbortSignal} [signal]
 */
export function whenChanged(names, then, signal) {
  state.addEventListener('change', (e) => {
    const changed = /** @type {CustomEvent<Set<string>>} */ (e).detail
    if (names.some((n) => changed.has(n))) then()
  }, { signal })
}
