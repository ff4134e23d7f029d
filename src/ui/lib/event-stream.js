/** Reads `text/event-stream` (HTML Standard, 9.2.6) from the body of a `fetch`. */

/** An event longer than this is not ours. */
const LONGEST = 8 * 1024 * 1024;

/**
 * The JSON objects of the stream.
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} alive called for each piece that comes, comments included
 * @param {(id: string) => void} passed called with each `id`, once all before it was given; it may stand without data
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* readEvents(body, alive, passed) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  let data = /** @type {string[]} */ ([]);
  let id = /** @type {string | null} */ (null);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      rest += decoder.decode(value, { stream: true });
      if (rest.length > LONGEST) throw new Error('an event of the stream is too long');
      // A CR at the end may be half of a CRLF: it waits for what follows.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') {
          const event = parse(data.join('\n'));
          data = [];
          if (event) yield event;
          if (id !== null) passed(id);
          id = null;
        } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        else if (line.startsWith('id:')) id = line.slice(line[3] === ' ' ? 4 : 3);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {string} text */
function parse(text) {
  if (!text) return null;
  try {
    const event = JSON.parse(text);
    if (typeof event?.type !== 'string') return null;
    return event;
  } catch {
    // What is no JSON object is not from this API; the stream goes on.
    return null;
  }
}
