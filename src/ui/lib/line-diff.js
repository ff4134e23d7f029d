/** The shortest way from one text to another, in lines (E. W. Myers, 1986). */

/** @typedef {{ sign: ' ' | '+' | '-', text: string, old: number | null, new: number | null }} DiffLine */

/** Beyond so many differences the middle is shown as replaced: nobody reads further, and the search is quadratic. */
const MOST_EDITS = 2_000;

/**
 * @param {string} before
 * @param {string} after
 * @returns {DiffLine[]}
 */
export function diffLines(before, after) {
  const a = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const b = after === '' ? [] : after.replace(/\n$/, '').split('\n');
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const signs = middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  /** @type {DiffLine[]} */
  const lines = [];
  let i = 0;
  let j = 0;
  const push = (/** @type {' ' | '+' | '-'} */ sign) => {
    lines.push({ sign, text: sign === '+' ? b[j] : a[i], old: sign === '+' ? null : i + 1, new: sign === '-' ? null : j + 1 });
    if (sign !== '+') i += 1;
    if (sign !== '-') j += 1;
  };
  for (let n = 0; n < head; n += 1) push(' ');
  for (const sign of signs) push(sign);
  for (let n = 0; n < tail; n += 1) push(' ');
  return lines;
}

/**
 * @param {string[]} a
 * @param {string[]} b
 * @returns {(' ' | '+' | '-')[]}
 */
function middle(a, b) {
  const replaced = () => [...a.map(() => /** @type {const} */ ('-')), ...b.map(() => /** @type {const} */ ('+'))];
  if (!a.length || !b.length) return replaced();
  const most = Math.min(a.length + b.length, MOST_EDITS);
  /** @type {Int32Array[]} */
  const trace = [];
  let furthest = new Int32Array(2 * most + 3);
  const zero = most + 1;
  for (let d = 0; d <= most; d += 1) {
    trace.push(furthest.slice(zero - d - 1, zero + d + 2));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && furthest[zero + k - 1] < furthest[zero + k + 1]);
      let x = down ? furthest[zero + k + 1] : furthest[zero + k - 1] + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x += 1;
        y += 1;
      }
      furthest[zero + k] = x;
      if (x >= a.length && y >= b.length) return back(a, b, trace, d);
    }
  }
  return replaced();
}

/**
 * @param {string[]} a
 * @param {string[]} b
 * @param {Int32Array[]} trace the furthest points before each round, from diagonal −d−1 on
 * @param {number} edits
 */
function back(a, b, trace, edits) {
  /** @type {(' ' | '+' | '-')[]} */
  const signs = [];
  let x = a.length;
  let y = b.length;
  for (let d = edits; d > 0; d -= 1) {
    const before = trace[d];
    const at = (/** @type {number} */ k) => before[k + d + 1];
    const k = x - y;
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const fromK = down ? k + 1 : k - 1;
    const fromX = at(fromK);
    const fromY = fromX - fromK;
    while (x > fromX + (down ? 0 : 1) && y > fromY + (down ? 1 : 0)) {
      signs.push(' ');
      x -= 1;
      y -= 1;
    }
    signs.push(down ? '+' : '-');
    x = fromX;
    y = fromY;
  }
  while (x > 0 && y > 0) {
    signs.push(' ');
    x -= 1;
    y -= 1;
  }
  return signs.reverse();
}
