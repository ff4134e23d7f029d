/** Two people changed one resume: what each changed, and both put together. */

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
 * `theirs` with the changes of mine, except those that are left to them.
 * @param {any} theirs
 * @param {Changes} mine
 * @param {Set<string>} leftToThem pointers
 */
export function reapply(theirs, mine, leftToThem) {
  let result = structuredClone(theirs);
  for (const [pointer, change] of mine) {
    if (!leftToThem.has(pointer)) result = put(result, pointer, change.after);
  }
  return result;
}

/**
 * @param {any} value
 * @param {string} pointer
 * @param {unknown} next
 */
function put(value, pointer, next) {
  if (pointer === '') return next;
  const steps = pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = /** @type {string} */ (steps.pop());
  let here = value;
  for (const step of steps) {
    if (!isObject(own(here, step))) define(here, step, {});
    here = own(here, step);
  }
  if (next === undefined) delete here[last];
  else define(here, last, next);
  return value;
}

/**
 * Sets a field, whatever its name: `__proto__` too is a name that a file may have.
 * @param {any} object
 * @param {string} key
 * @param {unknown} value
 */
function define(object, key, value) {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
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
