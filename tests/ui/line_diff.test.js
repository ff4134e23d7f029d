import assert from 'node:assert/strict';
import test from 'node:test';

import { diffLines } from '../../src/ui/lib/line-diff.js';

/** @param {import('../../src/ui/lib/line-diff.js').DiffLine[]} lines */
const written = (lines) => lines.map((line) => `${line.sign}${line.text}`);

test('equal texts have no changes', () => {
  assert.deepEqual(written(diffLines('a\nb\n', 'a\nb\n')), [' a', ' b']);
  assert.deepEqual(diffLines('', ''), []);
});

test('a changed line is taken away and put in', () => {
  assert.deepEqual(written(diffLines('a\nb\nc', 'a\nB\nc')), [' a', '-b', '+B', ' c']);
  assert.deepEqual(written(diffLines('', 'a\nb')), ['+a', '+b']);
  assert.deepEqual(written(diffLines('a\nb', '')), ['-a', '-b']);
});

test('lines have the numbers that they have in each text', () => {
  const lines = diffLines('a\nb\nc', 'b\nc\nd');
  assert.deepEqual(
    lines.map(({ sign, old, new: now }) => [sign, old, now]),
    [
      ['-', 1, null],
      [' ', 2, 1],
      [' ', 3, 2],
      ['+', null, 3],
    ],
  );
});

test('both texts can be read from any difference, which is no longer than the shortest', () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 300; round += 1) {
    const text = () => Array.from({ length: random(12) }, () => 'abc'[random(3)]);
    const [before, after] = [text(), text()];
    const lines = diffLines(before.join('\n'), after.join('\n'));
    assert.deepEqual(lines.filter((line) => line.sign !== '+').map((line) => line.text), before);
    assert.deepEqual(lines.filter((line) => line.sign !== '-').map((line) => line.text), after);
    assert.equal(lines.filter((line) => line.sign === ' ').length, common(before, after));
  }
});

test('texts with nothing in common are not compared for ever', () => {
  const text = (/** @type {string} */ mark) => Array.from({ length: 20_000 }, (_, i) => `${mark}${i}`).join('\n');
  const lines = diffLines(text('a'), text('b'));
  assert.equal(lines.filter((line) => line.sign === '-').length, 20_000);
  assert.equal(lines.filter((line) => line.sign === '+').length, 20_000);
});

/**
 * The length of the longest common subsequence, the slow way.
 * @param {string[]} a
 * @param {string[]} b
 */
function common(a, b) {
  const table = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) table[i][j] = a[i - 1] === b[j - 1] ? table[i - 1][j - 1] + 1 : Math.max(table[i - 1][j], table[i][j - 1]);
  }
  return table[a.length][b.length];
}
