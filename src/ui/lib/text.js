/**
 * Hostile text, made fit to be seen. Whatever models, messages, files and names say is shown through this module: as
 * text, never as markup, with what would hide or reorder it made visible.
 */

/** Bidirectional controls, and characters that take no room or that fake a line. */
const INVISIBLE =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb]|[\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
// eslint-disable-next-line no-control-regex -- they are what this is about
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** A joiner between two pictographs belongs to the picture. */
const JOINED = /(\p{Extended_Pictographic}\ufe0f?)\u200d(?=\p{Extended_Pictographic})/gu;
const KEPT_JOINER = '\u{f8f0}';
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** More marks than this over one letter cover the lines above and below. */
const PILED_MARKS = /(\p{M}{4})\p{M}+/gu;

/**
 * The text with control characters as pictures (ESC as ␛), with bidirectional and invisible ones as their code points
 * (⟨202E⟩), and with piles of marks cut. New lines and tabs stay.
 * @param {unknown} value
 * @returns {string}
 */
export function visible(value) {
  const text = typeof value === 'string' ? value : value === null || value === undefined ? '' : String(value);
  // Plain text, the usual case, is given back as it is.
  if (/^[\t\n\x20-\x7e]*$/.test(text)) return text;
  return text
    .replaceAll('\r\n', '\n')
    .replace(LONE_SURROGATE, '\ufffd')
    .replaceAll(KEPT_JOINER, '\ufffd')
    .replace(JOINED, `$1${KEPT_JOINER}`)
    .replace(CONTROL, (c) => {
      const code = c.charCodeAt(0);
      if (code < 0x20) return String.fromCharCode(0x2400 + code);
      return code === 0x7f ? '\u2421' : `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
    })
    .replace(INVISIBLE, (c) => `⟨${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
    .replace(PILED_MARKS, '$1')
    .replaceAll(KEPT_JOINER, '\u200d');
}

/**
 * One line of it: new lines become spaces, and what is too long is cut with an ellipsis.
 * @param {unknown} value
 * @param {number} [longest] in characters
 */
export function line(value, longest = 200) {
  const raw = typeof value === 'string' ? value : value === null || value === undefined ? '' : String(value);
  // Only what can be shown is looked at: a text may have megabytes.
  const text = visible(raw.slice(0, longest * 4)).replace(/\s+/g, ' ').trim();
  return text.length > longest || raw.length > longest * 4 ? `${cut(text, longest - 1)}…` : text;
}

/**
 * The beginning of a text, never half of a surrogate pair.
 * @param {string} text
 * @param {number} length
 */
export function cut(text, length) {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/**
 * An address that a text may link to, or null: http, https and mailto alone, without name and password.
 * @param {unknown} value
 * @returns {{ href: string, host: string } | null}
 */
export function safeLink(value) {
  if (typeof value !== 'string' || value.length > 4_000) return null;
  let url;
  try {
    url = new URL(value);
  } catch {
    return null;
  }
  if (url.protocol === 'mailto:') return { href: url.href, host: visible(url.pathname) };
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
  if (url.username || url.password) return null;
  // `host` is in punycode, so that no letter of another script passes for a Latin one.
  return { href: url.href, host: url.host };
}
