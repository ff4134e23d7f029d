/** The organisation as a graph and as a table, and the timeline over it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { open, phone, settled, visit } from './support/browser.mjs';
import { crowd, desk } from './support/organisations.mjs';
import { picture } from './support/picture.mjs';
import { Server } from './support/server.mjs';
import { staged } from './support/stage.mjs';

describe('the organisation', () => {
  const stage = staged(desk);

  test('the graph is drawn, and its agents are chosen with the arrows', async (t) => {
    const { page, context, witness } = await open(stage.server.origin);
    t.after(() => context.close());
    await drawn(page);
    assert.ok((await colours(page)) > 20, 'the canvas shows something');
    await picture(page, 'organisation');
    await page.getByRole('application').focus();
    await page.keyboard.press('ArrowRight');
    const panel = page.getByRole('complementary', { name: 'The chosen agent' });
    await panel.waitFor();
    const first = await panel.getByRole('heading', { level: 2 }).innerText();
    // The graph tells a screen reader what was chosen.
    await page.getByText(new RegExp(`^${first}`)).first().waitFor({ state: 'attached' });
    for (const arrow of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp']) await page.keyboard.press(arrow);
    assert.match(page.url(), /agent=/);
    await accessible(page, 'an agent is chosen');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.closest('aside'));
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await panel.waitFor({ state: 'detached' });
    await witness.clears();
  });

  test('a click on an agent shows it, and one on empty ground lets go of it', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/?agent=editor' });
    t.after(() => context.close());
    await drawn(page);
    const panel = page.getByRole('complementary', { name: 'The chosen agent' });
    await panel.waitFor();
    const box = await page.getByRole('application').boundingBox();
    assert.ok(box);
    await page.mouse.click(box.x + 3, box.y + box.height / 2);
    await panel.waitFor({ state: 'detached' });
    // Somewhere on a grid over the graph there is an agent, wherever it was laid out.
    await clickUntil(page, box, panel);
    await witness.clears();
  });

  test('an edge tells who may read whom, why, and what was said', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/?from=editor&to=writer' });
    t.after(() => context.close());
    const panel = page.getByRole('complementary', { name: 'The chosen permission' });
    await panel.waitFor();
    const words = await panel.innerText();
    assert.match(words, /writer may read what editor says/);
    assert.match(words, /Please write up brief 1/);
    await accessible(page, 'an edge is chosen');
    await picture(page, 'organisation-edge');
    await panel.getByRole('button', { name: 'writer' }).first().click();
    await page.getByRole('complementary', { name: 'The chosen agent' }).waitFor();
    await witness.clears();
  });

  test('an agent is found by its name, and the table tells the same as the graph', async (t) => {
    const { page, context, witness } = await open(stage.server.origin);
    t.after(() => context.close());
    await page.getByRole('searchbox', { name: 'Find an agent' }).or(page.getByPlaceholder('Find an agent')).fill('archiv');
    await page.getByRole('complementary', { name: 'The chosen agent' }).getByRole('heading', { name: 'archivist' }).waitFor();
    await page.getByPlaceholder('Find an agent').fill('');
    await page.getByRole('button', { name: 'Table' }).click();
    const table = page.getByRole('table', { name: 'Agents and who reads whom' });
    await table.waitFor();
    assert.equal(await table.getByRole('row').count(), 7, 'six agents and a head');
    const rows = await table.getByRole('row').allInnerTexts();
    const editor = rows.find((row) => /^\S+\s+editor\s/.test(row)) ?? '';
    assert.match(editor, /researcher/, 'it reads the researcher');
    await accessible(page, 'the table');
    await witness.clears();
  });

  test('the timeline goes back to a tick, plays on from there, and shows what changed', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/timeline' });
    t.after(() => context.close());
    await drawn(page);
    await picture(page, 'timeline');
    const field = page.getByRole('spinbutton', { name: /Tick/ });
    await field.fill('3');
    await field.press('Enter');
    await page.getByText('As it was after').waitFor();
    assert.match(page.url(), /at=3/);
    const player = page.getByRole('group', { name: 'Playing the past' });
    await player.getByRole('button', { name: 'A tick on' }).click();
    await page.waitForFunction(() => location.hash.includes('at=4'));
    await player.getByRole('button', { name: 'A tick back' }).click();
    await page.waitForFunction(() => location.hash.includes('at=3'));
    const slider = page.getByRole('slider').first();
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => location.hash.includes('at=4'));
    await page.getByLabel('Speed').selectOption({ index: (await page.getByLabel('Speed').locator('option').count()) - 1 });
    await player.getByRole('button', { name: 'Play' }).click();
    // It plays to the present, and stops there.
    await page.getByText('As it was after').waitFor({ state: 'detached', timeout: 60_000 });
    await player.getByRole('button', { name: 'Play' }).waitFor();
    await visit(page, '/diff?from=2&to=6');
    const said = await page.locator('main').innerText();
    assert.match(said, /Messages/);
    assert.match(said, /count/, 'a memory that changed');
    await accessible(page, 'what changed');
    await picture(page, 'what-changed');
    await page.getByLabel('After tick').fill('0');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.waitForFunction(() => location.hash.includes('from=0'));
    await settled(page);
    await witness.clears();
  });

  test('messages fly along the edges while a tick runs', async (t) => {
    const { page, context, witness } = await open(stage.server.origin);
    t.after(() => context.close());
    await drawn(page);
    await page.getByText('live', { exact: true }).waitFor();
    await stage.place.says('send', 'editor', 'Should we paint the walls?');
    await stage.place.says('tick');
    const now = (await stage.place.json('status')).tick;
    await page.waitForFunction((wanted) => Number(document.querySelector('header .nums')?.textContent) === wanted, now);
    await visit(page, '/?agent=editor');
    await page.getByText('Should we paint the walls?').first().waitFor();
    await witness.clears();
  });

  test('five hundred agents are laid out and found', async (t) => {
    const many = await crowd(stage.folder);
    const other = await Server.start(many.store);
    t.after(() => other.stop());
    for (const viewport of [undefined, phone]) {
      const { page, context, witness } = await open(other.origin, viewport ? { viewport } : {});
      t.after(() => context.close());
      await drawn(page, 60_000);
      await page.getByText('500 agents').first().waitFor({ state: 'attached' });
      await picture(page, viewport ? 'organisation-500-phone' : 'organisation-500');
      assert.ok((await page.locator('*').count()) < 5_000, 'what is not seen is not drawn as elements');
      await page.getByPlaceholder('Find an agent').fill('team07_m3');
      await page.getByRole('complementary', { name: 'The chosen agent' }).getByRole('heading', { name: 'team07_m3' }).waitFor();
      await witness.clears();
      await context.close();
    }
  });
});

/**
 * Waits until the graph is laid out.
 * @param {import('playwright-core').Page} page
 */
async function drawn(page, timeout = 30_000) {
  await page.locator('canvas.is-ready').waitFor({ timeout });
  await settled(page);
}

/**
 * How many different colours the picture has.
 * @param {import('playwright-core').Page} page
 */
function colours(page) {
  return page.evaluate(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('canvas'));
    const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const found = new Set();
    for (let i = 0; i < pixels.length; i += 4) found.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
    return found.size;
  });
}

/**
 * Clicks over a grid until something is shown.
 * @param {import('playwright-core').Page} page
 * @param {{ x: number, y: number, width: number, height: number }} box
 * @param {import('playwright-core').Locator} shown
 */
async function clickUntil(page, box, shown) {
  for (let y = 60; y < box.height - 40; y += 28) {
    for (let x = 60; x < box.width - 40; x += 28) {
      await page.mouse.click(box.x + x, box.y + y);
      if (await shown.isVisible()) return;
    }
  }
  assert.fail('no click anywhere chose an agent');
}
