/**
 * Requests to the API: base path, key, past tick, error envelope, pages.
 *
 * Pages use `useResource` and `usePages` (lib/resource.js) to read, and `send` to change something.
 */
import { key } from './key.js';
import { takesAt } from './past.js';
import { at, org } from './scope.js';

/** An answer that is no success, as the API's one envelope has it, or a server that cannot be reached. */
export class ApiError extends Error {
  /**
   * @param {{ code: string, message: string, status?: number, pointer?: string, hint?: string, requestId?: string, retryAfterS?: number, findings?: any[] }} facts
   */
  constructor(facts) {
    super(facts.message);
    this.name = 'ApiError';
    /** The stable code, such as `not_found`; `unreachable` where no answer came. */
    this.code = facts.code;
    /** The HTTP status; 0 where no answer came. */
    this.status = facts.status ?? 0;
    /** A JSON pointer into what was sent. */
    this.pointer = facts.pointer;
    /** What to do about it. */
    this.hint = facts.hint;
    /** The id under which the server's log has the details. */
    this.requestId = facts.requestId;
    /** How many seconds to wait, where the server said so. */
    this.retryAfterS = facts.retryAfterS;
    /** All that is wrong with what was to be written, as `lemming validate` has it. */
    this.findings = facts.findings ?? [];
  }

  /** Whether no server answered. */
  get isUnreachable() {
    return this.code === 'unreachable';
  }

  /**
   * Anything thrown, as an ApiError.
   * @param {unknown} error
   * @returns {ApiError}
   */
  static from(error) {
    if (error instanceof ApiError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new ApiError({ code: 'failed', message });
  }
}

/**
 * @typedef {Object} Options
 * @property {string} [method]
 * @property {Record<string, string | number | boolean | null | undefined>} [query] Fields that are null or undefined are left out.
 * @property {unknown} [body] Sent as JSON.
 * @property {string} [text] Sent instead of a body, to the letter: JSON that somebody wrote.
 * @property {Record<string, string>} [headers]
 * @property {string} [ifMatch] The ETag of what is being replaced.
 * @property {AbortSignal} [signal]
 * @property {number | null} [at] Another tick than the one looked at; null: now.
 * @property {string | null} [org] Another organisation than the one looked at; null: the default one.
 */

/**
 * The address of a path of the API, with organisation, query and past tick.
 * @param {string} path begins with `/`, without `/api`; parts that come from data go through `encodeURIComponent` (see `segment`)
 * @param {Options} [options]
 * @returns {string}
 */
export function address(path, options = {}) {
  const which = options.org === undefined ? org.value : options.org;
  const base = which === null ? '/api' : `/api/orgs/${encodeURIComponent(which)}`;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  }
  const isRead = (options.method ?? 'GET') === 'GET';
  const tick = options.at === undefined ? at.value : options.at;
  if (isRead && tick !== null && takesAt(path) && !query.has('at')) query.set('at', String(tick));
  const text = query.toString();
  return text ? `${base}${path}?${text}` : `${base}${path}`;
}

/**
 * A name as one part of a path.
 * @param {string} name
 */
export function segment(name) {
  return encodeURIComponent(name);
}

/**
 * A path of a file as parts of a path.
 * @param {string} path
 */
export function segments(path) {
  return path.split('/').map(encodeURIComponent).join('/');
}

/**
 * Asks, and gives the answer as it is. An answer that is no success is thrown as an `ApiError`.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (!headers.has('Accept')) headers.set('Accept', 'application/json');
  if (key.value) headers.set('Authorization', `Bearer ${key.value}`);
  if (options.ifMatch) headers.set('If-Match', options.ifMatch);
  /** @type {RequestInit} */
  const init = { method: options.method ?? 'GET', headers, signal: options.signal, credentials: 'omit', redirect: 'error' };
  // Without a body too: no page of another origin can send this header unasked, which the API relies on.
  if (init.method !== 'GET') headers.set('Content-Type', 'application/json');
  if (options.body !== undefined || options.text !== undefined) init.body = options.text ?? JSON.stringify(options.body);
  let answer;
  try {
    answer = await fetch(address(path, options), init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError({ code: 'unreachable', message: 'the server does not answer', hint: 'is `lemming serve` still running?' });
  }
  if (!answer.ok) throw await failure(answer);
  return answer;
}

/**
 * @param {Response} answer
 * @returns {Promise<ApiError>}
 */
async function failure(answer) {
  const requestId = answer.headers.get('X-Request-Id') ?? undefined;
  const retryAfterS = Number(answer.headers.get('Retry-After')) || undefined;
  let envelope = null;
  try {
    envelope = (await answer.json()).error;
  } catch {
    // A proxy answered, not the API: its page says nothing that belongs here.
  }
  return new ApiError({
    code: typeof envelope?.code === 'string' ? envelope.code : 'failed',
    message: typeof envelope?.message === 'string' ? envelope.message : `the server answered ${answer.status}`,
    status: answer.status,
    pointer: envelope?.pointer,
    hint: envelope?.hint,
    requestId,
    retryAfterS,
    findings: Array.isArray(envelope?.findings) ? envelope.findings : [],
  });
}

/**
 * Reads under way, by address and key: parts of a page that ask for the same at once get the same answer. Who asks later
 * asks anew, for what is on its way may already be old.
 */
const underWay = /** @type {Map<string, { begun: number, answer: Promise<any> }>} */ (new Map());
const AT_ONCE_MS = 60;

/**
 * Reads a JSON document.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function get(path, options = {}) {
  if (options.signal || options.headers) return (await ask(path, options)).json();
  const name = `${key.value}\n${address(path, options)}`;
  const running = underWay.get(name);
  if (running && performance.now() - running.begun < AT_ONCE_MS) return running.answer;
  const mine = { begun: performance.now(), answer: ask(path, options).then((answer) => answer.json()) };
  underWay.set(name, mine);
  try {
    return await mine.answer;
  } finally {
    if (underWay.get(name) === mine) underWay.delete(name);
  }
}

/**
 * Reads a JSON document together with its ETag, to save it later with `ifMatch`.
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<{ data: any, text: string, etag: string | null }>}
 */
export async function getTagged(path, options = {}) {
  const answer = await ask(path, { ...options, headers: { ...options.headers, 'Cache-Control': 'no-cache' } });
  const text = await answer.text();
  return { data: JSON.parse(text), text, etag: answer.headers.get('ETag') };
}

/**
 * Changes something: POST, PUT or DELETE with a JSON body.
 * @param {'POST' | 'PUT' | 'DELETE'} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Options} [options]
 * @returns {Promise<any>} what the API answered; null where it answered nothing
 */
export async function send(method, path, body, options = {}) {
  const answer = await ask(path, { ...options, method, body });
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/**
 * Lets the browser keep a document of the API as a file. It is fetched with the key, for a link would have none.
 * @param {string} path
 * @param {string} name
 * @param {Options} [options]
 */
export async function download(path, name, options = {}) {
  const answer = await ask(path, { ...options, headers: { Accept: '*/*', ...options.headers } });
  // The type is ours, so that no file of an agent is ever opened as a page.
  const blob = new Blob([await answer.arrayBuffer()], { type: 'application/octet-stream' });
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * All pages of a list, one after another.
 * @param {string} path
 * @param {Options} [options]
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* pages(path, options = {}) {
  let cursor = null;
  do {
    const page = await get(path, { ...options, query: { ...options.query, cursor } });
    yield page;
    cursor = page.next_cursor ?? null;
  } while (cursor !== null);
}
