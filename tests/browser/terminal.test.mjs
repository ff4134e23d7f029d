/** What hostile agents wrote, at a terminal: every command shows it as text. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { shownMarkup } from './support/hostile.mjs';
import { hostile, hostileTicks } from './support/hostile-organisation.mjs';
import { environment, ground, program } from './support/place.mjs';

/** All that moves a cursor, turns the direction of text, hides it, or breaks a line where none is seen. */
const unfit =
  // eslint-disable-next-line no-control-regex -- they are what this is about
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/u;

/**
 * @param {string} text
 * @param {string} what
 */
function isFit(text, what) {
  const found = unfit.exec(text);
  if (!found) return;
  const around = text.slice(Math.max(0, found.index - 60), found.index + 40);
  assert.fail(`${what} prints what a terminal must not get: ${JSON.stringify(around)}`);
}

describe('a hostile organisation at a terminal', () => {
  /** @type {Awaited<ReturnType<typeof ground>>} */
  let land;
  /** @type {import('./support/place.mjs').Place} */
  let place;

  before(async () => {
    land = await ground();
    place = await hostile(land.folder);
  });
  after(() => land.remove());

  /** Every command that shows what was written, for each thing that there is to show. */
  async function commands() {
    const { messages } = await place.json('messages', '--limit', '100');
    const { files } = await place.json('files', 'list');
    const { approvals } = await place.json('approvals', 'list');
    const { memory } = await place.json('memory', 'list', 'mallory');
    const ticks = Array.from({ length: hostileTicks }, (_, i) => String(i + 1));
    return [
      ['status'], ['problems'], ['orgs'], ['validate'], ['models'], ['tools'], ['tools', 'show', 'pay'], ['templates', 'analyse'],
      ['agents'], ['agents', 'show', 'spawn'], ['show-agent', 'spawn'], ['graph'], ['graph', '--format', 'dot'], ['graph', '--format', 'mermaid'],
      ['messages'], ['messages', '--full'], ['messages', '--jsonl'], ['messages', 'script'], ['logs'], ['logs', '--jsonl'], ['logs', 'mallory'],
      ['inbox'], ['inbox', '--all'], ['inbox', 'victim'], ['inbox', 'spawn'], ...messages.map((message) => ['thread', message.id, '--full']),
      ['inspect', 'mallory', '--turns', '9', '--outbox', '9'], ['inspect', 'spawn'], ['ticks'], ...ticks.map((tick) => ['ticks', 'show', tick]),
      ['ticks', 'why', 'mallory', '--tick', '5'], ['diff', `1..${hostileTicks}`], ['replay', '2'], ['fsck'], ['tick', '--dry-run', '--prompts'],
      ['memory', 'list', 'mallory'], ...memory.map((key) => ['memory', 'get', 'mallory', key.key]), ['memory', 'search', 'mallory', 'script'],
      ['files', 'list'], ...files.map((file) => ['files', 'show', file.path]), ['approvals', 'list'], ['approvals', 'show', approvals[0].id],
      ['credits'], ['credits', 'ledger'], ['credits', 'export'], ['cost'],
    ];
  }

  test('it is as hostile as it is meant to be', async () => {
    const { messages } = await place.json('messages', '--limit', '100');
    assert.ok(messages.some((message) => Buffer.byteLength(message.text) > 190_000), 'a message of 200 KB');
    assert.match(await place.says('approvals', 'list', '--json'), /approval_argument/);
    assert.match(await place.says('agents', 'show', 'spawn', '--json'), /title.*<script>/);
    assert.equal((await place.json('files', 'list')).files.length, 6);
    assert.equal((await place.json('memory', 'list', 'mallory')).memory.length, 5);
    const statuses = (await place.json('ticks', 'show', '5')).turns.map((turn) => turn.status);
    assert.ok(statuses.includes('failed'), 'an answer that is no contract');
  });

  test('no command lets through what moves a cursor or turns text', async () => {
    for (const command of await commands()) {
      const plain = await place.run(...command);
      assert.equal(plain.code, 0, `lemming ${command.join(' ')}: ${plain.stderr}`);
      isFit(plain.stdout, command.join(' '));
      isFit(plain.stderr, command.join(' '));
      if (command.some((word) => word === '--jsonl' || word === '--format')) continue;
      const { stdout } = await place.run(...command, '--json');
      isFit(stdout, `${command.join(' ')} --json`);
      JSON.parse(stdout);
    }
  });

  test('what was written is to be read, letter by letter', async () => {
    assert.ok((await place.says('messages', '--full')).includes(shownMarkup('said')));
    assert.ok((await place.says('memory', 'get', 'mallory', 'hostile')).includes(shownMarkup('memory')));
    const { approvals } = await place.json('approvals', 'list');
    assert.ok((await place.says('approvals', 'show', approvals[0].id)).includes(shownMarkup('approval_argument')));
  });

  test('watching prints lines of which a terminal stays as it is', async () => {
    const watching = spawn(program, ['watch', '--interval', '100ms', '--store', place.store], { env: environment() });
    let printed = '';
    const ended = new Promise((resolve) => watching.once('close', resolve));
    try {
      await new Promise((resolve, reject) => {
        watching.stdout.setEncoding('utf8').on('data', (text) => {
          printed += text;
          if (printed.includes('mallory')) resolve(undefined);
        });
        watching.once('close', () => reject(new Error(`it ended: ${printed}`)));
      });
    } finally {
      watching.kill('SIGINT');
      await ended;
    }
    isFit(printed, 'watch');
  });
});
