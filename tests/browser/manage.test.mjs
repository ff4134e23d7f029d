/** How the organisation is set up and what it costs: settings changed with a look at the difference, the ledger kept as a file. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { open } from './support/browser.mjs';
import { desk } from './support/organisations.mjs';
import { picture } from './support/picture.mjs';
import { staged } from './support/stage.mjs';

describe('settings and spend', () => {
  const stage = staged(desk, { args: ['--no-wake'] });

  /**
   * Opens the settings and their JSON.
   * @param {import('node:test').TestContext} t
   */
  async function editing(t) {
    const { page, context, witness } = await open(stage.server.origin, { path: '/settings', expects: [/status of 4(00|12)/] });
    t.after(() => context.close());
    await page.getByRole('group', { name: 'Show as' }).getByRole('button', { name: 'JSON' }).click();
    return { page, witness, field: page.getByRole('textbox', { name: /^org\.json/ }) };
  }

  test('org.json is changed with a look at what changes, and keeps what was not touched', async (t) => {
    const before = await stage.place.read('org.json');
    const { page, witness, field } = await editing(t);
    await field.fill(JSON.stringify({ ...before, name: 'The night desk' }, null, 2));
    await page.getByRole('button', { name: /Look and save/ }).click();
    const dialog = page.getByRole('dialog', { name: /Save org\.json/ });
    await dialog.getByText(/nothing is wrong/).waitFor();
    await accessible(page, 'saving');
    await picture(page, 'settings-save');
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual(await stage.place.read('org.json'), { ...before, name: 'The night desk' });
    await witness.clears();
  });

  test('settings that are wrong are told, and not saved', async (t) => {
    const before = await stage.place.read('org.json');
    const { page, witness, field } = await editing(t);
    await field.fill(JSON.stringify({ ...before, visibility: 'everything' }));
    await page.getByRole('button', { name: /Look and save/ }).click();
    const dialog = page.getByRole('dialog', { name: /Save org\.json/ });
    await dialog.getByText(/visibility/).first().waitFor();
    await page.waitForFunction(() => !document.querySelector('dialog .loading'));
    const save = dialog.getByRole('button', { name: 'Save', exact: true });
    assert.ok(await save.isDisabled());
    assert.deepEqual(await stage.place.read('org.json'), before);
    await witness.clears();
  });

  test('settings that somebody else changed meanwhile are not overwritten', async (t) => {
    const before = await stage.place.read('org.json');
    const { page, witness, field } = await editing(t);
    await field.fill(JSON.stringify({ ...before, name: 'Mine' }, null, 2));
    await stage.place.write('org.json', { ...before, name: 'Theirs' });
    await page.getByRole('button', { name: /Look and save/ }).click();
    const dialog = page.getByRole('dialog', { name: /Save org\.json/ });
    const save = dialog.getByRole('button', { name: 'Save', exact: true });
    // Either the check has told already, or saving does.
    if (await save.isVisible()) await save.click({ timeout: 3_000 }).catch(() => {});
    await dialog.getByRole('button', { name: /Compare with what is there now/ }).waitFor();
    assert.equal((await stage.place.read('org.json')).name, 'Theirs');
    await witness.clears();
  });

  test('what was spent is told apart, and the ledger is kept as a file', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/spend' });
    t.after(() => context.close());
    await picture(page, 'spend');
    await page.getByRole('tab', { name: 'Ledger' }).click();
    await page.getByRole('table', { name: 'Ledger' }).getByRole('row').nth(3).waitFor();
    const kept = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV' }).click();
    const text = await readFile(await (await kept).path(), 'utf8');
    const ours = await stage.place.says('credits', 'export');
    assert.equal(text.trim(), ours.trim(), 'it is what the command line exports');
    await accessible(page, 'the ledger');
    await witness.clears();
  });
});
