/** Two people changed one resume: what each changed, and both put together. */

import { editJson } from './json-edit.js';

/** @typedef {Map<string, { before: unknown, after: unknown }>} Changes by pointer; undefined: there was, or is, no such field */

/**
 * What differs, field by field: objects are looked into, lists and texts count as one.
 * @param {any} before
 * @param {any} after
 * @returns {Changes}
 */
export function changesOf(before, after) {
  /** @type {Changes} */
  const changes = new Map();
  walk('', before, after, changes);
  return changes;
}

/**
 * @param {string} pointer
 * @param {any} before
 * @param {any} after
 * @param {Changes} changes
 */
function walk(pointer, before, after, changes) {
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const step = key.replaceAll('~', '~0').replaceAll('/', '~1');
      walk(`${pointer}/${step}`, own(before, key), own(after, key), changes);
    }
    return;
  }
  if (!same(before, after)) changes.set(pointer, { before, after });
}

/**
 * Pointers that both changed, each to something else.
 * @param {Changes} mine
 * @param {Changes} theirs
 * @returns {string[]}
 */
export function conflictsOf(mine, theirs) {
  const found = [];
  for (const [pointer, change] of mine) {
    const direct = theirs.get(pointer);
    if (direct && !same(direct.after, change.after)) found.push(pointer);
    // The other took away, or made anew, the object that it stands in.
    else if (!direct && [...theirs.keys()].some((other) => pointer.startsWith(`${other}/`) || other.startsWith(`${pointer}/`))) found.push(pointer);
  }
  return found;
}

/**
 * Their text with the changes of mine, except those that are left to them.
 * @param {string} theirs JSON
 * @param {Changes} mine
 * @param {Set<string>} leftToThem pointers
 */
export function reapply(theirs, mine, leftToThem) {
  let text = theirs;
  for (const [pointer, change] of mine) {
    if (!leftToThem.has(pointer)) text = editJson(text, pointer, change.after);
  }
  return text;
}

/** @param {any} object @param {string} key */
function own(object, key) {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {unknown} a @param {unknown} b */
function same(a, b) {
  if (a === b) return true;
  return canonical(a) === canonical(b);
}

/** @param {unknown} value @returns {string | undefined} */
function canonical(value) {
  return JSON.stringify(value, (_, inner) => (isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner));
}
