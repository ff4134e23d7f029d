/**
 * Addresses: `#/agents/editor?tab=memory&at=5`. The server answers the page at `/` alone, so the path is in the hash.
 *
 * `org` and `at` stick: they are taken from an address that has them, and put into one that lacks them, so that a plain
 * link such as `#/agents` stays in the organisation and at the tick that is looked at. Whoever goes back in the history of the
 * browser is shown what was shown there: such an address is marked as known.
 */
import { at, org } from './lib/scope.js';
import { batch, effect, signal } from './lib/store.js';

/** @typedef {{ path: string, query: Record<string, string> }} Place */

/** Where the dashboard is. `path` begins with `/` and is decoded part by part when it is matched; `query` lacks `org` and `at`. */
export const place = signal(/** @type {Place} */ ({ path: '/', query: {} }));

/** Marks an entry of the browser's history as one that has everything in its address. */
const KNOWN = { isKnown: true };

/**
 * An address within the dashboard, for `href`.
 * @param {string} path as in `/agents/${segment(name)}`
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function href(path, query = {}) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') fields.set(name, String(value));
  }
  if (org.peek() !== null && !fields.has('org')) fields.set('org', String(org.peek()));
  if (at.peek() !== null && !fields.has('at')) fields.set('at', String(at.peek()));
  const text = fields.toString();
  return text ? `#${path}?${text}` : `#${path}`;
}

/**
 * Goes there.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [query]
 * @param {{ replace?: boolean }} [how] `replace`: without a step in the history of the browser
 */
export function navigate(path, query = {}, how = {}) {
  const next = href(path, query);
  if (next === location.hash) return;
  if (how.replace) history.replaceState(KNOWN, '', next);
  else history.pushState(KNOWN, '', next);
  readAddress();
}

/**
 * Changes fields of the query of the present address; null takes one away.
 * @param {Record<string, string | number | null | undefined>} patch
 * @param {{ replace?: boolean }} [how]
 */
export function setQuery(patch, how = { replace: true }) {
  const { path, query } = place.peek();
  navigate(path, { ...query, ...patch }, how);
}

/**
 * Looks at the organisation as it was after a tick; null: at the present.
 * @param {number | null} tick
 */
export function lookAt(tick) {
  if (tick === at.peek()) return;
  at.value = tick;
  writeAddress();
}

/**
 * Looks at another organisation, in its present.
 * @param {string | null} name
 */
export function chooseOrg(name) {
  batch(() => {
    at.value = null;
    org.value = name;
  });
  navigate('/');
}

/** Begins to follow the address. */
export function startRouter() {
  window.addEventListener('popstate', readAddress);
  // The one or the other comes alone in some browsers; reading twice is reading once.
  window.addEventListener('hashchange', readAddress);
  readAddress();
  effect(() => {
    org.value;
    at.value;
    writeAddress();
  });
}

function readAddress() {
  const text = location.hash.replace(/^#/, '') || '/';
  const mark = text.indexOf('?');
  const path = mark < 0 ? text : text.slice(0, mark);
  const fields = new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1));
  const isKnown = history.state?.isKnown === true;
  batch(() => {
    if (fields.has('org') || isKnown) org.value = fields.get('org') || null;
    const tick = fields.get('at') ?? (isKnown ? '' : null);
    if (tick !== null) at.value = /^\d{1,12}$/.test(tick) ? Number(tick) : null;
    fields.delete('org');
    fields.delete('at');
    const next = { path: path.startsWith('/') ? path : `/${path}`, query: Object.fromEntries(fields) };
    if (JSON.stringify(next) !== JSON.stringify(place.peek())) place.value = next;
  });
  writeAddress();
}

function writeAddress() {
  const { path, query } = place.peek();
  const wanted = href(path, query);
  const isSame = location.hash === wanted || (wanted === '#/' && location.hash === '');
  if (!isSame || !history.state?.isKnown) history.replaceState(KNOWN, '', isSame ? location.href : wanted);
}

/**
 * Matches a path with a pattern such as `/agents/:name`; a last part `*name` takes the rest.
 * @param {string} pattern
 * @param {string} path
 * @returns {Record<string, string> | null}
 */
export function match(pattern, path) {
  const wanted = pattern.split('/').filter(Boolean);
  const parts = path.split('/').filter(Boolean);
  /** @type {Record<string, string>} */
  const params = {};
  for (let i = 0; i < wanted.length; i += 1) {
    const name = wanted[i];
    if (name.startsWith('*')) {
      params[name.slice(1)] = parts.slice(i).map(decoded).join('/');
      return params;
    }
    if (i >= parts.length) return null;
    if (name.startsWith(':')) params[name.slice(1)] = decoded(parts[i]);
    else if (name !== parts[i]) return null;
  }
  return wanted.length === parts.length ? params : null;
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
