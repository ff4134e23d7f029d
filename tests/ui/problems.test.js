import assert from 'node:assert/strict';
import test from 'node:test';

import { actsOf, kindOf, pointerOf } from '../../src/ui/pages/problems/kinds.js';

/** @param {Partial<import('../../src/ui/pages/problems/kinds.js').Problem>} facts */
const problem = (facts) => ({ kind: 'failing', agent: null, path: null, since: null, message: '', do: null, ...facts });

test('what the API says is to be done comes first', () => {
  assert.deepEqual(actsOf(problem({ kind: 'mute', agent: 'ada', action: { kind: 'explain_agent', agent: 'ada' } })), ['why', 'resume']);
  assert.deepEqual(actsOf(problem({ kind: 'out_of_budget', action: { kind: 'top_up' } })), ['budget']);
  assert.deepEqual(actsOf(problem({ kind: 'soft_cap', agent: 'ada', action: { kind: 'top_up', agent: 'ada' } })), ['top_up']);
});

test('a problem of a kind that is not known is still shown, in words', () => {
  assert.deepEqual(kindOf(problem({ kind: 'moon_in_the_way' })).title, 'Moon in the way');
  assert.equal(kindOf(problem({ kind: 'moon_in_the_way' })).severity, 'warn');
});

test('the field of a file that is wrong is found in the message', () => {
  assert.equal(pointerOf(problem({ message: '/model/temperature: 7 must be from 0 to 2' })), '/model/temperature');
  assert.equal(pointerOf(problem({ message: 'the model answered 503' })), null);
});
