// The key of this page, and where it is stored: in the tab, or in the browser if the user asks to stay signed in. It
// is always sent as a Bearer header. There is no cookie, because a browser sends cookies to every port of a host.

const name = 'lethe.key'

/** What a key may do. */
export const session = new (class extends EventTarget {
  /** @type {string} */
  key = sessionStorage.getItem(name) || localStorage.getItem(name) || ''
  /** @type {{workspace?: string, scopes?: string[], keyId?: string}} */
  who = {}

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

  signOut() {
    this.key = ''
    this.who = {}
    sessionStorage.removeItem(name)
    localStorage.removeItem(name)
    this.dispatchEvent(new Event('change'))
  }

  /** The service does not accept the key any more. */
  refused() {
    this.signOut()
    this.dispatchEvent(new Event('refused'))
  }
})()
