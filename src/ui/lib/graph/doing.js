/** What agents do at this moment: what the roster said, and what events have told since. */
import { useEffect, useState } from '../preact.js';
import { onEvents } from '../live.js';
import { at } from '../scope.js';
import { useSignal } from '../store.js';

/**
 * What differs from the roster since it was read.
 * @param {unknown} roster a new one makes what events told before obsolete
 * @returns {Map<string, string>}
 */
export function useDoing(roster) {
  const tick = useSignal(at);
  const [doing, setDoing] = useState(/** @type {Map<string, string>} */ (new Map()));
  useEffect(() => setDoing(new Map()), [tick, roster]);
  useEffect(() => {
    if (tick !== null) return undefined;
    /** @param {[string, string][]} changes */
    const change = (changes) => setDoing((old) => new Map([...old, ...changes]));
    return onEvents(['tick_opened', 'turn_started', 'turn_committed', 'turn_failed', 'tick_closed'], (event) => {
      if (event.type === 'tick_closed') setDoing(new Map());
      else if (event.type === 'tick_opened') change((event.due ?? []).map((name) => [name, 'due']));
      else if (event.agent) {
        const now = event.type === 'turn_started' ? 'thinking' : event.type === 'turn_failed' ? 'failed' : 'done';
        change([[event.agent, now]]);
      }
    });
  }, [tick]);
  return doing;
}
