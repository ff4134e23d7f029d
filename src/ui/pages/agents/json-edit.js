/**
 * Changes one field of a JSON text and leaves all else as it was written: spaces, lines and the order of fields. A file
 * that people keep in a repository then differs only where somebody changed it.
 */

/** @typedef {{ key: string, keyStart: number, valueStart: number, valueEnd: number }} Entry */

/**
 * The text with another value at a pointer; undefined takes the field away, with an object that it leaves empty. What
 * stands between must be objects, and is made where it is missing.
 * @param {string} text JSON
 * @param {string} pointer
 * @param {unknown} value
 * @returns {string}
 */
export function editJson(text, pointer, value) {
  const steps = pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (!steps.length) return `${JSON.stringify(value, null, 2)}\n`;
  const edited = change(text, skip(text, 0), steps, value);
  return edited ?? text;
}

/**
 * @param {string} text
 * @param {number} start of an object
 * @param {string[]} steps
 * @param {unknown} value
 * @returns {string | null} null where there is nothing to change
 */
function change(text, start, steps, value) {
  const entries = entriesOf(text, start);
  const [step, ...rest] = steps;
  // Of fields with the same name the last one counts.
  const index = entries.findLastIndex((entry) => entry.key === step);
  const entry = entries[index];
  if (!entry) return value === undefined ? null : insert(text, start, entries, step, nested(rest, value));
  if (!rest.length) return value === undefined ? remove(text, entries, index) : replace(text, entry, value);
  if (text[entry.valueStart] !== '{') return value === undefined ? null : replace(text, entry, nested(rest, value));
  const inner = entriesOf(text, entry.valueStart);
  if (value === undefined && rest.length === 1 && inner.length === 1 && inner[0].key === rest[0]) return remove(text, entries, index);
  return change(text, entry.valueStart, rest, value);
}

/** @param {string[]} steps @param {unknown} value */
function nested(steps, value) {
  return steps.reduceRight((/** @type {unknown} */ inner, step) => Object.fromEntries([[step, inner]]), value);
}

/** @param {string} text @param {Entry} entry @param {unknown} value */
function replace(text, entry, value) {
  const wasLong = text.slice(entry.valueStart, entry.valueEnd).includes('\n');
  const lineStart = text.lastIndexOf('\n', entry.keyStart) + 1;
  const indent = /^[ \t]*/.exec(text.slice(lineStart, entry.keyStart))?.[0] ?? '';
  return text.slice(0, entry.valueStart) + written(value, wasLong ? indent : null) + text.slice(entry.valueEnd);
}

/**
 * @param {string} text
 * @param {number} start
 * @param {Entry[]} entries
 * @param {string} key
 * @param {unknown} value
 */
function insert(text, start, entries, key, value) {
  const field = `${JSON.stringify(key)}: ${written(value, null)}`;
  const last = entries[entries.length - 1];
  if (!last) return `${text.slice(0, start)}{ ${field} }${text.slice(end(text, start))}`;
  const before = entries.length > 1 ? text.indexOf(',', entries[entries.length - 2].valueEnd) + 1 : start + 1;
  return `${text.slice(0, last.valueEnd)},${text.slice(before, last.keyStart)}${field}${text.slice(last.valueEnd)}`;
}

/** @param {string} text @param {Entry[]} entries @param {number} index */
function remove(text, entries, index) {
  const entry = entries[index];
  const next = entries[index + 1];
  const previous = entries[index - 1];
  if (next) return text.slice(0, entry.keyStart) + text.slice(next.keyStart);
  if (previous) return text.slice(0, previous.valueEnd) + text.slice(entry.valueEnd);
  return text.slice(0, entry.keyStart) + text.slice(entry.valueEnd);
}

/**
 * A value as people write it: short ones in a line.
 * @param {unknown} value
 * @param {string | null} indent of the field, where the value has lines of its own
 * @returns {string}
 */
function written(value, indent) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (indent !== null) return JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`);
  if (Array.isArray(value)) return `[${value.map((item) => written(item, null)).join(', ')}]`;
  const fields = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${written(inner, null)}`);
  return fields.length ? `{ ${fields.join(', ')} }` : '{}';
}

/**
 * The fields of the object that begins at `start`. The text is known to be JSON.
 * @param {string} text
 * @param {number} start
 * @returns {Entry[]}
 */
function entriesOf(text, start) {
  const entries = [];
  let i = skip(text, start + 1);
  while (text[i] === '"') {
    const keyStart = i;
    const keyEnd = end(text, i);
    const valueStart = skip(text, skip(text, keyEnd) + 1);
    const valueEnd = end(text, valueStart);
    entries.push({ key: JSON.parse(text.slice(keyStart, keyEnd)), keyStart, valueStart, valueEnd });
    i = skip(text, valueEnd);
    if (text[i] === ',') i = skip(text, i + 1);
  }
  return entries;
}

/** The next character that is no space. @param {string} text @param {number} from */
function skip(text, from) {
  let i = from;
  while (i < text.length && ' \t\n\r\ufeff'.includes(text[i])) i += 1;
  return i;
}

/** Where the value that begins at `start` ends. @param {string} text @param {number} start */
function end(text, start) {
  if (text[start] === '"') {
    let i = start + 1;
    while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
    return i + 1;
  }
  if (text[start] !== '{' && text[start] !== '[') {
    let i = start;
    while (i < text.length && !',]} \t\n\r'.includes(text[i])) i += 1;
    return i;
  }
  let depth = 0;
  for (let i = start; i < text.length; i += 1) {
    if (text[i] === '"') i = end(text, i) - 1;
    else if (text[i] === '{' || text[i] === '[') depth += 1;
    else if (text[i] === '}' || text[i] === ']') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return text.length;
}
