import assert from 'node:assert/strict';
import test from 'node:test';

import { layOut } from '../../src/ui/lib/graph/layout.js';
import { linkBetween, modelOf } from '../../src/ui/lib/graph/model.js';
import { flightsOf } from '../../src/ui/lib/graph/flights.js';

/**
 * A graph of these edges, and of these agents besides.
 * @param {string[]} edges as `a>b`
 * @param {string[]} [alone]
 */
function graphOf(edges, alone = []) {
  const pairs = edges.map((edge) => edge.split('>'));
  const names = [...new Set([...pairs.flat(), ...alone])];
  return modelOf(
    /** @type {any} */ ({ nodes: names.map((name) => ({ name, title: name })), edges: pairs.map(([from, to]) => ({ from, to })), broken: { hurt: 'no JSON' } }),
    [],
  );
}

/** @param {import('../../src/ui/lib/graph/model.js').Model} model @returns {Promise<{ x: Float64Array, y: Float64Array }>} */
const places = (model, isTall = false) => new Promise((resolve) => void layOut(model, isTall, resolve));

test('a pair has one link, whichever ways it leads', () => {
  const model = graphOf(['a>b', 'b>a', 'c>a', 'a>a']);
  assert.equal(model.links.length, 2);
  assert.equal(model.permissions, 3);
  assert.deepEqual([linkBetween(model, 'b', 'a')?.forward, linkBetween(model, 'a', 'b')?.back], [true, true]);
  const one = linkBetween(model, 'a', 'c');
  assert.deepEqual([one?.forward, one?.back], [false, true]);
  assert.equal(linkBetween(model, 'b', 'c'), null);
  assert.equal(model.byName.get('hurt')?.doing, 'broken');
});

test('an edge of both ways counts as two', () => {
  const both = modelOf(/** @type {any} */ ({ nodes: [{ name: 'a' }, { name: 'b' }], edges: [{ from: 'a', to: 'b', both: true }] }), []);
  assert.equal(both.permissions, 2);
});

test('the same graph lies the same, in whatever order it is told', async () => {
  const edges = ['a>b', 'b>c', 'c>a', 'c>d', 'd>e', 'f>a'];
  const first = await places(graphOf(edges));
  const second = await places(graphOf([...edges].reverse()));
  assert.deepEqual([...first.x], [...second.x]);
  assert.deepEqual([...first.y], [...second.y]);
});

test('no two agents lie on each other', async () => {
  for (const count of [1, 2, 5, 40, 160]) {
    const names = Array.from({ length: count }, (_, i) => `agent_${i}`);
    const model = graphOf(names.slice(1).map((name, i) => `${name}>${names[i % 7]}`), names);
    const { x, y } = await places(model);
    const [wide, high] = count + 1 <= 48 ? [160, 50] : [38, 38];
    for (let i = 0; i < x.length; i += 1) {
      assert.ok(Number.isFinite(x[i]) && Number.isFinite(y[i]));
      for (let j = i + 1; j < x.length; j += 1) assert.ok(Math.abs(x[i] - x[j]) >= wide || Math.abs(y[i] - y[j]) >= high, `${count}: ${i} and ${j}`);
    }
  }
});

test('a message flies to each who hears it', () => {
  const model = graphOf(['a>b', 'a>c', 'd>a']);
  const to = (/** @type {any} */ message) => flightsOf(model, message, 0, 100).map((flight) => [flight.from, flight.to].map((index) => (index === null ? null : model.nodes[index].name)));
  assert.deepEqual(to({ from: 'a', to: ['b'] }), [['a', 'b']]);
  assert.deepEqual(to({ from: 'a', to: null }), [['a', 'b'], ['a', 'c']]);
  assert.deepEqual(to({ from: 'human', to: ['d'] }), [[null, 'd']]);
  assert.deepEqual(to({ from: 'd', to: ['human'] }), [['d', null]]);
  assert.deepEqual(to({ from: 'human', to: ['nobody'] }), []);
});
