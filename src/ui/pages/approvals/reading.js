/** The calls that agents ask about, read with their numbers exact, and kept fresh. */
import { useCallback, useEffect, useState } from '../../lib/preact.js';
import { ApiError, address, ask } from '../../lib/api.js';
import { parseExact } from '../../lib/exact-json.js';
import { onEvents } from '../../lib/live.js';
import { at } from '../../lib/scope.js';
import { useSignal } from '../../lib/store.js';

/** @typedef {'approved' | 'denied' | 'expired'} Verdict */

/**
 * @typedef {Object} Approval
 * @property {string} id
 * @property {'waiting' | 'answered' | 'settled' | 'given_up'} standing
 * @property {string} agent
 * @property {number} tick
 * @property {string} tool
 * @property {string | null} permission
 * @property {unknown} arguments null where they were given up
 * @property {string} arguments_sha256
 * @property {number | null} worth_credits
 * @property {string | null} purpose
 * @property {string | null} asked_at
 * @property {string} expires_at
 * @property {{ command: string, by: unknown, sent_at: string, approves: boolean }[]} sent
 * @property {{ verdict: Verdict, tick: number, at: string | null, by: unknown, arguments: unknown, reason: string | null } | null} answer
 * @property {{ outcome: 'made' | 'not_made' | 'unknown', tick: number | null, ok: boolean | null, result: unknown } | null} end
 */

const GATHER_MS = 400;
const PAGE = 50;

/**
 * @param {'waiting' | 'answered'} state
 * @returns {{ items: Approval[] | null, error: ApiError | null, reload: () => void, hasMore: boolean, loadingMore: boolean, loadMore: () => void }}
 */
export function useApprovals(state) {
  const tick = useSignal(at);
  const url = address('/approvals', { query: { state } });
  const [read, setRead] = useState(/** @type {{ url: string, items: Approval[] | null, cursor: string | null, error: ApiError | null }} */ ({ url, items: null, cursor: null, error: null }));
  const [pages, setPages] = useState(1);
  const [round, setRound] = useState(0);
  const [loadingMore, setLoadingMore] = useState(false);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    let current = true;
    (async () => {
      /** @type {Approval[]} */
      const items = [];
      let cursor = null;
      try {
        // All pages that are shown are read again: an answer may take a line out of any of them.
        for (let page = 0; page < pages; page += 1) {
          const answer = await ask('/approvals', { query: { state, limit: PAGE, cursor } });
          const found = parseExact(await answer.text());
          items.push(...found.approvals);
          cursor = found.next_cursor ?? null;
          if (cursor === null) break;
        }
        if (current) setRead({ url, items, cursor, error: null });
      } catch (error) {
        if (current) setRead((old) => ({ ...(old.url === url ? old : { url, items: null, cursor: null }), error: ApiError.from(error) }));
      }
      if (current) setLoadingMore(false);
    })();
    return () => {
      current = false;
    };
  }, [url, round, pages]);
  useEffect(() => {
    if (tick !== null) return undefined;
    let timer = /** @type {ReturnType<typeof setTimeout> | null} */ (null);
    const end = onEvents(['tick_closed', 'turn_committed', 'problem', 'reset'], () => {
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
  const isCurrent = read.url === url;
  return {
    items: isCurrent ? read.items : null,
    error: isCurrent ? read.error : null,
    reload,
    hasMore: isCurrent && read.cursor !== null,
    loadingMore,
    loadMore: () => {
      setLoadingMore(true);
      setPages((n) => n + 1);
    },
  };
}
