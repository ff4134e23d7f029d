import assert from 'node:assert/strict';
import test from 'node:test';

import { credits, duration, plural, relative, size, words } from '../../src/ui/lib/format.js';
import { lettersOf } from '../../src/ui/lib/components/letters.js';
import { takesAt } from '../../src/ui/lib/past.js';

test('credits never have an exponent, and small ones are not nothing', () => {
  const plain = (/** @type {number} */ value) => credits(value).replace(/[^0-9.<>-]/g, '.');
  assert.equal(plain(0), '0');
  assert.equal(plain(0.000929), '0.000929');
  assert.equal(plain(0.0000001), '<0.000001');
  assert.equal(credits(null), '–');
  assert.ok(!credits(1e21).includes('e'));
});

test('durations have the two units that matter', () => {
  assert.deepEqual([59, 2_100, 45_000, 200_000, 3_600_000, 93_600_000].map(duration), ['59 ms', '2.1 s', '45 s', '3 min 20 s', '1 h', '1 d 2 h']);
});

test('sizes, numbers of things and words of the API are for people', () => {
  assert.deepEqual([812, 4_300, 250_000].map(size), ['812 B', '4.2 KiB', '244 KiB']);
  assert.equal(plural(1, 'tick'), '1 tick');
  assert.equal(plural(3, 'tick'), '3 ticks');
  assert.equal(words('out_of_credits'), 'out of credits');
  assert.match(relative(60_000, 0), /1/);
});

test('two letters stand for a name, whatever it is', () => {
  assert.deepEqual(['researcher', 'agent_7', 'agent_022', 'day.planner', 'x', '', '\u202e'].map(lettersOf), ['RE', 'A7', 'A2', 'DP', 'X', '?', '20']);
});

test('only what can be had of the past is asked for there', () => {
  for (const path of ['/status', '/agents', '/agents/editor', '/agents/editor/memory/a', '/messages', '/org-graph', '/shared/files/a/b.md', '/agents/editor/turns', '/threads/ab12', '/problems']) assert.ok(takesAt(path), path);
  for (const path of ['/me', '/orgs', '/ticks', '/ticks/7', '/diff', '/events', '/agents/editor/why']) assert.ok(!takesAt(path), path);
});
