/** Hooks that read from the API and keep what they read fresh. */
import { useCallback, useEffect, useMemo, useRef, useState } from './preact.js';
import { ApiError, address, get } from './api.js';
import { onEvents } from './live.js';
import { at, org } from './scope.js';
import { useSignal } from './store.js';

/** How long changes are gathered before something is read again, so that a busy tick is one read. */
const GATHER_MS = 400;

/**
 * @template T
 * @typedef {Object} Resource
 * @property {T | null} data The last answer; kept while it is read again.
 * @property {ApiError | null} error Why the last read failed; `data` may still hold what was read before.
 * @property {boolean} loading Whether nothing is there yet and an answer is awaited.
 * @property {boolean} refreshing Whether it is being read again.
 * @property {() => void} reload Reads again, now.
 */

/**
 * @typedef {Object} Reading
 * @property {Record<string, string | number | boolean | null | undefined>} [query]
 * @property {string[] | null} [live] Types of live events after which it is read again (in the present only).
 * @property {(event: import('./types.js').LiveEvent) => boolean} [concerns] Which of them concern it.
 * @property {number | null} [at] Another tick than the one looked at; null: now.
 */

/**
 * Reads one document. `path` null: nothing is read.
 * @template [T=any]
 * @param {string | null} path
 * @param {Reading} [reading]
 * @returns {Resource<T>}
 */
export function useResource(path, reading = {}) {
  const tick = useSignal(at);
  const which = useSignal(org);
  const url = path === null ? null : address(path, { query: reading.query, at: reading.at });
  const [state, setState] = useState(
    /** @type {{ url: string | null, data: any, error: ApiError | null, refreshing: boolean }} */ ({
      url: null,
      data: null,
      error: null,
      refreshing: false,
    }),
  );
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);

  useEffect(() => {
    if (path === null || url === null) return undefined;
    let current = true;
    setState((old) => (old.url === url ? { ...old, refreshing: true } : { url, data: null, error: null, refreshing: true }));
    get(path, { query: reading.query, at: reading.at }).then(
      (data) => current && setState({ url, data, error: null, refreshing: false }),
      (error) => current && setState((old) => ({ ...old, url, error: ApiError.from(error), refreshing: false })),
    );
    return () => {
      current = false;
    };
  }, [url, round]);

  useLive(reading, tick === null && path !== null, reload, `${which}\n${url}`);
  useReturn(state.error, reload);
  const isCurrent = state.url === url;
  return {
    data: isCurrent ? state.data : null,
    error: isCurrent ? state.error : null,
    loading: url !== null && (!isCurrent || (state.data === null && state.error === null)),
    refreshing: state.refreshing,
    reload,
  };
}

/**
 * Reads a list page by page. New pages are added below; when the first is read again, what is new is put on top.
 * @template [T=any]
 * @param {string | null} path
 * @param {string} name the field that has the items
 * @param {Reading & { id: (item: T) => string | number }} reading `id` tells items apart
 * @returns {Omit<Resource<T[]>, 'data'> & { items: T[], hasMore: boolean, loadingMore: boolean, loadMore: () => void, first: any }}
 */
export function usePages(path, name, reading) {
  const tick = useSignal(at);
  const which = useSignal(org);
  const url = path === null ? null : address(path, { query: reading.query, at: reading.at });
  const blank = { url, items: /** @type {T[]} */ ([]), cursor: null, first: null, error: null, isRead: false, refreshing: false, loadingMore: false };
  const [state, setState] = useState(
    /** @type {{ url: string | null, items: T[], cursor: string | null, first: any, error: ApiError | null, isRead: boolean, refreshing: boolean, loadingMore: boolean }} */ (
      { ...blank, url: null }
    ),
  );
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const present = useRef(state);
  present.current = state;

  useEffect(() => {
    if (path === null || url === null) return undefined;
    let current = true;
    setState((old) => (old.url === url ? { ...old, refreshing: true } : { ...blank, refreshing: true }));
    get(path, { query: reading.query, at: reading.at }).then(
      (page) => {
        if (!current) return;
        setState((old) => {
          const fresh = /** @type {T[]} */ (page[name] ?? []);
          const kept = old.url === url ? old.items : [];
          const ids = new Set(fresh.map(reading.id));
          const overlaps = kept.some((item) => ids.has(reading.id(item)));
          // Without an overlap there is a gap between both: then the list begins anew.
          const items = overlaps ? [...fresh, ...kept.filter((item) => !ids.has(reading.id(item)))] : fresh;
          const cursor = overlaps && old.isRead ? old.cursor : page.next_cursor ?? null;
          return { url, items, cursor, first: page, error: null, isRead: true, refreshing: false, loadingMore: false };
        });
      },
      (error) => current && setState((old) => ({ ...old, url, error: ApiError.from(error), isRead: true, refreshing: false })),
    );
    return () => {
      current = false;
    };
  }, [url, round]);

  const loadMore = useCallback(() => {
    const { cursor, loadingMore, url: from } = present.current;
    if (path === null || cursor === null || loadingMore) return;
    setState((old) => ({ ...old, loadingMore: true }));
    get(path, { query: { ...reading.query, cursor }, at: reading.at }).then(
      (page) =>
        setState((old) => {
          if (old.url !== from) return old;
          const ids = new Set(old.items.map(reading.id));
          const more = /** @type {T[]} */ (page[name] ?? []).filter((item) => !ids.has(reading.id(item)));
          return { ...old, items: [...old.items, ...more], cursor: page.next_cursor ?? null, loadingMore: false };
        }),
      (error) => setState((old) => (old.url === from ? { ...old, error: ApiError.from(error), loadingMore: false } : old)),
    );
  }, [url]);

  useLive(reading, tick === null && path !== null, reload, `${which}\n${url}`);
  useReturn(state.error, reload);
  const isCurrent = state.url === url;
  return {
    items: isCurrent ? state.items : [],
    first: isCurrent ? state.first : null,
    error: isCurrent ? state.error : null,
    loading: url !== null && (!isCurrent || !state.isRead),
    refreshing: state.refreshing,
    hasMore: isCurrent && state.cursor !== null,
    loadingMore: state.loadingMore,
    loadMore,
    reload,
  };
}

/**
 * @param {Reading} reading
 * @param {boolean} isOn
 * @param {() => void} reload
 * @param {string} name
 */
function useLive(reading, isOn, reload, name) {
  const types = useMemo(() => (reading.live?.length ? [...reading.live, 'reset'] : null), [reading.live?.join()]);
  const concerns = useRef(reading.concerns);
  concerns.current = reading.concerns;
  useEffect(() => {
    if (!isOn || !types) return undefined;
    let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);
    const end = onEvents(types, (event) => {
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
  }, [isOn, types, name]);
}

/**
 * What could not be read because no server answered is read as soon as one does.
 * @param {ApiError | null} error
 * @param {() => void} reload
 */
export function useReturn(error, reload) {
  const isLost = error?.isUnreachable ?? false;
  useEffect(() => (isLost ? onEvents(['reset'], reload) : undefined), [isLost]);
}
