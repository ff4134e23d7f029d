/** What surrounds every page: keys and roles, the connection, the keyboard, the past, other organisations. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { closeBrowser, open, phone, settled, visit } from './support/browser.mjs';
import { picture } from './support/picture.mjs';
import { crowd, desk, empty } from './support/organisations.mjs';
import { ground } from './support/place.mjs';
import { Server } from './support/server.mjs';
import { views } from './support/views.mjs';

const refused = [/status of 401/, /status of 403/];
const gone = [/ERR_CONNECTION_REFUSED/, /ERR_CONNECTION_RESET/, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /ERR_EMPTY_RESPONSE/, /ERR_NETWORK_IO_SUSPENDED/];

describe('the shell of the dashboard', () => {
  /** @type {Awaited<ReturnType<typeof ground>>} */
  let land;
  /** @type {import('./support/place.mjs').Place} */
  let place;
  before(async () => {
    land = await ground();
    place = await desk(land.folder);
  });
  after(async () => {
    await closeBrowser();
    await land.remove();
  });

  describe('with keys', () => {
    /** @type {Server} */
    let server;
    /** @type {Record<string, string>} */
    const keys = {};
    before(async () => {
      const guarded = await place.copy('guarded');
      for (const role of ['viewer', 'operator', 'admin']) keys[role] = (await guarded.says('keys', 'add', role, '--role', role)).trim();
      server = await Server.start(guarded.store);
    });
    after(() => server?.stop());

    test('a key is asked for, a wrong one is told, and the right one is kept out of everything but the tab', async (t) => {
      const { page, context, witness } = await open(server.origin, { path: '/agents', expects: refused });
      t.after(() => context.close());
      await page.getByRole('heading', { name: /^Sign in/, level: 1 }).waitFor();
      await accessible(page, 'sign in');
      await picture(page, 'sign-in');
      await page.getByLabel('Key', { exact: true }).fill(`lemming_${'0'.repeat(64)}`);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('opens nothing here').waitFor();
      await page.getByLabel('Key', { exact: true }).fill(keys.admin);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Agents', level: 1 }).waitFor();
      assert.ok(!page.url().includes(keys.admin), 'not in the address');
      assert.deepEqual(await context.cookies(), [], 'not in a cookie');
      const kept = await page.evaluate(() => JSON.stringify(localStorage));
      assert.ok(!kept.includes(keys.admin), 'not in what outlives the tab');
      await page.getByRole('button', { name: /forget the key/i }).click();
      await page.getByRole('heading', { name: /^Sign in/, level: 1 }).waitFor();
      assert.equal(await page.evaluate(() => sessionStorage.getItem('lemming.key')), null);
      await witness.clears();
    });

    for (const [role, mayControl, mayEdit] of /** @type {const} */ ([['viewer', false, false], ['operator', true, false], ['admin', true, true]])) {
      test(`${role}: what the role may not do is not offered`, async (t) => {
        const { page, context, witness } = await open(server.origin, { key: keys[role], expects: refused });
        t.after(() => context.close());
        assert.equal(await page.getByRole('button', { name: 'Run a tick' }).count(), mayControl ? 1 : 0);
        assert.equal(await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'New agent' }).count(), mayEdit ? 1 : 0);
        await visit(page, '/approvals');
        assert.equal(await page.getByRole('button', { name: /^Approve/ }).count(), mayControl ? 1 : 0);
        await visit(page, '/agents/writer');
        assert.equal(await page.locator('main').getByRole('link', { name: 'Chat', exact: true }).count(), mayControl ? 1 : 0);
        await witness.clears();
      });
    }

    test('a viewer sees every view, and no view changes anything by being looked at', async (t) => {
      const { page, context, witness } = await open(server.origin, { key: keys.viewer, expects: refused });
      t.after(() => context.close());
      /** @type {string[]} */
      const changes = [];
      page.on('request', (request) => {
        if (request.method() !== 'GET') changes.push(`${request.method()} ${request.url()}`);
      });
      /** @type {string[]} */
      const denied = [];
      page.on('response', (response) => {
        if (response.status() === 403) denied.push(response.url());
      });
      for (const path of await views(place)) {
        await visit(page, path);
        if (path !== '/new-agent') assert.deepEqual(await page.locator('main .state-bad').allInnerTexts(), [], path);
      }
      assert.deepEqual(changes, []);
      assert.deepEqual(denied, [], 'what a viewer may not read is not asked for');
      await witness.clears();
    });
  });

  describe('without keys', () => {
    /** @type {Server} */
    let server;
    before(async () => {
      server = await Server.start(place.store);
    });
    after(() => server?.stop());

    test('a page that there is not says so and leads back', async (t) => {
      const { page, context, witness } = await open(server.origin, { path: '/nothing/here' });
      t.after(() => context.close());
      await page.getByText('There is no such page').waitFor();
      await page.getByRole('link', { name: 'To the organisation' }).click();
      await page.getByRole('heading', { name: 'Organisation', level: 1 }).waitFor();
      await witness.clears();
    });

    test('by keyboard alone one reaches the content and the pages, and the focus is seen', async (t) => {
      const { page, context, witness } = await open(server.origin);
      t.after(() => context.close());
      await page.keyboard.press('Tab');
      const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
      assert.equal(await focused(), 'To the content');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
      await page.keyboard.press('Shift+Tab');
      for (const name of ['Agents', 'Messages', 'Problems']) {
        await tabTo(page, name);
        const outline = await page.evaluate(() => {
          const { outlineStyle, boxShadow } = getComputedStyle(/** @type {Element} */ (document.activeElement));
          return outlineStyle !== 'none' || boxShadow !== 'none';
        });
        assert.ok(outline, `the focus on ${name} is seen`);
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name, level: 1 }).waitFor();
        await page.waitForFunction(() => document.activeElement?.id === 'page-title');
        await page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('.skip')).focus());
      }
      await witness.clears();
    });

    test('light, dark and as the system: the choice holds after a reload', async (t) => {
      const { page, context, witness } = await open(server.origin, { colorScheme: 'light' });
      t.after(() => context.close());
      const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await paper();
      const button = page.getByRole('button', { name: /^Theme:/ });
      await button.click();
      await button.click();
      assert.match((await button.getAttribute('aria-label')) ?? (await button.innerText()), /dark/);
      const dark = await paper();
      assert.notEqual(dark, light);
      await page.reload();
      await settled(page);
      assert.equal(await paper(), dark);
      await witness.clears();
    });

    test('on a phone the menu opens, leads to a page and closes', async (t) => {
      const { page, context, witness } = await open(server.origin, { viewport: phone });
      t.after(() => context.close());
      await page.getByRole('button', { name: 'More' }).click();
      const menu = page.getByRole('dialog', { name: 'Pages' });
      await menu.waitFor();
      await accessible(page, 'the menu');
      await menu.getByRole('link', { name: /Spend/ }).click();
      await page.getByRole('heading', { name: 'Spend', level: 1 }).waitFor();
      await menu.waitFor({ state: 'detached' });
      await witness.clears();
    });

    test('what happens elsewhere is seen without a reload', async (t) => {
      const { page, context, witness } = await open(server.origin);
      t.after(() => context.close());
      await page.getByText('live', { exact: true }).waitFor();
      const before = Number(await tick(page));
      await place.says('tick');
      await page.waitForFunction((old) => Number(document.querySelector('header .nums')?.textContent) > old, before);
      await witness.clears();
    });

    test('the past is shown as it was, says so, and cannot be changed', async (t) => {
      const { page, context, witness } = await open(server.origin, { path: '/agents?at=3' });
      t.after(() => context.close());
      await page.getByText('As it was after').waitFor();
      assert.equal(await tick(page), '3');
      assert.equal(await page.getByRole('button', { name: 'Run a tick' }).count(), 0);
      await visit(page, '/messages');
      assert.match(page.url(), /at=3/, 'the past stays while one goes about');
      await accessible(page, 'the past');
      await page.getByRole('button', { name: 'Back to now' }).click();
      await page.getByText('As it was after').waitFor({ state: 'detached' });
      await page.waitForFunction(() => Number(document.querySelector('header .nums')?.textContent) > 3);
      await witness.clears();
    });

    test('run a tick, and let the organisation rest', async (t) => {
      const own = await place.copy('resting');
      const other = await Server.start(own.store);
      t.after(() => other.stop());
      const { page, context, witness } = await open(other.origin);
      t.after(() => context.close());
      const before = Number(await tick(page));
      await page.getByRole('button', { name: 'Run a tick' }).click();
      await page.waitForFunction((old) => Number(document.querySelector('header .nums')?.textContent) > old, before);
      await page.getByRole('button', { name: /rest/ }).click();
      await page.getByText(/rests from the next tick/).first().waitFor();
      await own.says('tick');
      await page.locator('header').getByText('paused').waitFor();
      await witness.clears();
    });

    test('a server that stops and comes back is told, and followed again', async (t) => {
      const own = await place.copy('stopping');
      const first = await Server.start(own.store);
      const { page, context, witness } = await open(first.origin, { expects: gone });
      t.after(() => context.close());
      await page.getByText('live', { exact: true }).waitFor();
      await first.stop();
      await page.getByText('disconnected', { exact: true }).waitFor({ timeout: 30_000 });
      await accessible(page, 'disconnected');
      await picture(page, 'disconnected');
      await visit(page, '/');
      await own.says('tick');
      const second = await Server.start(own.store, { port: first.port });
      t.after(() => second.stop());
      await page.getByText(/^live/).waitFor({ timeout: 60_000 });
      const now = (await own.json('status')).tick;
      await page.waitForFunction((wanted) => Number(document.querySelector('header .nums')?.textContent) === wanted, now);
      await witness.clears();
    });
  });

  test('several organisations: one is chosen, and everything is asked of that one', async (t) => {
    await empty(land.folder);
    await crowd(land.folder);
    const server = await Server.start(land.folder, { args: ['--default-org', 'desk'] });
    t.after(() => server.stop());
    const { page, context, witness } = await open(server.origin);
    t.after(() => context.close());
    const choice = page.getByRole('combobox', { name: 'Organisation' });
    await choice.waitFor();
    /** @type {string[]} */
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await choice.selectOption({ label: 'The crowd' });
    await page.getByText('500 agents').first().waitFor();
    const others = asked.filter((path) => path.startsWith('/api/') && !path.startsWith('/api/orgs'));
    assert.deepEqual(others, []);
    await visit(page, '/agents');
    assert.match(page.url(), /org=crowd/);
    await witness.clears();
  });
});

/**
 * The number of the tick in the header.
 * @param {import('playwright-core').Page} page
 */
function tick(page) {
  return page.locator('header .nums').first().innerText();
}

/**
 * Presses Tab until a link of this name has the focus.
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
async function tabTo(page, name) {
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press('Tab');
    const text = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
    if (text.startsWith(name)) return;
  }
  assert.fail(`Tab never reaches ${name}`);
}
