/** Which reads can be had as they were after a past tick. */

/** Paths (below `/api` or `/api/orgs/{org}`) whose GET takes `at`. */
const TAKES_AT = [
  /^\/status$/,
  /^\/agents$/,
  /^\/agents\/[^/]+$/,
  /^\/agents\/[^/]+\/resume$/,
  /^\/agents\/[^/]+\/memory(\/[^/]+)?$/,
  /^\/agents\/[^/]+\/files(\/.+)?$/,
  /^\/shared\/files(\/.+)?$/,
  /^\/org-graph$/,
  /^\/credits$/,
  /^\/messages$/,
];

/**
 * @param {string} path
 * @returns {boolean}
 */
export function takesAt(path) {
  return TAKES_AT.some((pattern) => pattern.test(path));
}
