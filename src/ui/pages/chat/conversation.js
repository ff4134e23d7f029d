/** What a person and an agent said to each other, in the order in which it was said. */
import { useEffect, useMemo, useState } from '../../lib/preact.js';
import { get } from '../../lib/api.js';
import { onEvents } from '../../lib/live.js';
import { usePages } from '../../lib/resource.js';
import { at } from '../../lib/scope.js';
import { useSignal } from '../../lib/store.js';

/** @typedef {import('../../lib/types.js').Message} Message */
/** @typedef {{ id: string, text: string, sent_at: string | null }} Waiting mail that no tick has taken in yet */

const PAGE = 50;

/**
 * @param {string} name
 * @returns {{ messages: Message[], loading: boolean, error: import('../../lib/api.js').ApiError | null, hasMore: boolean, loadingMore: boolean, loadMore: () => void, reload: () => void }}
 */
export function useConversation(name) {
  const id = (/** @type {Message} */ message) => message.id;
  /** @param {string} from @param {string} to */
  const side = (from, to) => ({
    id,
    query: { from, to, limit: PAGE },
    // A message is told when its turn is committed, and is in the list once its tick is closed.
    live: ['message', 'tick_closed'],
    concerns: (/** @type {any} */ event) => event.type === 'tick_closed' || (event.message?.from === from && (!event.message.to || event.message.to.includes(to))),
  });
  const early = useEarly(name);
  const mine = usePages('/messages', 'messages', side('human', name));
  const its = usePages('/messages', 'messages', side(name, 'human'));
  const messages = useMemo(() => {
    // Older than what both sides have been read back to, there may be gaps.
    const floor = Math.max(mine.hasMore ? (mine.items[mine.items.length - 1]?.tick ?? 0) : 0, its.hasMore ? (its.items[its.items.length - 1]?.tick ?? 0) : 0);
    const listed = [...mine.items, ...its.items].filter((message) => message.tick >= floor);
    const known = new Set(listed.map(id));
    return [...listed, ...early.filter((message) => !known.has(message.id))].sort(byPosition);
  }, [mine.items, its.items, mine.hasMore, its.hasMore, early]);
  return {
    messages,
    loading: mine.loading || its.loading,
    error: mine.error ?? its.error,
    hasMore: mine.hasMore || its.hasMore,
    loadingMore: mine.loadingMore || its.loadingMore,
    loadMore: () => {
      // The side that reaches less far back is read on.
      const from = mine.items[mine.items.length - 1]?.tick ?? 0;
      const other = its.items[its.items.length - 1]?.tick ?? 0;
      if (mine.hasMore && (from >= other || !its.hasMore)) mine.loadMore();
      if (its.hasMore && (other >= from || !mine.hasMore)) its.loadMore();
    },
    reload: () => {
      mine.reload();
      its.reload();
    },
  };
}

/**
 * What events have told of the conversation: it is seen before its tick is closed.
 * @param {string} name
 * @returns {Message[]}
 */
function useEarly(name) {
  const tick = useSignal(at);
  const [early, setEarly] = useState(/** @type {Message[]} */ ([]));
  useEffect(() => {
    setEarly([]);
    if (tick !== null) return undefined;
    return onEvents(['message', 'reset'], (event) => {
      const message = event.message;
      if (!message) return setEarly([]);
      const isOurs = message.from === name ? message.to?.includes('human') : message.from === 'human' && (!message.to || message.to.includes(name));
      if (isOurs) setEarly((old) => [...old.filter((other) => other.id !== message.id), message].slice(-PAGE));
      return undefined;
    });
  }, [name, tick]);
  return early;
}

/**
 * By tick, then by place in it: a position is `tick.rank.index`.
 * @param {Message} a
 * @param {Message} b
 */
function byPosition(a, b) {
  const left = String(a.position).split('.').map(Number);
  const right = String(b.position).split('.').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
}

/**
 * Mail to an agent that waits for a tick: it is no message yet.
 * @param {string} name
 * @param {unknown} again what, when it changes, has it read again
 * @returns {Waiting[]}
 */
export function useWaitingMail(name, again) {
  const tick = useSignal(at);
  const [waiting, setWaiting] = useState(/** @type {Waiting[]} */ ([]));
  const [round, setRound] = useState(0);
  useEffect(() => onEvents(['tick_opened', 'reset'], () => setRound((n) => n + 1)), []);
  useEffect(() => {
    let current = true;
    if (tick !== null) {
      setWaiting([]);
      return undefined;
    }
    get('/ingress').then(
      (found) => {
        if (!current) return;
        const mail = (found.mail ?? []).map((/** @type {any} */ one) => one.mail ?? one);
        setWaiting(
          mail
            .filter((/** @type {any} */ one) => one.from === 'human' && (!(one.recipients ?? one.to) || (one.recipients ?? one.to).includes(name)))
            .map((/** @type {any} */ one) => ({ id: String(one.id), text: String(one.payload?.text ?? one.text ?? ''), sent_at: one.sent_at ?? null })),
        );
      },
      // The conversation is there without it; only what waits is not seen.
      () => {},
    );
    return () => {
      current = false;
    };
  }, [name, tick, round, again]);
  return waiting;
}
