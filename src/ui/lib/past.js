/** Which reads can be had as they were after a past tick. */

/**
 * Paths (below `/api` or `/api/orgs/{org}`) that are asked for as of the tick that is looked at. `/ticks` could be, too, and is
 * not: the timeline shows all of time.
 */
const TAKES_AT = [
  /^\/status$/,
  /^\/agents$/,
  /^\/agents\/[^/]+$/,
  /^\/agents\/[^/]+\/(resume|credits|turns|inbox|memory-archive)$/,
  /^\/agents\/[^/]+\/memory(\/[^/]+)?$/,
  /^\/agents\/[^/]+\/files(\/.+)?$/,
  /^\/shared\/files(\/.+)?$/,
  /^\/org-graph$/,
  /^\/credits$/,
  /^\/messages$/,
  /^\/threads(\/[^/]+)?$/,
  /^\/approvals(\/[^/]+)?$/,
  /^\/problems$/,
];

/**
 * @param {string} path
 * @returns {boolean}
 */
export function takesAt(path) {
  return TAKES_AT.some((pattern) => pattern.test(path));
}
