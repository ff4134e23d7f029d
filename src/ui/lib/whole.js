/**
 * A whole list, page after page. Unlike `usePages` it forgets what is no longer there, for lists from which things vanish:
 * what waits, what is wrong.
 */
import { useCallback, useEffect, useState } from './preact.js';
import { ApiError, address, ask } from './api.js';
import { parseExact } from './exact-json.js';
import { onEvents } from './live.js';
import { at } from './scope.js';
import { useSignal } from './store.js';

const GATHER_MS = 400;
/** So many pages are read at most: nobody reads ten thousand problems. */
const MOST_PAGES = 50;

/**
 * Reads all of it; its numbers are exact.
 * @template [T=any]
 * @param {string} path
 * @param {string} name the field that has the items
 * @param {{ query?: Record<string, string | number | null | undefined>, live?: string[] }} [reading]
 * @returns {import('./resource.js').Resource<T[]> & { first: any, isCut: boolean }} `first`: the first page; `isCut`: there is more than was read
 */
export function useWhole(path, name, reading = {}) {
  const tick = useSignal(at);
  const url = address(path, { query: reading.query });
  const [state, setState] = useState(
    /** @type {{ url: string | null, data: T[] | null, first: any, isCut: boolean, error: ApiError | null, refreshing: boolean }} */ ({
      url: null, data: null, first: null, isCut: false, error: null, refreshing: false,
    }),
  );
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    let current = true;
    setState((old) => (old.url === url ? { ...old, refreshing: true } : { url, data: null, first: null, isCut: false, error: null, refreshing: true }));
    (async () => {
      /** @type {T[]} */
      const items = [];
      let first = null;
      let cursor = null;
      try {
        for (let page = 0; page < MOST_PAGES; page += 1) {
          const answer = await ask(path, { query: { limit: 100, ...reading.query, cursor } });
          const found = parseExact(await answer.text());
          if (!current) return;
          first ??= found;
          items.push(...(found[name] ?? []));
          cursor = found.next_cursor ?? null;
          if (cursor === null) break;
        }
        setState({ url, data: items, first, isCut: cursor !== null, error: null, refreshing: false });
      } catch (error) {
        if (current) setState((old) => ({ ...old, url, error: ApiError.from(error), refreshing: false }));
      }
    })();
    return () => {
      current = false;
    };
  }, [url, round]);
  const types = reading.live?.join();
  useEffect(() => {
    if (tick !== null || !types) return undefined;
    let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);
    const end = onEvents([...types.split(','), 'reset'], () => {
      timer ??= setTimeout(() => {
        timer = null;
        reload();
      }, GATHER_MS);
    });
    return () => {
      end();
      if (timer) clearTimeout(timer);
    };
  }, [tick, types, url]);
  const isCurrent = state.url === url;
  return {
    data: isCurrent ? state.data : null,
    first: isCurrent ? state.first : null,
    isCut: isCurrent && state.isCut,
    error: isCurrent ? state.error : null,
    loading: !isCurrent || (state.data === null && state.error === null),
    refreshing: state.refreshing,
    reload,
  };
}
