import assert from 'node:assert/strict';
import test from 'node:test';

import { setAt } from '../../src/ui/lib/json-edit.js';

const FILE = `{
  "name": "The brief desk",
  "budget": { "credits": 1, "per": "day" },
  "list": [1, {"a": "}\\"]"}],
  "limits": {
    "max_steps": 8
  }
}
`;

test('a change of a value leaves the rest of the file to the letter', () => {
  assert.equal(setAt(FILE, ['budget', 'credits'], 2.5), FILE.replace('"credits": 1', '"credits": 2.5'));
  assert.equal(setAt(FILE, ['name'], 'x"y'), FILE.replace('"The brief desk"', '"x\\"y"'));
});

test('a new field is laid out as its neighbours are', () => {
  assert.equal(setAt(FILE, ['budget', 'more'], true), FILE.replace('"day" }', '"day", "more": true }'));
  assert.equal(setAt(FILE, ['limits', 'max_hops'], 3), FILE.replace('8\n', '8,\n    "max_hops": 3\n'));
  assert.equal(setAt('{}', ['pace', 'every'], '5m'), '{\n  "pace": {\n    "every": "5m"\n  }\n}');
});

test('a field that is taken away takes its comma with it', () => {
  assert.equal(setAt(FILE, ['budget', 'credits'], undefined), FILE.replace('"credits": 1, ', ''));
  assert.equal(setAt(FILE, ['budget', 'per'], undefined), FILE.replace(', "per": "day"', ''));
  assert.equal(setAt(FILE, ['nothing', 'of', 'it'], undefined), FILE);
  assert.equal(setAt(FILE, ['name', 'below', 'a text'], undefined), FILE);
});

test('the text says what the same changes of the value say', () => {
  let seed = 5;
  const random = (/** @type {number} */ below) => ((seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) >> 8) % below;
  const isObject = (/** @type {unknown} */ value) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const set = (/** @type {any} */ value, /** @type {string[]} */ [name, ...rest], /** @type {unknown} */ next) => {
    const copy = isObject(value) ? { ...value } : {};
    if (rest.length === 0) {
      if (next === undefined) delete copy[name];
      else copy[name] = next;
    } else if (next === undefined && !isObject(copy[name])) return value;
    else copy[name] = set(copy[name], rest, next);
    return copy;
  };
  const names = ['a', 'b', 'name', 'limits', 'budget', 'list', 'x"y'];
  const values = [1, 'te"xt\n', undefined, { k: [1, { z: null }] }, [], {}, null, true];
  for (let round = 0; round < 200; round += 1) {
    let text = FILE;
    let value = JSON.parse(FILE);
    for (let step = 0; step < 12; step += 1) {
      const path = Array.from({ length: 1 + random(3) }, () => names[random(names.length)]);
      const next = values[random(values.length)];
      text = setAt(text, path, next);
      value = set(value, path, next);
      assert.deepEqual(JSON.parse(text), value, text);
    }
  }
});
