// A part of the page that listens to what outlives it.

/** An element that stops listening when it is taken out of the page. */
export class Part extends HTMLElement {
  /** @type {AbortController|undefined} ends the listeners of the part */
  left

  connectedCallback() {
    this.left = new AbortController()
    this.begin({ signal: this.left.signal })
  }

  disconnectedCallback() {
    this.left?.abort()
  }

  /**
   * Makes what the part shows.
   * @param {{signal: AbortSignal}} here for the listeners of the part: they end when it is taken out
   */
  begin(here) {
    throw new Error(`${this.localName} does not begin with ${here.signal}`)
  }
}
