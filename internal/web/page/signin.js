// Signing in with the one-time code in the address, or with a key.

import { api } from './api.js'
import { fill, h } from './dom.js'
import { open } from './deletion.js'
import { holds } from './holds.js'
import { session } from './session.js'
import { toast } from './notices.js'

/** Uses the code in the address, if there is one. It never stays in the address or the history. */
export async function takeCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (!code) return
  history.replaceState(null, '', location.pathname + location.search)
  try {
    const { key } = await api.exchange(code)
    session.signIn(key, false)
  } catch (error) {
    toast(/** @type {Error} */ (error).message, 'problem')
  }
}

class SignIn extends HTMLElement {
  connectedCallback() {
    const key = /** @type {HTMLInputElement} */ (h('input', { id: 'key', type: 'password', required: true, autocomplete: 'current-password', spellcheck: 'false' }))
    const stay = /** @type {HTMLInputElement} */ (h('input', { id: 'stay', type: 'checkbox' }))
    const problem = h('p', { class: 'problem', role: 'alert' })
    fill(this, h('main', { class: 'sign-in' },
      h('h1', {}, 'Lethe'),
      h('p', {}, 'On the machine of the service, ', h('code', {}, 'lethe open'), ' opens this page signed in.'),
      h('form', { onsubmit: async (/** @type {Event} */ e) => {
        e.preventDefault()
        try {
          await api.tryKey(key.value.trim())
          session.signIn(key.value.trim(), stay.checked)
        } catch (error) {
          fill(problem, /** @type {any} */ (error).status === 401 ? 'This key is not accepted.' : /** @type {Error} */ (error).message)
        }
      } },
      h('label', { for: 'key' }, 'Elsewhere, paste a key'), key,
      h('label', { class: 'check' }, stay, 'Stay signed in in this browser'),
      h('button', { class: 'main' }, 'Sign in'), problem)))
    key.focus()
  }
}

customElements.define('lethe-sign-in', SignIn)

/** Removes the key from the browser, and offers to revoke it. */
export function signOut() {
  const { keyId } = session.who
  const dialog = open('Sign out?', h('p', {}, 'All tabs of this browser are signed out.', keyId && session.may('admin') ? ' The key can also be revoked, so that nobody can use it any more.' : ''),
    h('div', { class: 'actions' },
      h('button', { onclick: () => dialog.close() }, 'Stay'),
      keyId && session.may('admin') ? h('button', { class: 'revoke', onclick: async () => { dialog.close(); await holds.send(); await api.revokeKey(keyId).catch((e) => toast(e.message, 'problem')); session.signOut() } }, 'Sign out and revoke') : null,
      h('button', { class: 'main', onclick: () => { dialog.close(); session.signOut() } }, 'Sign out')))
}
