// The one place where HTML becomes elements. The HTML comes from the service, which renders Markdown and leaves out
// everything that could run, load or submit something.

/** @type {any} */
const types = /** @type {any} */ (window).trustedTypes
const policy = types ? types.createPolicy('lethe', { createHTML: (/** @type {string} */ s) => s }) : { createHTML: (/** @type {string} */ s) => s }

/**
 * @param {string} html of the service
 * @returns {DocumentFragment}
 */
export function trusted(html) {
  const template = document.createElement('template')
  template.innerHTML = policy.createHTML(html)
  return template.content
}
