/** Light, dark, or as the system has it; kept in this browser only. */
import { signal } from './store.js';

const KEY = 'lemming.theme';

/** @typedef {'auto' | 'light' | 'dark'} Theme */

/** @type {import('./store.js').Readable<Theme> & { value: Theme }} */
export const theme = signal(/** @type {Theme} */ ('auto'));

/** Reads what was chosen before and applies it. */
export function startTheme() {
  let kept = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // A browser that keeps nothing gets the system's theme.
  }
  setTheme(kept === 'light' || kept === 'dark' ? kept : 'auto');
}

/** @param {Theme} next */
export function setTheme(next) {
  theme.value = next;
  if (next === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // As above: it then holds until the page is closed.
  }
}
