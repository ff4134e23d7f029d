import assert from 'node:assert/strict';
import test from 'node:test';

import { editJson } from '../../src/ui/pages/agents/json-edit.js';

const RESUME = `{
  "name": "critic",
  "title": "Critic",
  "model": { "key": "desk", "temperature": 0.3 },
  "permissions": {
    "read_outboxes": ["researcher"],
    "tools": [
      "memory_read"
    ]
  },
  "limits": { "max_steps": 3 }
}
`;

test('a changed field leaves every other character as it was', () => {
  assert.equal(editJson(RESUME, '/title', 'A "critic"'), RESUME.replace('"Critic"', '"A \\"critic\\""'));
  assert.equal(editJson(RESUME, '/model/temperature', 1), RESUME.replace('0.3', '1'));
  assert.equal(editJson(RESUME, '/permissions/read_outboxes', ['a', 'b']), RESUME.replace('["researcher"]', '["a", "b"]'));
});

test('a list that stands in lines of its own stays in lines', () => {
  const list = '[\n      "memory_read",\n      "file_read"\n    ]';
  assert.equal(editJson(RESUME, '/permissions/tools', ['memory_read', 'file_read']), RESUME.replace('[\n      "memory_read"\n    ]', list));
});

test('a new field follows the last one, written as its neighbours are', () => {
  assert.equal(editJson(RESUME, '/enabled', false), RESUME.replace('"max_steps": 3 }', '"max_steps": 3 },\n  "enabled": false'));
  assert.equal(editJson(RESUME, '/model/max_tokens', 10), RESUME.replace('0.3 }', '0.3, "max_tokens": 10 }'));
  assert.equal(editJson(RESUME, '/memory/pinned', ['a']), RESUME.replace('"max_steps": 3 }', '"max_steps": 3 },\n  "memory": { "pinned": ["a"] }'));
});

test('a field that is taken away takes its comma with it, and the object that it leaves empty', () => {
  assert.equal(editJson(RESUME, '/name', undefined), RESUME.replace('"name": "critic",\n  ', ''));
  assert.equal(editJson(RESUME, '/model/temperature', undefined), RESUME.replace(', "temperature": 0.3', ''));
  assert.equal(editJson(RESUME, '/limits/max_steps', undefined), RESUME.replace(',\n  "limits": { "max_steps": 3 }', ''));
  assert.equal(editJson(RESUME, '/nothing/here', undefined), RESUME);
});

test('of fields with the same name the one that counts is changed', () => {
  assert.equal(editJson('{"a":1,"a":2}', '/a', 3), '{"a":1,"a":3}');
});

test('names and texts that look like JSON are no JSON', () => {
  const text = '{"}": "{\\"a\\": [1, 2]}", "a/b": {"~": 1}, "__proto__": 1}';
  assert.deepEqual(JSON.parse(editJson(text, '/a~1b/~0', 2))['a/b'], { '~': 2 });
  assert.equal(editJson(text, '/__proto__', 2), text.replace('"__proto__": 1', '"__proto__": 2'));
  assert.equal(editJson(text, '/}', 'x'), text.replace('"{\\"a\\": [1, 2]}"', '"x"'));
});

test('whatever is changed, the result says what a change of the value would say', () => {
  let seed = 42;
  const random = (/** @type {number} */ below) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const names = ['a', 'b', '"', '}', ',:', 'é', ''];
  /** @param {number} depth @returns {unknown} */
  const value = (depth) => {
    const kind = random(depth > 2 ? 4 : 6);
    if (kind === 4) return Array.from({ length: random(3) }, () => value(depth + 1));
    if (kind === 5) return object(depth + 1);
    return [random(100) / 4, names[random(names.length)], null, true][kind];
  };
  /** @param {number} depth */
  const object = (depth) => Object.fromEntries(Array.from({ length: random(4) }, () => [names[random(names.length)], value(depth)]));
  for (let n = 0; n < 2_000; n += 1) {
    const before = object(0);
    const text = JSON.stringify(before, null, random(3));
    const name = names[random(names.length)];
    const next = random(4) ? value(1) : undefined;
    const after = /** @type {Record<string, unknown>} */ (structuredClone(before));
    if (next === undefined) delete after[name];
    else after[name] = next;
    assert.deepEqual(JSON.parse(editJson(text, `/${name}`, next)), after, `${text} /${name} ${JSON.stringify(next)}`);
  }
});
