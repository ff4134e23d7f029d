/**
 * What happens, as it happens: server-sent events over `fetch` (an `EventSource` could send no key), and by polling
 * where a stream cannot stay open.
 *
 * An event is told once, however often the server sends it: its `id` is remembered. One without an `id` is what no record
 * tells, such as that a turn began; it is told as it comes.
 */
import { ask } from './api.js';
import { readEvents } from './event-stream.js';
import { signal } from './store.js';

/** @typedef {import('./types.js').LiveEvent} LiveEvent */
/** @typedef {'connecting' | 'live' | 'polling' | 'offline'} Connection */

/** How it stands with the connection. */
export const connection = signal(/** @type {Connection} */ ('connecting'));

const POLL_MS = 3_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** A stream that says nothing, not even a comment, for so long is dead. */
const SILENCE_MS = 60_000;
const REMEMBERED = 4_000;

/** @type {Set<{ types: Set<string> | null, run: (event: LiveEvent) => void }>} */
const listeners = new Set();
/** @type {Set<string>} */
let seen = new Set();
/** @type {string | null} */
let cursor = null;
/** @type {AbortController | null} */
let running = null;

/**
 * Tells of events. Returns what ends it.
 * @param {string[] | null} types null: all
 * @param {(event: LiveEvent) => void} run
 * @returns {() => void}
 */
export function onEvents(types, run) {
  const listener = { types: types && new Set(types), run };
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Begins to listen, anew if it listened before (another organisation, another key). */
export function startLive() {
  running?.abort();
  running = new AbortController();
  seen = new Set();
  cursor = null;
  connection.value = 'connecting';
  void follow(running.signal);
}

/**
 * Gives an event to all who listen, once.
 * @param {LiveEvent} event
 */
export function tell(event) {
  const id = event.id === undefined || event.id === null ? null : String(event.id);
  if (id !== null) {
    if (seen.has(id)) return;
    seen.add(id);
    if (seen.size > REMEMBERED) seen = new Set([...seen].slice(-REMEMBERED / 2));
  }
  for (const { types, run } of [...listeners]) {
    if (types && !types.has(event.type)) continue;
    try {
      run(event);
    } catch (error) {
      console.error(error);
    }
  }
}

/** @param {AbortSignal} ended */
async function follow(ended) {
  let failures = 0;
  let streamsCutShort = 0;
  let wasOffline = false;
  while (!ended.aborted) {
    const begun = performance.now();
    try {
      const online = () => {
        if (wasOffline) tell(/** @type {LiveEvent} */ ({ type: 'reset', tick: 0, time: new Date().toISOString() }));
        wasOffline = false;
        failures = 0;
      };
      if (streamsCutShort < 3) {
        await stream(ended, online);
        streamsCutShort = performance.now() - begun < 5_000 ? streamsCutShort + 1 : 0;
        await pause(FIRST_WAIT_MS, ended);
      } else {
        await poll(ended);
        online();
        connection.value = 'polling';
        await pause(POLL_MS, ended);
      }
    } catch (error) {
      if (ended.aborted) return;
      failures += 1;
      if (failures > 1) {
        connection.value = 'offline';
        wasOffline = true;
      }
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
      await pause(wait * (0.75 + Math.random() / 2), ended);
    }
  }
}

/**
 * Reads the stream until it ends.
 * @param {AbortSignal} ended
 * @param {() => void} online
 */
async function stream(ended, online) {
  const own = new AbortController();
  const abort = () => own.abort();
  ended.addEventListener('abort', abort, { once: true });
  let silence = setTimeout(abort, SILENCE_MS);
  try {
    /** @type {Record<string, string>} */
    const headers = { Accept: 'text/event-stream' };
    if (cursor !== null) headers['Last-Event-ID'] = cursor;
    const answer = await ask('/events', { headers, signal: own.signal });
    online();
    if (!answer.headers.get('Content-Type')?.startsWith('text/event-stream')) {
      takePage(await answer.json());
      connection.value = 'polling';
      await pause(POLL_MS, ended);
      return;
    }
    connection.value = 'live';
    if (!answer.body) return;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(abort, SILENCE_MS);
    };
    const passed = (/** @type {string} */ id) => {
      if (!ended.aborted) cursor = id;
    };
    for await (const event of readEvents(answer.body, alive, passed)) {
      if (ended.aborted) return;
      tell(event);
    }
  } finally {
    clearTimeout(silence);
    ended.removeEventListener('abort', abort);
  }
}

/** @param {AbortSignal} ended */
async function poll(ended) {
  for (let isMore = true; isMore && !ended.aborted; ) {
    const answer = await ask('/events', { query: { after: cursor }, signal: ended });
    const page = await answer.json();
    if (ended.aborted) return;
    takePage(page);
    isMore = page.more === true;
  }
}

/** @param {{ events?: LiveEvent[], cursor?: string | number | null, more?: boolean }} page */
function takePage(page) {
  for (const event of page.events ?? []) tell(event);
  if (page.cursor !== undefined && page.cursor !== null) cursor = String(page.cursor);
}

/**
 * @param {number} ms
 * @param {AbortSignal} ended
 * @returns {Promise<void>}
 */
function pause(ms, ended) {
  return new Promise((resolve) => {
    if (ended.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      ended.removeEventListener('abort', done);
      window.removeEventListener('online', done);
      resolve();
    }
    ended.addEventListener('abort', done);
    // A network that came back is tried at once.
    window.addEventListener('online', done);
  });
}
