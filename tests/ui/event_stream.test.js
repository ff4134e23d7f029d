import assert from 'node:assert/strict';
import test from 'node:test';

import { readEvents } from '../../src/ui/lib/event-stream.js';

/**
 * What is read from these pieces.
 * @param {(string | Uint8Array)[]} pieces
 */
async function read(pieces) {
  const body = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece);
      controller.close();
    },
  });
  let signs = 0;
  const ids = [];
  const events = [];
  for await (const event of readEvents(body, () => (signs += 1), (id) => ids.push(id))) events.push(event);
  return { events, ids, signs };
}

test('an event is its JSON, and its id is passed once it was given', async () => {
  const { events, ids } = await read(['id: 7\nevent: log\ndata: {"type":"log","id":"7"}\n\n']);
  assert.deepEqual(events, [{ type: 'log', id: '7' }]);
  assert.deepEqual(ids, ['7']);
});

test('events come whole however they are cut', async () => {
  const text = 'retry: 2000\n\nid: a\ndata: {"type":"message","text":"grüße 😀"}\n\n:\nid: b\n\ndata: {"type":\ndata: "reset"}\r\n\r\n';
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at <= bytes.length; at += 1) {
    const { events, ids } = await read([bytes.slice(0, at), bytes.slice(at)]);
    assert.deepEqual(events, [{ type: 'message', text: 'grüße 😀' }, { type: 'reset' }], `cut at ${at}`);
    assert.deepEqual(ids, ['a', 'b'], `cut at ${at}`);
  }
});

test('an id without data makes no event and is passed', async () => {
  assert.deepEqual(await read([':\nid: x\n\n']), { events: [], ids: ['x'], signs: 1 });
});

test('what is no event of the API is left out', async () => {
  const { events } = await read(['data: nonsense\n\ndata: 7\n\ndata: {"no":"type"}\n\ndata: {"type":"reset"}\n\n', 'data: {"type":"cut off"']);
  assert.deepEqual(events, [{ type: 'reset' }]);
});
