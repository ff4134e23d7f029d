/** The key to the API: in this tab only, never in an address, a cookie or a log. */
import { signal } from './store.js';

const NAME = 'lemming.key';

/** @returns {string} */
function kept() {
  try {
    return sessionStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
}

/** The key, or the empty text where none was entered. */
export const key = signal(kept());

/** @param {string} next */
export function setKey(next) {
  try {
    if (next) sessionStorage.setItem(NAME, next);
    else sessionStorage.removeItem(NAME);
  } catch {
    // Where the browser keeps nothing the key lasts until the page is loaded anew.
  }
  key.value = next;
}
