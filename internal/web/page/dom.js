// Building and updating elements. There is no virtual DOM: a component makes its elements
// once and updates the parts that change.

/**
 * Makes an element. Functions named on… become listeners, `class` and other values become
 * attributes, true an empty attribute; null, undefined and false leave it out. Text is
 * always set as text, never as HTML.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...any} children strings, numbers, nodes, arrays of these; null and false are left out
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else set(element, name, value)
  }
  element.append(...flat(children))
  return element
}

/**
 * Sets or removes one attribute.
 * @param {Element} element
 * @param {string} name
 * @param {any} value
 */
export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name)
  else element.setAttribute(name, value === true ? '' : String(value))
}

/**
 * Replaces the children of an element.
 * @param {Element} element
 * @param {...any} children as in h
 */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children))
}

/** @param {any[]} children @returns {(string|Node)[]} */
function flat(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : String(c)))
}

/**
 * Updates a list of children by key, so that elements that stay keep their focus and state.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} make
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function keyed(parent, items, key, make, update) {
  const have = new Map([...parent.children].map((c) => [/** @type {HTMLElement} */ (c).dataset.key, /** @type {HTMLElement} */ (c)]))
  let before = parent.firstElementChild
  for (const item of items) {
    const k = key(item)
    let element = have.get(k)
    have.delete(k)
    if (!element) {
      element = make(item)
      element.dataset.key = k
    }
    update(element, item)
    if (element === before) before = before.nextElementSibling
    else parent.insertBefore(element, before)
  }
  for (const gone of have.values()) gone.remove()
}

/**
 * An icon of ours, drawn with lines.
 * @param {string} path the data of an SVG path in a box of 20 by 20
 * @param {string} [name] read by screen readers; none when text stands beside it
 * @returns {SVGElement}
 */
export function icon(path, name) {
  const ns = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(ns, 'svg')
  for (const [k, v] of Object.entries({ viewBox: '0 0 20 20', width: 18, height: 18, class: 'icon' })) svg.setAttribute(k, String(v))
  if (name) {
    svg.setAttribute('role', 'img')
    svg.setAttribute('aria-label', name)
  } else svg.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(ns, 'path')
  line.setAttribute('d', path)
  svg.append(line)
  return svg
}

/** The paths of the icons. */
export const icons = {
  menu: 'M3 6h14M3 10h14M3 14h14',
  close: 'M5 5l10 10M15 5L5 15',
  back: 'M12 4l-6 6 6 6',
  up: 'M5 12l5-5 5 5',
  down: 'M5 8l5 5 5-5',
  star: 'M10 3l2.2 4.6 5 .7-3.6 3.5.9 5-4.5-2.4-4.5 2.4.9-5L2.800 8.300l5-.7z',
  more: 'M3.500 10h1M9.500 10h1M15.500 10h1',
  add: 'M10 4v12M4 10h12',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  bin: 'M4 6h12M8 6V4h4v2M6 6l1 10h6l1-10M9 9v4M11 9v4',
  search: 'M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4zM13 13l4 4',
  check: 'M4 10l4 4 8-9',
}
