/** All agents, however many: page after page, read again when they changed. */
import { useCallback, useEffect, useRef, useState } from './preact.js';
import { ApiError, address, pages } from './api.js';
import { onEvents } from './live.js';
import { useReturn } from './resource.js';
import { at } from './scope.js';
import { useSignal } from './store.js';

/** @typedef {import('./types.js').Agent} Agent */

const GATHER_MS = 500;

/**
 * The whole roster. While another moment is being read the last one stays, so that nothing flickers when time runs.
 * @returns {{ agents: Agent[] | null, error: ApiError | null, reload: () => void }}
 */
export function useRoster() {
  const tick = useSignal(at);
  const url = address('/agents');
  const [state, setState] = useState(/** @type {{ agents: Agent[] | null, error: ApiError | null }} */ ({ agents: null, error: null }));
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const read = useRef(0);
  useEffect(() => {
    const mine = (read.current += 1);
    (async () => {
      /** @type {Agent[]} */
      const agents = [];
      try {
        for await (const page of pages('/agents', { query: { limit: 1_000 } })) {
          if (mine !== read.current) return;
          agents.push(...page.agents);
        }
        if (mine === read.current) setState({ agents, error: null });
      } catch (error) {
        if (mine === read.current) setState((old) => ({ ...old, error: ApiError.from(error) }));
      }
    })();
    return () => {
      read.current += 1;
    };
  }, [url, round]);
  useEffect(() => {
    if (tick !== null) return undefined;
    let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);
    const end = onEvents(['tick_closed', 'turn_failed', 'reset'], () => {
      timer ??= setTimeout(() => {
        timer = null;
        reload();
      }, GATHER_MS);
    });
    return () => {
      end();
      if (timer) clearTimeout(timer);
    };
  }, [tick]);
  useReturn(state.error, reload);
  return { ...state, reload };
}
