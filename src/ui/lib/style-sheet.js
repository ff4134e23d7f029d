/** Style sheets of pages, loaded with the page that needs them, and heeded only while it is looked at. */

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();
/** @type {Map<string, HTMLLinkElement>} */
const links = new Map();

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
      links.set(address, link);
      document.head.append(link);
    });
    loaded.set(address, running);
  }
  return running;
}

/**
 * Has the pages' style sheets heeded that are named, and no others: a page looks the same wherever one came from.
 * @param {string[]} addresses
 */
export function wearStyles(addresses) {
  for (const [address, link] of links) {
    // The sheet's own switch: that of the link would have it fetched again.
    if (link.sheet) link.sheet.disabled = !addresses.includes(address);
  }
}
