/** What hostile agents wrote, in the dashboard: every view shows it as text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { desktop, open, phone, settled, visit } from './support/browser.mjs';
import { hostile, hostileTicks } from './support/hostile-organisation.mjs';
import { shownMarkup } from './support/hostile.mjs';
import { staged } from './support/stage.mjs';
import { agentTabs, views } from './support/views.mjs';

describe('a hostile organisation in the dashboard', () => {

  const stage = staged(hostile);

  /** Every view, of everything that there is: each turn, thread, agent, tick, memory and file. */
  async function everything() {
    const { messages } = await stage.place.json('messages', '--limit', '100');
    const ticks = Array.from({ length: hostileTicks }, (_, i) => i + 1);
    const turns = [];
    for (const tick of ticks) {
      for (const turn of (await stage.place.json('ticks', 'show', String(tick))).turns) turns.push(`/ticks/${tick}/turns/${turn.agent}`);
    }
    const agents = ['mallory', 'victim', 'spawn'].flatMap((name) => [
      `/agents/${name}`,
      ...agentTabs.map((tab) => `/agents/${name}?tab=${tab}`),
      `/chat/${name}`,
      `/?agent=${name}`,
    ]);
    return new Set([
      ...(await views(stage.place)),
      ...agents,
      ...turns,
      ...ticks.map((tick) => `/timeline/${tick}`),
      ...messages.map((message) => `/threads/${message.id}`),
      '/messages?text=script',
      '/agents?at=3',
    ]);
  }

  for (const [name, viewport] of /** @type {const} */ ([['a desktop', desktop], ['a phone', phone]])) {
    test(`on ${name} nothing runs, loads or leads away`, async (t) => {
      const { page, context, witness } = await open(stage.server.origin, { viewport });
      t.after(() => context.close());
      for (const path of await everything()) {
        await t.test(path, async () => {
          await visit(page, path);
          await unfold(page);
          await settled(page);
          await witness.clears();
          assert.deepEqual(await page.locator('main .state-bad').allInnerTexts(), [], 'it shows a failure');
          await accessible(page, path);
        });
      }
    });
  }

  // Where it stands, and what stands there.
  const places = /** @type {const} */ ([
    ['/messages', 'said', 'a message'],
    ['/agents/spawn', 'title', 'the title that a model thought up'],
    ['/agents/spawn?tab=resume', 'instructions', 'instructions that a model thought up'],
    ['/agents/mallory?tab=memory', 'memory', 'a memory'],
    ['/ticks/1/turns/mallory', 'notes', 'notes'],
    ['/ticks/2/turns/mallory', 'read_path', 'an argument of a tool'],
    ['/ticks/4/turns/mallory', 'approval_argument', 'an argument that waits for a yes'],
    ['/approvals', 'approval_argument', 'what is to be approved'],
  ]);
  for (const [path, where, what] of places) {
    test(`${what} is to be read, letter by letter`, async (t) => {
      const { page, context, witness } = await open(stage.server.origin, { path });
      t.after(() => context.close());
      await unfold(page);
      const text = await page.evaluate(() => {
        const fields = [...document.querySelectorAll('textarea, input')].map((field) => /** @type {any} */ (field).value);
        return [/** @type {HTMLElement} */ (document.querySelector('main')).innerText, ...fields].join('\n');
      });
      // In JSON a quote may be written with a backslash.
      assert.ok(text.includes(shownMarkup(where)), `${path} does not show ${shownMarkup(where)}`);
      await witness.clears();
    });
  }

  test('a huge text is shown in part, and whole when asked for', async (t) => {
    const huge = (await stage.place.json('messages', '--limit', '100')).messages.find((message) => message.text.length > 100_000);
    const { page, context, witness } = await open(stage.server.origin, { path: `/threads/${huge.id}` });
    t.after(() => context.close());
    const length = () => page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('main')).innerText.length);
    const part = await length();
    assert.ok(part < 60_000, `it shows ${part} characters at once`);
    await page.getByRole('button', { name: /show all/i }).first().click();
    await settled(page);
    assert.ok((await length()) > part + 20_000, 'it shows more');
    await witness.clears();
  });
});

/**
 * Opens what a person would open to see all: parts that are folded.
 * @param {import('playwright-core').Page} page
 */
async function unfold(page) {
  await page.evaluate(() => {
    for (const part of document.querySelectorAll('main details:not([open])')) part.querySelector('summary')?.click();
  });
}
