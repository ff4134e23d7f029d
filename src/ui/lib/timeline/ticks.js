/**
 * A line for each tick, newest first as the API has them, kept as long as the page is open: closed ticks never change.
 */
import { ApiError, get } from '../api.js';
import { onEvents } from '../live.js';
import { useEffect } from '../preact.js';
import { org } from '../scope.js';
import { signal, useSignal } from '../store.js';

/** @typedef {import('../types.js').TickLine} TickLine */

/**
 * @typedef {Object} Ticks
 * @property {string | null} org whose
 * @property {Map<number, TickLine>} lines by tick
 * @property {number} first the earliest tick whose line is there; 0: none is
 * @property {number} last the latest one; 0: none is
 * @property {boolean} isWhole whether there are no earlier ones
 * @property {boolean} isReading
 * @property {ApiError | null} error
 */

const PAGE = 100;
/** As many are read at first; earlier ones when they are asked for. */
const AT_ONCE = 6_000;
/** Between two pages, so that a long history leaves room for other requests. */
const PAUSE_MS = 40;

/**
 * @param {string | null} whose
 * @returns {Ticks}
 */
const none = (whose) => ({ org: whose, lines: new Map(), first: 0, last: 0, isWhole: false, isReading: false, error: null });

const ticks = signal(none(null));
/** @type {string | null} */
let cursor = null;

/** @returns {Ticks} */
export function useTicks() {
  const which = useSignal(org);
  const shown = useSignal(ticks);
  useEffect(() => {
    const isNew = ticks.peek().org !== which || ticks.peek().last === 0;
    if (isNew) {
      ticks.value = none(which);
      cursor = null;
      void readEarlier(AT_ONCE);
    } else void readNewest();
    let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);
    const end = onEvents(['tick_opened', 'tick_closed', 'reset'], () => {
      timer ??= setTimeout(() => {
        timer = null;
        void readNewest();
      }, 300);
    });
    return () => {
      end();
      if (timer) clearTimeout(timer);
    };
  }, [which]);
  return shown.org === which ? shown : none(which);
}

/**
 * Reads earlier ticks, page after page.
 * @param {number} [most]
 */
export async function readEarlier(most = AT_ONCE) {
  const begun = ticks.peek();
  if (begun.isReading || begun.isWhole) return;
  ticks.value = { ...begun, isReading: true, error: null };
  const whose = begun.org;
  try {
    for (let read = 0; read < most; read += PAGE) {
      const page = await get('/ticks', { query: { limit: PAGE, cursor } });
      if (ticks.peek().org !== whose) return;
      cursor = page.next_cursor ?? null;
      take(page.ticks, cursor === null);
      if (cursor === null) break;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (ticks.peek().org !== whose) return;
    }
    ticks.value = { ...ticks.peek(), isReading: false };
  } catch (error) {
    if (ticks.peek().org === whose) ticks.value = { ...ticks.peek(), isReading: false, error: ApiError.from(error) };
  }
}

/** Reads what is new since. */
export async function readNewest() {
  const whose = ticks.peek().org;
  try {
    const page = await get('/ticks', { query: { limit: PAGE } });
    if (ticks.peek().org !== whose) return;
    const oldest = page.ticks[page.ticks.length - 1]?.tick ?? 0;
    if (oldest > ticks.peek().last + 1 && ticks.peek().last > 0) {
      // So much happened meanwhile that there is a gap: it is read from the newest on.
      ticks.value = none(whose);
      cursor = null;
      await readEarlier();
    } else take(page.ticks, ticks.peek().isWhole || (ticks.peek().last === 0 && !page.next_cursor));
  } catch (error) {
    if (ticks.peek().org === whose) ticks.value = { ...ticks.peek(), error: ApiError.from(error) };
  }
}

/**
 * @param {TickLine[]} page
 * @param {boolean} isWhole
 */
function take(page, isWhole) {
  const before = ticks.peek();
  const lines = new Map(before.lines);
  let { first, last } = before;
  for (const line of page) {
    lines.set(line.tick, line);
    first = first === 0 ? line.tick : Math.min(first, line.tick);
    last = Math.max(last, line.tick);
  }
  ticks.value = { ...before, lines, first, last, isWhole, error: null };
}
