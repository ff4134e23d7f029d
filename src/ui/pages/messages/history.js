/**
 * Messages, the newest first, however many: older ones are read as they are scrolled to, and new ones are put on top as
 * they arrive, without a gap.
 */
import { useCallback, useEffect, useRef, useState } from '../../lib/preact.js';
import { ApiError, address, get } from '../../lib/api.js';
import { onEvents } from '../../lib/live.js';
import { useReturn } from '../../lib/resource.js';
import { at } from '../../lib/scope.js';
import { useSignal } from '../../lib/store.js';

/** @typedef {import('../../lib/types.js').Message} Message */

const PAGE = 100;
const GATHER_MS = 400;
/** So many pages are caught up with; who was away for longer begins anew. */
const MOST_PAGES = 30;
/** So many pages without a message are looked through before a person is asked whether to look further back. */
const MOST_EMPTY = 10;

/**
 * @typedef {Object} History
 * @property {Message[]} items the newest first
 * @property {number} added how many were put on top since the list began; what scrolls keeps its place by it
 * @property {boolean} loading
 * @property {boolean} loadingMore
 * @property {boolean} hasMore
 * @property {ApiError | null} error
 * @property {() => void} loadMore
 * @property {() => void} reload
 */

/**
 * @param {Record<string, string | number | null | undefined>} query
 * @returns {History}
 */
export function useHistory(query) {
  const tick = useSignal(at);
  const url = address('/messages', { query: { ...query, limit: PAGE } });
  const [, redraw] = useState(0);
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const list = useRef(blank(''));
  if (list.current.url !== url) list.current = blank(url);

  const page = useCallback((/** @type {string | null} */ cursor) => get('/messages', { query: { ...query, limit: PAGE, cursor } }), [url]);
  // A page may have nothing that fits, and older ones follow.
  const read = useCallback(
    async (/** @type {string | null} */ cursor) => {
      let found = await page(cursor);
      for (let n = 0; n < MOST_EMPTY && !found.messages.length && found.next_cursor; n += 1) found = await page(found.next_cursor);
      return found;
    },
    [page],
  );
  useEffect(() => {
    const mine = blank(url);
    if (list.current.isRead) Object.assign(mine, { items: list.current.items, isRead: true });
    list.current = mine;
    let current = true;
    const draw = () => current && redraw((n) => n + 1);
    read(null).then(
      (page) => {
        if (!current) return;
        mine.items = page.messages;
        mine.ids = new Set(mine.items.map((message) => message.id));
        mine.cursor = page.next_cursor ?? null;
        mine.error = null;
        mine.isRead = true;
        draw();
      },
      (error) => {
        if (!current) return;
        mine.error = ApiError.from(error);
        mine.isRead = true;
        draw();
      },
    );

    let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);
    let isCatchingUp = false;
    let isBehind = false;
    const catchUp = async () => {
      // Nothing is known yet that new ones could be put on.
      if (mine.ids.size === 0) return reload();
      if (isCatchingUp) {
        isBehind = true;
        return;
      }
      isCatchingUp = true;
      try {
        /** @type {Message[]} */
        const fresh = [];
        let cursor = /** @type {string | null} */ (null);
        for (let n = 0; n < MOST_PAGES; n += 1) {
          const found = await page(cursor);
          const unknown = found.messages.filter((/** @type {Message} */ message) => !mine.ids.has(message.id));
          fresh.push(...unknown);
          cursor = found.next_cursor ?? null;
          // What is known already is the end of what is new.
          if (unknown.length < found.messages.length || found.messages.length === 0 || cursor === null) break;
          if (n === MOST_PAGES - 1) return reload();
        }
        if (!current) return;
        if (fresh.length) {
          for (const message of fresh) mine.ids.add(message.id);
          mine.items = [...fresh, ...mine.items];
          mine.added += fresh.length;
        }
        mine.error = null;
        draw();
      } catch (error) {
        mine.error = ApiError.from(error);
        draw();
      } finally {
        isCatchingUp = false;
        if (isBehind && current) {
          isBehind = false;
          void catchUp();
        }
      }
    };
    const end =
      tick === null
        ? onEvents(['message', 'tick_closed', 'reset'], () => {
            timer ??= setTimeout(() => {
              timer = null;
              if (mine.isRead) void catchUp();
            }, GATHER_MS);
          })
        : () => {};
    return () => {
      current = false;
      end();
      if (timer) clearTimeout(timer);
    };
  }, [url, round]);

  const loadMore = useCallback(() => {
    const mine = list.current;
    if (mine.cursor === null || mine.loadingMore) return;
    mine.loadingMore = true;
    redraw((n) => n + 1);
    read(mine.cursor)
      .then(
        (page) => {
          const older = page.messages.filter((/** @type {Message} */ message) => !mine.ids.has(message.id));
          for (const message of older) mine.ids.add(message.id);
          // The array is long: it is added to, not copied. Who draws it looks at its length.
          mine.items.push(...older);
          mine.cursor = page.next_cursor ?? null;
          mine.error = null;
        },
        (error) => {
          mine.error = ApiError.from(error);
        },
      )
      .finally(() => {
        mine.loadingMore = false;
        if (list.current === mine) redraw((n) => n + 1);
      });
  }, [url]);

  const mine = list.current;
  useReturn(mine.error, reload);
  return { items: mine.items, added: mine.added, loading: !mine.isRead, loadingMore: mine.loadingMore, hasMore: mine.cursor !== null, error: mine.error, loadMore, reload };
}

/** @param {string} url */
function blank(url) {
  return {
    url,
    items: /** @type {Message[]} */ ([]),
    ids: /** @type {Set<string>} */ (new Set()),
    cursor: /** @type {string | null} */ (null),
    error: /** @type {ApiError | null} */ (null),
    added: 0,
    isRead: false,
    loadingMore: false,
  };
}
