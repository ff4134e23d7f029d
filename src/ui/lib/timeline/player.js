/** Plays the past: one tick after another, each with its messages on their way over the graph. */
import { get } from '../api.js';
import { sayError } from '../components/toast.js';
import { showTraffic } from '../graph/traffic.js';
import { at, org } from '../scope.js';
import { signal } from '../store.js';
import { lookAt } from '../../router.js';

/** Whether it plays. */
export const isPlaying = signal(false);
/** How fast: ticks for each STEP_MS. */
export const speed = signal(1);

export const SPEEDS = [0.5, 1, 2, 4];
const STEP_MS = 1_800;
/** So many ticks back it begins, when it is started in the present. */
const FROM_NOW = 20;

let round = 0;
/** @type {Map<string, Promise<any>>} */
const details = new Map();
const KEPT = 40;

/**
 * The whole of a closed tick; it never changes, so it is read once.
 * @param {number} tick
 * @returns {Promise<any>}
 */
export function tickDetail(tick) {
  const name = `${org.peek() ?? ''}\n${tick}`;
  let found = details.get(name);
  if (!found) {
    found = get(`/ticks/${tick}`).catch((error) => {
      details.delete(name);
      throw error;
    });
    details.set(name, found);
    if (details.size > KEPT) details.delete(/** @type {string} */ (details.keys().next().value));
  }
  return found;
}

/**
 * Shows the messages of a tick on their way.
 * @param {number} tick
 * @param {number} [ms]
 */
export async function showTick(tick, ms = 1_300) {
  try {
    const detail = await tickDetail(tick);
    if (detail.messages?.length) showTraffic(detail.messages, ms);
  } catch {
    // What cannot be read is said where the tick itself is shown.
  }
}

/** Plays on from the tick that is looked at, to the present. */
export async function play() {
  if (isPlaying.peek()) return;
  isPlaying.value = true;
  const mine = (round += 1);
  try {
    const { tick: last } = await get('/status', { at: null });
    if (mine !== round) return;
    if (at.peek() === null) lookAt(Math.max(1, last - FROM_NOW));
    await run(mine, last);
  } catch (error) {
    if (mine === round) sayError(error);
  } finally {
    if (mine === round) isPlaying.value = false;
  }
}

export function stop() {
  round += 1;
  isPlaying.value = false;
}

/**
 * @param {number} mine
 * @param {number} last
 */
async function run(mine, last) {
  let isFirst = true;
  while (mine === round) {
    const here = at.peek();
    // Who goes back to now, or leaves for another organisation, has stopped it.
    if (here === null) break;
    const next = isFirst ? here : here + 1;
    if (next > last) {
      lookAt(null);
      break;
    }
    const ms = STEP_MS / speed.peek();
    const begun = performance.now();
    if (!isFirst) lookAt(next);
    isFirst = false;
    const shown = showTick(next, Math.max(350, ms * 0.9));
    if (next < last) void tickDetail(next + 1).catch(() => {});
    await shown;
    await new Promise((resolve) => setTimeout(resolve, Math.max(60, ms - (performance.now() - begun))));
    if (mine === round && at.peek() !== next) {
      // Somebody moved to another tick: it goes on from there.
      isFirst = at.peek() !== null;
    }
  }
}
