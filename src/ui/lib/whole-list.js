/** A list that is wanted whole, page after page: the keys of a memory, the files of a workspace, a conversation. */
import { useCallback, useEffect, useRef, useState } from './preact.js';
import { ApiError, address, ask, pages } from './api.js';
import { parseExact } from './exact-json.js';
import { onEvents } from './live.js';
import { useReturn } from './resource.js';
import { at } from './scope.js';
import { useSignal } from './store.js';

const GATHER_MS = 400;
/** More than so many items are no list for a page. */
const MOST = 20_000;

/**
 * Reads all pages of a list. While it is read again, what was read before stays.
 * @param {string | null} path
 * @param {string} name the field that has the items
 * @param {{ query?: Record<string, string | number | null>, live?: string[], concerns?: (event: import('./types.js').LiveEvent) => boolean, exact?: boolean }} [reading]
 *   `exact`: numbers that a double would round stay as they are written
 * @returns {import('./resource.js').Resource<{ items: any[], first: any }>} `first`: the first page, with what stands beside its items
 */
export function useWholeList(path, name, reading = {}) {
  const tick = useSignal(at);
  const url = path === null ? null : address(path, { query: reading.query });
  const [state, setState] = useState(/** @type {{ url: string | null, data: { items: any[], first: any } | null, error: ApiError | null, refreshing: boolean }} */ ({ url: null, data: null, error: null, refreshing: false }));
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const concerns = useRef(reading.concerns);
  concerns.current = reading.concerns;
  useEffect(() => {
    if (path === null) return undefined;
    let current = true;
    setState((old) => (old.url === url ? { ...old, refreshing: true } : { url, data: null, error: null, refreshing: true }));
    (async () => {
      /** @type {any[]} */
      const items = [];
      let first = null;
      try {
        for await (const page of (reading.exact ? exactPages : pages)(path, { query: { limit: 100, ...reading.query } })) {
          if (!current) return;
          first ??= page;
          items.push(...(page[name] ?? []));
          if (items.length >= MOST) break;
        }
        if (current) setState({ url, data: { items, first }, error: null, refreshing: false });
      } catch (error) {
        if (current) setState((old) => ({ ...old, error: ApiError.from(error), refreshing: false }));
      }
    })();
    return () => {
      current = false;
    };
  }, [url, round]);
  useEffect(() => {
    if (tick !== null || path === null || !reading.live?.length) return undefined;
    let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);
    const end = onEvents([...reading.live, 'reset'], (event) => {
      if (event.type !== 'reset' && concerns.current && !concerns.current(event)) return;
      timer ??= setTimeout(() => {
        timer = null;
        reload();
      }, GATHER_MS);
    });
    return () => {
      end();
      if (timer) clearTimeout(timer);
    };
  }, [tick, url, reading.live?.join()]);
  useReturn(state.error, reload);
  const isCurrent = state.url === url;
  return {
    data: isCurrent ? state.data : null,
    error: isCurrent ? state.error : null,
    loading: path !== null && (!isCurrent || (state.data === null && state.error === null)),
    refreshing: state.refreshing,
    reload,
  };
}

/**
 * All pages, with the numbers as they are written.
 * @param {string} path
 * @param {import('./api.js').Options} options
 * @returns {AsyncGenerator<any, void, void>}
 */
async function* exactPages(path, options) {
  let cursor = null;
  do {
    const page = parseExact(await (await ask(path, { ...options, query: { ...options.query, cursor } })).text());
    yield page;
    cursor = page.next_cursor ?? null;
  } while (cursor !== null);
}
