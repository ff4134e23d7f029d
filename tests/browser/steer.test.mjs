/** What a person does from the dashboard: answers a call, mends what is wrong, makes an agent. The command line then says that it happened. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { closeBrowser, open, settled, visit } from './support/browser.mjs';
import { desk } from './support/organisations.mjs';
import { picture } from './support/picture.mjs';
import { ground } from './support/place.mjs';
import { Server } from './support/server.mjs';

describe('steering', () => {
  /** @type {Awaited<ReturnType<typeof ground>>} */
  let land;
  /** @type {import('./support/place.mjs').Place} */
  let origin;
  before(async () => {
    land = await ground();
    origin = await desk(land.folder);
  });
  after(async () => {
    await closeBrowser();
    await land.remove();
  });

  let copies = 0;
  /**
   * An organisation of the test's own, served, and a page that looks at it.
   * @param {import('node:test').TestContext} t
   * @param {string} path
   * @param {{ expects?: RegExp[], prepare?: (place: import('./support/place.mjs').Place) => Promise<void> }} [options]
   */
  async function at(t, path, { expects, prepare } = {}) {
    const place = await origin.copy(`copy${(copies += 1)}`);
    await prepare?.(place);
    const server = await Server.start(place.store, { args: ['--no-wake'] });
    t.after(() => server.stop());
    const { page, context, witness } = await open(server.origin, { path, expects });
    t.after(() => context.close());
    return { place, server, page, witness };
  }

  describe('approvals', () => {
    /** @param {import('./support/place.mjs').Place} place */
    const answered = async (place) => {
      await place.says('tick');
      const { approvals } = await place.json('approvals', 'list');
      return approvals;
    };

    test('a call is approved with exactly the arguments that are shown', async (t) => {
      const { place, page, witness } = await at(t, '/approvals');
      await page.getByText('Paper & Sons').first().waitFor();
      await accessible(page, 'approvals');
      await picture(page, 'approvals');
      await page.getByRole('button', { name: /^Approve…/ }).click();
      const dialog = page.getByRole('dialog', { name: 'Approve this call?' });
      assert.match(await dialog.innerText(), /Paper & Sons[\s\S]*120|120[\s\S]*Paper & Sons/);
      await accessible(page, 'approving');
      await dialog.getByRole('button', { name: 'Approve exactly this' }).click();
      await dialog.waitFor({ state: 'detached' });
      await page.getByText(/takes effect with the next tick/).first().waitFor();
      assert.deepEqual(await answered(place), []);
      await visit(page, '/approvals?tab=answered');
      await page.getByText('approved', { exact: true }).first().waitFor();
      await accessible(page, 'what was answered');
      await witness.clears();
    });

    test('a call is denied, and the agent is told why', async (t) => {
      const { place, page, witness } = await at(t, '/approvals');
      await page.getByRole('button', { name: /^Deny…/ }).click();
      const dialog = page.getByRole('dialog', { name: 'Deny this call?' });
      await dialog.getByLabel('Why not').fill('We have paid it <b>already</b>.');
      await accessible(page, 'denying');
      await dialog.getByRole('button', { name: 'Deny', exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
      assert.deepEqual(await answered(place), []);
      assert.match(await place.says('inspect', 'treasurer', '--turns', '1'), /We have paid it <b>already<\/b>\./);
      await witness.clears();
    });

    test('a call is changed, its difference looked at, and approved so', async (t) => {
      const { place, page, witness } = await at(t, '/approvals');
      await page.getByRole('button', { name: /^Change and approve…/ }).click();
      const dialog = page.getByRole('dialog');
      const field = dialog.getByLabel('Arguments, as a JSON object');
      await field.fill('{ "invoice": ');
      await dialog.getByText('This is no JSON').waitFor();
      assert.ok(await dialog.getByRole('button', { name: 'Look at what changes' }).isDisabled());
      await field.fill('{ "invoice": "17", "amount": 12, "to": "Paper & Sons" }');
      await dialog.getByRole('button', { name: 'Look at what changes' }).click();
      await accessible(page, 'changing');
      await page.getByRole('dialog').getByRole('button', { name: 'Approve exactly this' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      assert.deepEqual(await answered(place), []);
      assert.match(JSON.stringify(await place.json('inspect', 'treasurer', '--turns', '1')), /"amount":12[,}]/);
      await witness.clears();
    });

    test('a call that somebody else has answered meanwhile is not answered again', async (t) => {
      const { place, page, witness } = await at(t, '/approvals', { expects: [/status of 40[049]/] });
      await page.getByRole('button', { name: /^Approve…/ }).click();
      const { approvals } = await place.json('approvals', 'list');
      await place.says('approvals', 'deny', approvals[0].id);
      await place.says('tick');
      const button = page.getByRole('dialog').getByRole('button', { name: 'Approve exactly this' });
      // The page may have noticed by itself, and then there is nothing left to press.
      if (await button.isVisible()) await button.click({ timeout: 2_000 }).catch(() => {});
      await place.says('tick');
      assert.doesNotMatch(await place.says('approvals', 'show', approvals[0].id), /approved/);
      await witness.clears();
    });
  });

  describe('problems', () => {
    test('an account is topped up where the problem is', async (t) => {
      const prepare = async (/** @type {import('./support/place.mjs').Place} */ place) => {
        const resume = await place.read('agents/archivist/resume.json');
        await place.write('agents/archivist/resume.json', { ...resume, credits: { ...resume.credits, soft_cap: 0.49 } });
        await place.says('tick');
      };
      const { place, page, witness } = await at(t, '/problems', { prepare });
      await page.getByRole('heading', { name: 'Problems', level: 1 }).waitFor();
      await accessible(page, 'problems');
      await picture(page, 'problems');
      const before = await balance(place, 'archivist');
      await page.getByRole('listitem').filter({ hasText: 'archivist' }).getByRole('button', { name: /top up/i }).first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('spinbutton').or(dialog.getByRole('textbox')).first().fill('0.01');
      await accessible(page, 'a top-up');
      await dialog.getByRole('button', { name: /top up|add/i }).last().click();
      await dialog.waitFor({ state: 'detached' });
      await place.says('tick');
      assert.ok((await balance(place, 'archivist')) > before);
      await witness.clears();
    });

    test('a problem that waits for a yes leads there', async (t) => {
      const { page, witness } = await at(t, '/problems');
      await page.getByRole('listitem').filter({ hasText: 'treasurer' }).getByRole('link', { name: /look and answer/i }).click();
      await page.getByRole('heading', { name: 'Approvals', level: 1 }).waitFor();
      await witness.clears();
    });

    test('where nothing is wrong the page says so', async (t) => {
      const prepare = async (/** @type {import('./support/place.mjs').Place} */ place) => {
        const { approvals } = await place.json('approvals', 'list');
        await place.says('approvals', 'deny', approvals[0].id);
        await place.says('resume', 'critic');
        await place.ticks(2);
      };
      const { page, witness } = await at(t, '/problems', { prepare });
      await page.getByText('Nothing is wrong').waitFor();
      await witness.clears();
    });
  });

  describe('a new agent', () => {
    const next = (/** @type {import('playwright-core').Page} */ page) => page.getByRole('button', { name: /^Next:/ }).click();

    test('is made step by step, and every step is told what is missing', async (t) => {
      const { place, page, witness } = await at(t, '/new-agent');
      await accessible(page, 'beginning');
      await next(page);
      await page.getByRole('heading', { name: 'Name and title' }).waitFor();
      await next(page);
      assert.ok((await page.locator('[aria-invalid=true], [aria-invalid=""]').count()) > 0, 'what is missing is marked');
      await accessible(page, 'something is missing');
      await page.getByRole('textbox', { name: /^Name/ }).fill('Not A Name');
      await page.getByRole('textbox', { name: /^Title/ }).fill('Night reader');
      await page.getByRole('textbox', { name: /^What it is for, in one sentence/ }).fill('Reads what was said during the day.');
      await next(page);
      await page.getByRole('heading', { name: 'Name and title' }).waitFor();
      await page.getByRole('textbox', { name: /^Name/ }).fill('night_reader');
      await next(page);
      await page.getByRole('textbox', { name: /^Instructions/ }).fill('Read what was said. Say nothing unless it matters.');
      await accessible(page, 'instructions');
      await next(page);
      await page.getByRole('textbox', { name: /^It runs every … ticks/ }).fill('4');
      await page.getByText(/next fire points/).waitFor();
      await accessible(page, 'schedule');
      await picture(page, 'new-agent');
      await next(page);
      await page.getByRole('heading', { name: 'Permissions' }).waitFor();
      await page.getByLabel('Everybody').check();
      await accessible(page, 'permissions');
      await next(page);
      await page.getByRole('textbox', { name: /^Its account holds at most/ }).fill('1.5');
      await page.getByRole('textbox', { name: /^Warn below/ }).fill('0.5');
      await next(page);
      await page.getByRole('heading', { name: 'Review' }).waitFor();
      await settled(page);
      await accessible(page, 'review');
      await page.locator('main').getByRole('button', { name: /make|create/i }).last().click();
      await page.waitForFunction(() => location.hash.startsWith('#/agents/night_reader'));
      const resume = await place.read('agents/night_reader/resume.json');
      assert.equal(resume.title, 'Night reader');
      assert.equal(resume.schedule.run_every_n_ticks, 4);
      assert.deepEqual(resume.permissions.read_outboxes, ['*']);
      assert.equal((await place.json('validate')).errors, 0);
      await witness.clears();
    });

    test('begins as another agent is, or as a template has it', async (t) => {
      const { place, page, witness } = await at(t, '/new-agent');
      await page.getByText('Like another agent').click();
      await page.getByLabel('Like which agent').selectOption('critic');
      await page.getByText('It begins as').waitFor();
      await page.getByText('From a template').click();
      await page.getByText('code_review').waitFor();
      await accessible(page, 'templates');
      await page.locator('.template').filter({ hasText: 'support_desk' }).locator('label').first().click();
      await page.getByText('It begins as').waitFor();
      await next(page);
      assert.notEqual(await page.getByRole('textbox', { name: /^Title/ }).inputValue(), '');
      await page.getByRole('textbox', { name: /^Name/ }).fill('critic');
      await page.getByText(/taken|already/).first().waitFor();
      assert.equal((await place.json('status')).agents.length, 6);
      await witness.clears();
    });
  });
});

/**
 * @param {import('./support/place.mjs').Place} place
 * @param {string} agent
 */
async function balance(place, agent) {
  return (await place.json('status')).agents.find((one) => one.name === agent).credits_left;
}
