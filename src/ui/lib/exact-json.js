/**
 * JSON with its numbers as they are written. `JSON.parse` alone rounds what a double cannot hold, and a person who says
 * yes to an account number must see that number. Browsers without `JSON.rawJSON` round, as they always did.
 */

/** @type {{ rawJSON?: (text: string) => unknown, isRawJSON?: (value: unknown) => boolean }} */
const native = /** @type {any} */ (JSON);

/**
 * Reads JSON; a number that a double would change becomes what `JSON.stringify` writes as it was.
 * @param {string} text
 * @returns {any}
 */
export function parseExact(text) {
  const raw = native.rawJSON;
  if (!raw) return JSON.parse(text);
  return JSON.parse(
    text,
    /** @type {any} */ (
      (/** @type {string} */ _, /** @type {unknown} */ value, /** @type {{ source?: string } | undefined} */ context) =>
        typeof value === 'number' && context?.source && isRounded(value, context.source) ? raw(context.source) : value
    ),
  );
}

/**
 * The value over several lines, for people.
 * @param {unknown} value
 * @returns {string}
 */
export function pretty(value) {
  return JSON.stringify(value, null, 2) ?? 'null';
}

/**
 * @param {number} value
 * @param {string} source
 */
function isRounded(value, source) {
  if (!Number.isFinite(value)) return true;
  const digits = /^-?\d+$/.test(source);
  return digits ? String(BigInt(source)) !== BigInt(value).toString() : source.replace(/\D/g, '').length > 17;
}
