// Keys and workspaces.

import { api } from './api.js'
import { fill, h } from './dom.js'
import { open } from './deletion.js'
import { session } from './session.js'
import { toast } from './notices.js'
import { exactDate, plural, shortDate } from './words.js'

class Access extends HTMLElement {
  /** @type {HTMLElement} */
  body

  connectedCallback() {
    this.append(h('h2', { tabindex: '-1' }, 'Keys and workspaces'), (this.body = h('div', {})))
    this.load()
  }

  async load() {
    const { workspace, scopes, keyId } = session.who
    const mine = h('p', {}, 'This page works in the workspace ', h('strong', {}, workspace || 'of its key'), `. Its key may ${listed(scopes || [])}. `,
      h('span', { class: 'quiet' }, session.stays ? 'The key is kept in this browser.' : 'The key is kept until this tab is closed.'))
    if (!session.may('admin')) return fill(this.body, mine, h('p', {}, 'Keys and workspaces are made with the command line: ', h('code', {}, 'lethe keys create'), '.'))
    try {
      const [keys, workspaces] = await Promise.all([api.keys(), api.workspaces()])
      fill(this.body, mine,
        h('h3', {}, 'Keys'),
        h('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': 'Keys' }, h('table', {},
          h('thead', {}, h('tr', {}, ['Name', 'Workspace', 'May', 'Made', 'Last used', 'Revoke'].map((t) => h('th', { scope: 'col' }, t)))),
          h('tbody', {}, keys.items.map((/** @type {any} */ k) => h('tr', {},
            h('td', {}, k.name, k.id === keyId ? h('span', { class: 'badge' }, 'this page') : null), h('td', {}, k.workspace), h('td', {}, listed(k.scopes)),
            h('td', {}, h('time', { title: exactDate(k.createdAt) }, shortDate(k.createdAt))), h('td', {}, k.lastUsedAt ? shortDate(k.lastUsedAt) : 'never'),
            h('td', {}, k.revokedAt ? h('span', { class: 'quiet' }, 'revoked') : h('button', { class: 'link danger', 'aria-label': `Revoke the key ${k.name}`, onclick: () => this.revoke(k) }, 'Revoke'))))))),
        h('div', { class: 'actions' }, h('button', { class: 'new-key', onclick: () => this.makeKey(workspaces.items) }, 'New key')),
        h('h3', {}, 'Workspaces'),
        h('ul', { class: 'workspaces' }, workspaces.items.map((/** @type {any} */ w) => h('li', {}, h('span', { dir: 'auto' }, w.name, ' ', h('span', { class: 'quiet' }, plural(w.conversations, 'chat'))), w.name === workspace ? h('span', { class: 'badge' }, 'here') : h('button', { class: 'link', 'aria-label': `Use the workspace ${w.name}`, onclick: () => this.use(w.name) }, 'Use')))),
        h('div', { class: 'actions' }, h('button', { class: 'new-workspace', onclick: () => this.makeWorkspace() }, 'New workspace')))
    } catch (error) {
      fill(this.body, mine, h('p', { class: 'problem' }, /** @type {Error} */ (error).message))
    }
  }

  /** @param {any} key */
  revoke(key) {
    const dialog = open(`Revoke the key ${key.name}?`, h('p', {}, 'Whoever uses it is refused from now on.'),
      h('div', { class: 'actions' }, h('button', { onclick: () => dialog.close() }, 'Keep'), h('button', { class: 'delete', onclick: async () => {
        dialog.close()
        await api.revokeKey(key.id).catch((e) => toast(e.message, 'problem'))
        if (key.id === session.who.keyId) session.signOut()
        else this.load()
      } }, 'Revoke')))
  }

  /** @param {any[]} workspaces */
  makeKey(workspaces) {
    const name = /** @type {HTMLInputElement} */ (h('input', { id: 'k-name', required: true, maxlength: 100 }))
    const where = /** @type {HTMLSelectElement} */ (h('select', { id: 'k-where' }, workspaces.map((w) => h('option', { selected: w.name === session.who.workspace }, w.name))))
    const may = /** @type {HTMLSelectElement} */ (h('select', { id: 'k-may' }, h('option', { value: 'read,write' }, 'read and write'), h('option', { value: 'read' }, 'read'), h('option', { value: 'write' }, 'write')))
    const dialog = open('New key', h('form', { method: 'dialog', class: 'fields', onsubmit: async () => {
      try {
        const key = await api.makeKey({ name: name.value, workspace: where.value, scopes: may.value.split(',') })
        this.load()
        show(key.token)
      } catch (error) {
        toast(/** @type {Error} */ (error).message, 'problem')
      }
    } }, h('label', { for: 'k-name' }, 'Name'), name, h('label', { for: 'k-where' }, 'Workspace'), where, h('label', { for: 'k-may' }, 'May'), may,
    h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), h('button', { class: 'main' }, 'Make'))))
  }

  makeWorkspace() {
    const name = /** @type {HTMLInputElement} */ (h('input', { id: 'w-name', required: true, maxlength: 100 }))
    const dialog = open('New workspace', h('form', { method: 'dialog', class: 'fields', onsubmit: () => api.makeWorkspace(name.value).then(() => this.load(), (e) => toast(e.message, 'problem')) },
      h('label', { for: 'w-name' }, 'Name'), name,
      h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), h('button', { class: 'main' }, 'Make'))))
  }

  /** @param {string} workspace */
  async use(workspace) {
    try {
      const key = await api.makeKey({ name: `page, ${new Date().toISOString().slice(0, 10)}`, workspace, scopes: session.who.scopes })
      session.signIn(key.token, session.stays)
      location.assign('./')
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'problem')
    }
  }
}

/** What a key may do, as words. @param {string[]} scopes */
const listed = (scopes) => new Intl.ListFormat('en').format(scopes.map((s) => (s === 'admin' ? 'administer' : s)))

/** Shows a new key, which the service never shows again. @param {string} token */
function show(token) {
  const dialog = open('The new key', h('p', {}, 'Copy it now: it is not shown again.'), h('p', {}, h('code', { class: 'key' }, token)),
    h('div', { class: 'actions' },
      h('button', { onclick: () => dialog.close() }, 'Close'),
      h('button', { class: 'main', autofocus: true, onclick: () => navigator.clipboard.writeText(token).then(() => toast('Copied')) }, 'Copy')))
}

customElements.define('lethe-access', Access)
