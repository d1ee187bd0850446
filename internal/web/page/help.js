// The list of keyboard shortcuts.

import { h } from './dom.js'
import { open } from './deletion.js'

const keys = /** @type {[string, string][]} */ ([
  ['/', 'search (also Ctrl K)'], ['Esc', 'clear, close, back'], ['↑ ↓ or j k', 'move in the list'], ['Enter', 'open at the hit'],
  ['n p', 'next and previous hit in the chat'], ['x', 'select'], ['Shift ↑ ↓', 'select a range'], ['# or Del', 'delete what is selected'],
  ['u', 'cancel a delete'], ['d', 'delete the message in focus, or the hit'], ['e', 'export the open chat'], ['?', 'this'],
])

export function help() {
  const dialog = open('Keyboard', h('dl', { class: 'keys' }, keys.map(([key, does]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, does)])),
    h('div', { class: 'actions' }, h('button', { autofocus: true, onclick: () => dialog.close() }, 'Close')))
}
