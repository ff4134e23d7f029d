/** Style sheets of pages, loaded with the page that needs them. */

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/**
 * Loads a style sheet once. A page without its style is still a page, so this never fails.
 * @param {string} address
 * @returns {Promise<void>}
 */
export function loadStyle(address) {
  let running = loaded.get(address);
  if (!running) {
    running = new Promise((resolve) => {
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = address;
      link.onload = () => resolve();
      link.onerror = () => resolve();
      document.head.append(link);
    });
    loaded.set(address, running);
  }
  return running;
}
