/** One agent from all sides, and what people change of it: the resume with its conflicts, memories, files, turns. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { open, phone, settled, visit } from './support/browser.mjs';
import { desk } from './support/organisations.mjs';
import { picture } from './support/picture.mjs';
import { Server } from './support/server.mjs';
import { staged } from './support/stage.mjs';
import { agentTabs } from './support/views.mjs';

describe('agents', () => {
  const stage = staged(desk, { args: ['--no-wake'] });

  test('agents are searched, filtered and sorted, and one is opened by keyboard', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/agents' });
    t.after(() => context.close());
    await picture(page, 'agents');
    const table = page.getByRole('table', { name: 'Agents' });
    assert.equal(await table.getByRole('row').count(), 7, 'six agents and a head');
    await page.getByRole('searchbox', { name: 'Search agents' }).fill('crit');
    await page.waitForFunction(() => document.querySelectorAll('[role=row]').length === 2);
    await page.getByRole('searchbox', { name: 'Search agents' }).fill('');
    await page.getByRole('group', { name: 'Show by state' }).getByRole('button', { name: /paused/i }).click();
    await page.waitForFunction(() => document.querySelectorAll('[role=row]').length === 2);
    await page.getByRole('group', { name: 'Show by state' }).getByRole('button', { name: /^All/ }).click();
    await table.getByRole('button', { name: 'Unread' }).click();
    await table.locator('[data-row="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() => document.activeElement?.getAttribute('data-row') === '1');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.hash.startsWith('#/agents/'));
    await settled(page);
    await witness.clears();
  });

  test('every side of an agent is shown, also on a phone, and axe finds nothing', async (t) => {
    for (const viewport of [undefined, phone]) {
      const { page, context, witness } = await open(stage.server.origin, { path: '/agents/editor', ...(viewport && { viewport }) });
      t.after(() => context.close());
      for (const tab of agentTabs) {
        await visit(page, `/agents/editor?tab=${tab}`);
        assert.deepEqual(await page.locator('main .state-bad').allInnerTexts(), [], tab);
        assert.ok((await page.getByRole('tabpanel').innerText()).length > 20, `${tab} shows something`);
        await accessible(page, `the tab ${tab}`);
        await witness.clears();
        await picture(page, `agent-${tab}${viewport ? '-phone' : ''}`);
      }
      await context.close();
    }
  });

  test('the tabs of an agent are gone through with the arrows', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/agents/editor' });
    t.after(() => context.close());
    await page.getByRole('tab', { name: 'Overview' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('tab', { name: 'Resume', selected: true }).waitFor();
    await page.waitForFunction(() => location.hash.includes('tab=resume'));
    await page.keyboard.press('End');
    await page.getByRole('tab', { name: 'Turns', selected: true }).waitFor();
    await settled(page);
    await witness.clears();
  });

  test('a turn shows what it was asked, what it answered, called and cost', async (t) => {
    const { ticks } = await stage.place.json('ticks', '--agent', 'writer', '--limit', '100');
    for (const { tick } of ticks) {
      const turn = (await stage.place.json('ticks', 'show', String(tick))).turns.find((one) => one.agent === 'writer');
      if (!turn || turn.tools === 0) continue;
      const { page, context, witness } = await open(stage.server.origin, { path: `/ticks/${tick}/turns/writer` });
      t.after(() => context.close());
      await page.evaluate(() => document.querySelectorAll('main details:not([open]) > summary').forEach((part) => /** @type {HTMLElement} */ (part).click()));
      await settled(page);
      const words = await page.locator('main').innerText();
      assert.match(words, /file_write/);
      assert.match(words, /briefs\//);
      assert.match(words, /because/);
      await accessible(page, 'a turn');
      await picture(page, 'turn');
      await witness.clears();
      return;
    }
    assert.fail('the writer never wrote a file');
  });

  describe('the resume', () => {
    let copies = 0;
    /** @param {import('node:test').TestContext} t */
    async function editing(t) {
      const own = await stage.place.copy(`edited${(copies += 1)}`);
      const other = await Server.start(own.store, { args: ['--no-wake'] });
      t.after(() => other.stop());
      const { page, context, witness } = await open(other.origin, { path: '/agents/writer?tab=resume', expects: [/status of 412/, /status of 400/] });
      t.after(() => context.close());
      await page.getByRole('textbox', { name: /^Title/ }).waitFor();
      return { own, page, witness };
    }

    test('is edited as a form, reviewed, and saved with nothing else touched', async (t) => {
      const { own, page, witness } = await editing(t);
      const before = await own.read('agents/writer/resume.json');
      await page.getByRole('textbox', { name: /^Title/ }).fill('Night writer');
      await page.getByRole('button', { name: 'Review changes' }).click();
      const dialog = page.getByRole('dialog', { name: 'Review changes' });
      await dialog.getByText(/found nothing wrong|can be saved/).waitFor();
      await accessible(page, 'reviewing');
      await picture(page, 'resume-review');
      await dialog.getByRole('button', { name: 'Save the resume' }).click();
      await dialog.waitFor({ state: 'detached' });
      assert.deepEqual(await own.read('agents/writer/resume.json'), { ...before, title: 'Night writer' });
      await witness.clears();
    });

    test('that is wrong is told where, and not saved', async (t) => {
      const { own, page, witness } = await editing(t);
      const before = await own.read('agents/writer/resume.json');
      await page.getByRole('textbox', { name: /^Title/ }).fill('');
      await page.getByText(/to mend/).waitFor();
      assert.ok(await page.getByRole('button', { name: 'Review changes' }).isDisabled());
      assert.ok((await page.locator('[aria-invalid=true]').count()) > 0);
      await accessible(page, 'a wrong resume');
      await page.getByRole('button', { name: 'JSON' }).click();
      await page.getByRole('textbox', { name: /as JSON/ }).fill(JSON.stringify({ ...before, model: { key: 'nothing_of_this_name' } }));
      await page.getByRole('button', { name: 'Review changes' }).click();
      const dialog = page.getByRole('dialog', { name: 'Review changes' });
      await dialog.getByText(/cannot be saved|did not work/i).first().waitFor();
      assert.ok(await dialog.getByRole('button', { name: 'Save the resume' }).isDisabled());
      assert.deepEqual(await own.read('agents/writer/resume.json'), before);
      await witness.clears();
    });

    test('that somebody else has saved meanwhile is not overwritten, and both changes can be kept', async (t) => {
      const { own, page, witness } = await editing(t);
      await page.getByRole('textbox', { name: /^Title/ }).fill('Night writer');
      const meanwhile = await own.read('agents/writer/resume.json');
      await own.write('agents/writer/resume.json', { ...meanwhile, short_description: 'Writes at night.' });
      await page.getByRole('button', { name: 'Review changes' }).click();
      const conflict = page.getByRole('dialog', { name: 'Somebody else changed this resume' });
      await conflict.waitFor();
      await settled(page);
      await accessible(page, 'a conflict');
      await picture(page, 'resume-conflict');
      assert.equal((await own.read('agents/writer/resume.json')).title, meanwhile.title, 'nothing was overwritten');
      await conflict.getByRole('button', { name: 'Re-apply my changes' }).click();
      await conflict.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Review changes' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Save the resume' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      const saved = await own.read('agents/writer/resume.json');
      assert.deepEqual([saved.title, saved.short_description], ['Night writer', 'Writes at night.']);
      await witness.clears();
    });
  });

  test('a memory is changed and another one deleted, with the next tick', async (t) => {
    const own = await stage.place.copy('memories');
    const other = await Server.start(own.store, { args: ['--no-wake'] });
    t.after(() => other.stop());
    const { page, context, witness } = await open(other.origin, { path: '/agents/editor?tab=memory&key=count' });
    t.after(() => context.close());
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await accessible(page, 'a memory is changed');
    await dialog.getByRole('textbox').last().fill('41');
    await dialog.getByRole('button', { name: /save|write|change/i }).last().click();
    await dialog.waitFor({ state: 'detached' });
    await visit(page, '/agents/editor?tab=memory&key=delivered');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await own.says('tick');
    const { memory } = await own.json('memory', 'list', 'editor');
    assert.equal(memory.find((one) => one.key === 'count')?.value, 41);
    assert.equal(memory.find((one) => one.key === 'delivered'), undefined);
    await witness.clears();
  });

  test('a file is looked at as text, and kept as a file', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/agents/writer?tab=files' });
    t.after(() => context.close());
    const table = page.getByRole('table', { name: 'Shared files' });
    await table.getByText(/briefs\/1\.md/).first().click();
    await page.getByRole('dialog').waitFor();
    await settled(page);
    assert.match(await page.getByRole('dialog').innerText(), /nightly backups/);
    await accessible(page, 'a file');
    await page.keyboard.press('Escape');
    const kept = page.waitForEvent('download');
    await table.getByRole('button', { name: /Download .*briefs\/1\.md/ }).click();
    assert.equal((await kept).suggestedFilename(), '1.md');
    await witness.clears();
  });
});
