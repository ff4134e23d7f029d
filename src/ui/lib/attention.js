/** What needs a person, counted for the navigation: calls that wait for a yes, and problems. */
import { batch, effect, signal } from './store.js';
import { get } from './api.js';
import { onEvents } from './live.js';
import { me } from './session.js';
import { at, org } from './scope.js';

const GATHER_MS = 2_000;
const MOST = 100;

/** @typedef {{ number: number, isMore: boolean }} Count `isMore`: there are more than that */

/** Calls that nobody has answered. */
export const waitingApprovals = signal(/** @type {Count} */ ({ number: 0, isMore: false }));

/** Problems of the present. */
export const openProblems = signal(/** @type {Count} */ ({ number: 0, isMore: false }));

/** Whether something happened since it was last counted. */
let isStale = false;
let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);

/** Counts now, and whenever something may have changed. */
export function startAttention() {
  effect(() => {
    org.value;
    if (me.value) void recount();
  });
  effect(() => {
    // Back from the past, much may have happened.
    if (at.value === null) soon();
  });
  onEvents(['tick_closed', 'problem', 'reset'], soon);
}

/** Counts again in a moment, as after an answer was given. */
export function soon() {
  isStale = true;
  timer ??= setTimeout(gather, GATHER_MS);
}

/** Counts while the counts are stale, once at a time. What takes long to count is counted the less often. */
async function gather() {
  while (isStale) {
    isStale = false;
    const began = performance.now();
    if (me.peek()) await recount();
    const rest = Math.max(GATHER_MS, 4 * (performance.now() - began));
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
  timer = null;
}

async function recount() {
  const asked = org.peek();
  const count = async (/** @type {string} */ path, /** @type {string} */ name, /** @type {Record<string, string | number>} */ query) => {
    const page = await get(path, { query: { limit: MOST, ...query }, at: null });
    return { number: page[name]?.length ?? 0, isMore: Boolean(page.next_cursor) };
  };
  try {
    const [approvals, problems] = await Promise.all([count('/approvals', 'approvals', { state: 'waiting' }), count('/problems', 'problems', {})]);
    if (asked !== org.peek()) return;
    batch(() => {
      waitingApprovals.value = approvals;
      openProblems.value = problems;
    });
  } catch {
    // The pages say why something cannot be read; a count that is a little old says enough here.
  }
}
