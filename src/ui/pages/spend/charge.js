/** What was charged, in its four sorts, and how long what is left lasts. */
import { html } from '../../lib/preact.js';
import { Time } from '../../lib/components/index.js';
import { count, credits, plural } from '../../lib/format.js';

/**
 * @typedef {Object} Charge
 * @property {number} [paid] for calls with an answer
 * @property {number} [action] for turns, as `cost_per_action`
 * @property {number} [unanswered] for calls that brought no answer, at their worst case
 * @property {number} [forfeited] for what runners that died may have spent
 * @property {number} [charged] all of that
 */

/** @typedef {{ lasts: 'unknown' | 'forever' | 'used_up', ticks?: number, at?: string | null }} Forecast */

/** @type {(keyof Charge)[]} */
export const SORTS = ['paid', 'action', 'unanswered', 'forfeited'];
export const SORT_NAMES = ['paid for calls', 'paid for turns', 'unanswered', 'forfeited'];
export const SORT_TONES = ['accent', 'info', 'warn', 'bad'];

/** @param {Charge | null | undefined} charge */
export function sum(charge) {
  return charge?.charged ?? SORTS.reduce((all, sort) => all + (charge?.[sort] ?? 0), 0);
}

/**
 * The sorts as parts of a bar.
 * @param {Charge} charge
 */
export function parts(charge) {
  return SORTS.map((sort) => charge[sort] ?? 0);
}

/**
 * What was charged, in words: 1.20 paid, 0.10 unanswered.
 * @param {Charge} charge
 */
export function inWords(charge) {
  const said = SORTS.flatMap((sort, i) => (charge[sort] ? [`${credits(charge[sort])} ${SORT_NAMES[i]}`] : []));
  return said.length ? said.join(', ') : 'nothing';
}

/**
 * How long it lasts.
 * @param {{ forecast: Forecast | null | undefined }} props
 */
export function Lasts({ forecast }) {
  if (!forecast || forecast.lasts === 'unknown') return html`<span class="quiet">not known yet</span>`;
  if (forecast.lasts === 'forever') return html`<span class="quiet">nothing is spent</span>`;
  const ticks = forecast.ticks ?? 0;
  if (ticks === 0) return html`<span class="tone-bad">used up</span>`;
  return html`<span class=${ticks < 10 ? 'tone-bad' : ticks < 50 ? 'tone-warn' : ''}>${forecast.at ? html`<${Time} value=${forecast.at} ago /> <span class="quiet">(${plural(ticks, 'tick')})</span>` : html`${count(ticks)} ticks`}</span>`;
}

/**
 * The sorts as one bar, as wide as its share of the largest.
 * @param {{ charge: Charge, most: number, label: string }} props
 */
export function ChargeBar({ charge, most, label }) {
  let x = 0;
  const scale = most > 0 ? 100 / most : 0;
  return html`<svg class="charge-bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${`${label}: ${inWords(charge)}`}>
    <rect class="meter-back" width="100" height="8" />
    ${parts(charge).map((part, i) => {
      const from = x;
      x += part * scale;
      return part > 0 ? html`<rect key=${i} class=${`fill-${SORT_TONES[i]}`} x=${from} width=${Math.max(part * scale, 0.6)} height="8" />` : null;
    })}
  </svg>`;
}
