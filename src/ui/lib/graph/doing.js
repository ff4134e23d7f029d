/** What agents do at this moment: what the roster said, and what events have told since. */
import { useEffect, useState } from '../preact.js';
import { onEvents } from '../live.js';
import { at, org } from '../scope.js';
import { useSignal } from '../store.js';

/** What a turn came to is seen for so long after its tick was closed: a quick tick would else pass unseen. */
const SEEN_MS = 1_600;

/**
 * What agents do, as far as events have told it since the roster was read.
 * @returns {Map<string, string>}
 */
export function useDoing() {
  const tick = useSignal(at);
  const which = useSignal(org);
  const [doing, setDoing] = useState(/** @type {Map<string, string>} */ (new Map()));
  useEffect(() => {
    setDoing(new Map());
    if (tick !== null) return undefined;
    let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
    /** @param {[string, string][]} changes */
    const change = (changes) => setDoing((old) => new Map([...old, ...changes]));
    const end = onEvents(['tick_opened', 'turn_started', 'turn_committed', 'turn_failed', 'tick_closed', 'reset'], (event) => {
      if (event.type === 'reset') setDoing(new Map());
      else if (event.type === 'tick_closed') timer = setTimeout(() => setDoing(new Map()), SEEN_MS);
      else if (event.type === 'tick_opened') {
        clearTimeout(timer);
        setDoing(new Map((event.due ?? []).map((name) => [name, 'due'])));
      } else if (event.agent) {
        const now = event.type === 'turn_started' ? 'thinking' : event.type === 'turn_failed' ? 'failed' : 'done';
        change([[event.agent, now]]);
      }
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [tick, which]);
  return doing;
}
