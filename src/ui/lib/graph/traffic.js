/** Messages to be shown on the way: as they happen, and again when the past is played. */
import { onEvents } from '../live.js';
import { at } from '../scope.js';

/** @typedef {{ from: string, to: string[] | null, importance?: string }} Sent */

/** @type {Set<(messages: Sent[], ms: number) => void>} */
const listeners = new Set();
const LIVE_MS = 1_100;

/**
 * Shows messages on the way, for so many milliseconds.
 * @param {Sent[]} messages
 * @param {number} ms
 */
export function showTraffic(messages, ms) {
  for (const run of [...listeners]) run(messages, ms);
}

/**
 * Follows them. Returns what ends it.
 * @param {(messages: Sent[], ms: number) => void} run
 */
export function onTraffic(run) {
  listeners.add(run);
  const end = onEvents(['message'], (event) => {
    if (at.peek() === null && event.message) run([event.message], LIVE_MS);
  });
  return () => {
    listeners.delete(run);
    end();
  };
}
