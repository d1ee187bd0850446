// The key of this page, and where it is stored: in the tab, or in the browser if the user asks to stay signed in. It
// is always sent as a Bearer header. There is no cookie, because a browser sends cookies to every port of a host.
// Signing out in one tab signs all tabs of the browser out.

const name = 'lethe.key'

/** What a key may do. */
export const session = new (class extends EventTarget {
  /** @type {string} */
  key = sessionStorage.getItem(name) || localStorage.getItem(name) || ''
  /** @type {{workspace?: string, scopes?: string[], keyId?: string}} */
  who = {}

  constructor() {
    super()
    this.others = new BroadcastChannel('lethe.session')
    this.others.onmessage = () => { if (this.key) this.end() }
  }

  /** Whether the key has a scope. Until the service has said so, it may read and write, but administer nothing. @param {string} scope */
  may(scope) {
    return this.who.scopes ? this.who.scopes.includes(scope) : scope !== 'admin'
  }

  get stays() {
    return localStorage.getItem(name) !== null
  }

  /** @param {string} key @param {boolean} stay in this browser after the tab is closed */
  signIn(key, stay) {
    this.key = key
    sessionStorage.setItem(name, key)
    if (stay) localStorage.setItem(name, key)
    this.dispatchEvent(new Event('change'))
  }

  /** Signs out in all tabs. */
  signOut() {
    this.others.postMessage('signed out')
    this.end()
  }

  /** Removes every key. Whoever listens to "ending" may still use the key. */
  end() {
    this.dispatchEvent(new Event('ending'))
    localStorage.removeItem(name)
    this.remove()
  }

  /** The service does not accept the key any more. The other tabs may have other keys. */
  refused() {
    this.remove()
    this.dispatchEvent(new Event('refused'))
  }

  /** Takes the key from the tab, and from the browser when it is the same one. */
  remove() {
    sessionStorage.removeItem(name)
    if (localStorage.getItem(name) === this.key) localStorage.removeItem(name)
    this.key = ''
    this.who = {}
    this.dispatchEvent(new Event('change'))
  }
})()
