import { html, useEffect, useReducer } from '../preact.js';
import { date, fullTime, relative, time, NOTHING } from '../format.js';

/**
 * A time in the local zone. `ago` says how long ago and keeps saying it.
 * @param {{ value: string | number | Date | null | undefined, ago?: boolean }} props
 */
export function Time({ value, ago = false }) {
  const [, redraw] = useReducer((/** @type {number} */ n) => n + 1, 0);
  const found = date(value);
  const ms = found?.getTime() ?? 0;
  useEffect(() => {
    if (!ago || !ms) return undefined;
    const every = Math.abs(Date.now() - ms) < 3_600_000 ? 15_000 : 300_000;
    const timer = setInterval(() => redraw(undefined), every);
    return () => clearInterval(timer);
  }, [ago, ms]);
  if (!found) return html`<span class="quiet">${NOTHING}</span>`;
  return html`<time class="nums" dateTime=${found.toISOString()} title=${fullTime(found)}>${ago ? relative(found) : time(found)}</time>`;
}
