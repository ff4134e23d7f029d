/**
 * Who looks at what: the key, what it allows, the organisations, and how the shown one stands.
 *
 * The key lives in `sessionStorage` (it goes with the tab) and is sent in the header `Authorization` alone.
 */
import { batch, computed, effect, signal } from './store.js';
import { ApiError, get } from './api.js';
import { at, org } from './scope.js';
import { onEvents, startLive } from './live.js';
import { key, setKey } from './key.js';

const RETRY_MS = 3_000;
const GATHER_MS = 250;
/** @type {ReturnType<typeof setTimeout> | null} */
let gathering = null;
/** Whether something happened since the status was last asked for. */
let isStale = false;

/** What the key may do; null until it is known. */
export const me = signal(/** @type {import('./types.js').Me | null} */ (null));

/** All organisations of this server. */
export const orgs = signal(/** @type {import('./types.js').OrgLine[]} */ ([]));

/** How the organisation stands (at the tick that is looked at); null until it is known. */
export const status = signal(/** @type {import('./types.js').Status | null} */ (null));

/** Why the status is not known. */
export const statusError = signal(/** @type {ApiError | null} */ (null));

/** Why a key must be entered: `null` while none is needed. */
export const keyNeeded = signal(/** @type {ApiError | null} */ (null));

/** Whether the present is looked at, not the past. */
export const isPresent = computed(() => at.value === null);

/**
 * Whether the page may offer something: the key has the scope, and the present is shown, for the past cannot be changed.
 * @param {import('./types.js').Scope} scope
 * @returns {boolean}
 */
export function may(scope) {
  return at.value === null && (me.value?.scopes.includes(scope) ?? false);
}

/** Starts: learns who we are, then follows the organisation. */
export function startSession() {
  effect(() => {
    // Both are read so that a change of either begins anew.
    org.value;
    key.value;
    void learn();
  });
  effect(() => {
    at.value;
    if (me.value) void loadStatus();
  });
  onEvents(['tick_opened', 'turn_committed', 'turn_failed', 'tick_closed', 'problem', 'reset'], () => {
    if (at.value !== null) return;
    // A busy tick is one read, and the last event is behind it. An organisation that takes long to read is read the less often.
    isStale = true;
    gathering ??= setTimeout(gather, GATHER_MS);
  });
}

/** Loads the status while it is stale, one at a time. */
async function gather() {
  while (isStale) {
    isStale = false;
    const began = performance.now();
    await loadStatus();
    const rest = Math.max(GATHER_MS, 4 * (performance.now() - began));
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
  gathering = null;
}

/** Learns again who we are, as after a change of the key. */
export async function learn() {
  const asked = [org.value, key.value].join('\n');
  const isCurrent = () => asked === [org.peek(), key.peek()].join('\n');
  try {
    const found = await get('/me');
    if (!isCurrent()) return;
    batch(() => {
      keyNeeded.value = null;
      statusError.value = null;
      me.value = found;
      status.value = null;
    });
    startLive();
  } catch (error) {
    if (!isCurrent()) return;
    const failure = ApiError.from(error);
    if (failure.status === 401) refuse(failure);
    else if (failure.status === 404 && org.peek() === null) await chooseFirst(isCurrent, failure);
    else {
      statusError.value = failure;
      // Nothing is followed yet, so nothing else would notice that the server is back.
      setTimeout(() => isCurrent() && !me.peek() && void learn(), RETRY_MS);
    }
    return;
  }
  try {
    const list = await get('/orgs', { org: null, query: { limit: 100 } });
    if (isCurrent()) orgs.value = list.orgs;
  } catch {
    // A key for one organisation may not list the others: then there is no switcher.
    if (isCurrent()) orgs.value = [];
  }
}

/** @param {ApiError} failure */
function refuse(failure) {
  batch(() => {
    me.value = null;
    keyNeeded.value = failure;
  });
}

/**
 * Where several organisations lie and none is the default one, the first is shown.
 * @param {() => boolean} isCurrent
 * @param {ApiError} failure why there is no default one
 */
async function chooseFirst(isCurrent, failure) {
  try {
    const list = await get('/orgs', { org: null, query: { limit: 100 } });
    if (!isCurrent()) return;
    orgs.value = list.orgs;
    const first = list.orgs.find((/** @type {import('./types.js').OrgLine} */ one) => !one.problem) ?? list.orgs[0];
    if (first) org.value = first.name;
    else statusError.value = failure;
  } catch (error) {
    if (!isCurrent()) return;
    const other = ApiError.from(error);
    if (other.status === 401) refuse(other);
    else statusError.value = other;
  }
}

let loads = 0;

/** Loads how the organisation stands. Of several answers the one that was asked for last counts. */
export async function loadStatus() {
  const mine = (loads += 1);
  try {
    const found = await get('/status');
    if (mine !== loads) return;
    batch(() => {
      status.value = found;
      statusError.value = null;
    });
  } catch (error) {
    if (mine === loads) statusError.value = ApiError.from(error);
  }
}

/**
 * Takes a key and tries it. Resolves when it opens the door, and rejects with the reason otherwise.
 * @param {string} entered
 */
export async function signIn(entered) {
  setKey(entered.trim());
  await learn();
  if (keyNeeded.value) throw keyNeeded.value;
}

/** Forgets the key. */
export function signOut() {
  batch(() => {
    me.value = null;
    status.value = null;
  });
  setKey('');
}
