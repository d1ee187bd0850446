// The one place where HTML becomes elements. The HTML is that of the service, which renders
// Markdown and keeps nothing that could run, load or submit.

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
