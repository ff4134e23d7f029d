/** Numbers, times and names for people: local zone, tabular digits, no jargon. */

const NUMBER = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });

/** What stands where there is no value. */
export const NOTHING = '–';

/**
 * A whole number, grouped: 12,345.
 * @param {number | null | undefined} value
 */
export function count(value) {
  return value === null || value === undefined ? NOTHING : NUMBER.format(value);
}

/**
 * A large number, short: 12.3K.
 * @param {number | null | undefined} value
 */
export function compact(value) {
  return value === null || value === undefined ? NOTHING : COMPACT.format(value);
}

/**
 * Credits: two places from 100 on, else four significant ones, and never an exponent: 1.998, 0.003335, 0.000929.
 * @param {number | null | undefined} value
 */
export function credits(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 100) return value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  if (size < 0.000001) return value > 0 ? '<0.000001' : '>-0.000001';
  const places = size >= 1 ? 3 : 6;
  return value.toLocaleString(undefined, { maximumFractionDigits: places, minimumFractionDigits: size >= 1 ? 2 : 0 });
}

/**
 * Tokens: 1,394 or 12.3K.
 * @param {number | null | undefined} value
 */
export function tokens(value) {
  if (value === null || value === undefined) return NOTHING;
  return value < 10_000 ? NUMBER.format(value) : COMPACT.format(value);
}

/**
 * A size: 812 B, 4.2 KiB.
 * @param {number | null | undefined} bytes
 */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return NOTHING;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * A duration: 59 ms, 2.1 s, 3 min 20 s, 4 h 5 min, 3 d 2 h.
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NOTHING;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const pairs = /** @type {const} */ ([
    [86_400, 'd', 3_600, 'h'],
    [3_600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ]);
  for (const [large, name, small, smallName] of pairs) {
    if (seconds < large) continue;
    const whole = Math.floor(seconds / large);
    const rest = Math.floor((seconds % large) / small);
    return rest ? `${whole} ${name} ${rest} ${smallName}` : `${whole} ${name}`;
  }
  return NOTHING;
}

/**
 * @param {string | number | Date | null | undefined} value
 * @returns {Date | null}
 */
export function date(value) {
  if (value === null || value === undefined) return null;
  const found = new Date(value);
  return Number.isNaN(found.getTime()) ? null : found;
}

/**
 * A time of today as 14:03:21, else with its day: 24 Nov 2026, 14:03:21.
 * @param {string | number | Date | null | undefined} value
 * @param {Date} [now]
 */
export function time(value, now = new Date()) {
  const found = date(value);
  if (!found) return NOTHING;
  return found.toDateString() === now.toDateString() ? CLOCK.format(found) : `${DAY.format(found)}, ${CLOCK.format(found)}`;
}

/**
 * A time with its day and zone, for titles.
 * @param {string | number | Date | null | undefined} value
 */
export function fullTime(value) {
  const found = date(value);
  return found ? FULL.format(found) : NOTHING;
}

/**
 * How long ago or ahead: 3 min ago, in 2 hr.
 * @param {string | number | Date | null | undefined} value
 * @param {number} [nowMs]
 */
export function relative(value, nowMs = Date.now()) {
  const found = date(value);
  if (!found) return NOTHING;
  const seconds = (found.getTime() - nowMs) / 1_000;
  const steps = /** @type {const} */ ([
    [60, 1, 'second'],
    [3_600, 60, 'minute'],
    [86_400, 3_600, 'hour'],
    [2_592_000, 86_400, 'day'],
    [31_536_000, 2_592_000, 'month'],
    [Infinity, 31_536_000, 'year'],
  ]);
  for (const [below, unit, name] of steps) {
    if (Math.abs(seconds) < below) return RELATIVE.format(Math.round(seconds / unit), name);
  }
  return NOTHING;
}

/**
 * `1 tick`, `3 ticks`.
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${NUMBER.format(number)} ${number === 1 ? one : many}`;
}

/**
 * A share as 12.5%.
 * @param {number} value of 0 to 1
 */
export function percent(value) {
  if (!Number.isFinite(value)) return NOTHING;
  return `${(value * 100).toLocaleString(undefined, { maximumFractionDigits: 1 })}%`;
}

/**
 * A word of the API for people: `out_of_credits` → `out of credits`.
 * @param {string} word
 */
export function words(word) {
  return word.replaceAll('_', ' ');
}
