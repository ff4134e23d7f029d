/**
 * Changes one value of a JSON text and leaves the rest of it to the letter: people lay out their files, and a change of
 * one number should be one changed line. The text must be valid JSON.
 */

/** @typedef {{ start: number, end: number, entries: Entry[] | null }} Span of a value; `entries` of an object */
/** @typedef {{ key: string, keyStart: number, value: Span }} Entry */

const STEP = '  ';

/**
 * @param {string} text
 * @param {string[]} path names of fields, from the whole to the value
 * @param {unknown} value undefined: the field is taken away
 * @returns {string}
 */
export function setAt(text, path, value) {
  let here = spanOf(text);
  for (let i = 0; i < path.length; i += 1) {
    if (!here.entries) return value === undefined ? text : replaced(text, here, nested(path.slice(i), value));
    // Of a name that stands there twice, readers take the last.
    const entry = here.entries.findLast((one) => one.key === path[i]);
    if (!entry) return value === undefined ? text : added(text, here, path[i], nested(path.slice(i + 1), value));
    if (i === path.length - 1) return value === undefined ? removed(text, here, entry) : replaced(text, entry.value, value);
    here = entry.value;
  }
  return text;
}

/** @param {string[]} path @param {unknown} value @returns {unknown} */
function nested(path, value) {
  return path.reduceRight((inner, name) => ({ [name]: inner }), value);
}

/** @param {string} text @param {Span} span @param {unknown} value */
function replaced(text, span, value) {
  return `${text.slice(0, span.start)}${written(value, indentAt(text, span.start))}${text.slice(span.end)}`;
}

/** @param {string} text @param {Span} object @param {string} key @param {unknown} value */
function added(text, object, key, value) {
  const entries = object.entries ?? [];
  const last = entries[entries.length - 1];
  const name = JSON.stringify(key);
  if (!last) {
    const indent = indentAt(text, object.start);
    return `${text.slice(0, object.start)}{\n${indent}${STEP}${name}: ${written(value, indent + STEP)}\n${indent}}${text.slice(object.end)}`;
  }
  const before = text.slice(0, last.value.end);
  const after = text.slice(last.value.end);
  const isOnOneLine = !text.slice(object.start, last.keyStart).includes('\n');
  if (isOnOneLine) return `${before}, ${name}: ${JSON.stringify(value)}${after}`;
  const indent = indentAt(text, last.keyStart);
  return `${before},\n${indent}${name}: ${written(value, indent)}${after}`;
}

/** @param {string} text @param {Span} object @param {Entry} entry */
function removed(text, object, entry) {
  const entries = object.entries ?? [];
  const index = entries.indexOf(entry);
  if (entries.length === 1) return `${text.slice(0, object.start)}{}${text.slice(object.end)}`;
  // With the comma before it, or, of the first, with that behind it.
  if (index > 0) return text.slice(0, entries[index - 1].value.end) + text.slice(entry.value.end);
  return text.slice(0, entry.keyStart) + text.slice(entries[1].keyStart);
}

/** @param {unknown} value @param {string} indent of the line that it stands on */
function written(value, indent) {
  return (JSON.stringify(value, null, STEP) ?? 'null').replaceAll('\n', `\n${indent}`);
}

/** @param {string} text @param {number} at */
function indentAt(text, at) {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  return /^[ \t]*/.exec(line)?.[0] ?? '';
}

/**
 * Where the values of a JSON text stand.
 * @param {string} text
 * @returns {Span}
 */
function spanOf(text) {
  let at = 0;
  const space = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at])) at += 1;
  };
  const string = () => {
    const start = at;
    at += 1;
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at += 1;
    return text.slice(start, at);
  };
  /** @returns {Span} */
  const value = () => {
    space();
    const start = at;
    if (text[at] === '"') {
      string();
      return { start, end: at, entries: null };
    }
    if (text[at] === '{' || text[at] === '[') {
      const isObject = text[at] === '{';
      const close = isObject ? '}' : ']';
      /** @type {Entry[]} */
      const entries = [];
      at += 1;
      for (space(); at < text.length && text[at] !== close; space()) {
        if (text[at] === ',') {
          at += 1;
          continue;
        }
        if (!isObject) {
          value();
          continue;
        }
        const keyStart = at;
        const key = JSON.parse(string());
        space();
        at += 1;
        entries.push({ key, keyStart, value: value() });
      }
      at += 1;
      return { start, end: at, entries: isObject ? entries : null };
    }
    while (at < text.length && !' \t\r\n,]}'.includes(text[at])) at += 1;
    return { start, end: at, entries: null };
  };
  return value();
}
