/** Talking: messages found, filtered, written and answered; conversations; chat. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { open, phone, settled, visit } from './support/browser.mjs';
import { desk } from './support/organisations.mjs';
import { picture } from './support/picture.mjs';
import { Server } from './support/server.mjs';
import { staged } from './support/stage.mjs';

describe('talking', () => {
  const stage = staged(desk);

  test('messages are searched and filtered, and the address keeps what was looked for', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/messages' });
    t.after(() => context.close());
    await picture(page, 'messages');
    const feed = page.getByRole('feed');
    const all = await feed.getByRole('article').count();
    assert.ok(all > 5);
    await page.keyboard.press('/');
    await page.keyboard.type('billing service');
    await page.waitForFunction(() => location.hash.includes('text=billing'));
    await settled(page);
    // Words are found in everything that a message carries, so that not each shows them.
    const found = await feed.getByRole('article').allInnerTexts();
    assert.ok(found.length > 0 && found.length < all, `${found.length} of ${all}`);
    assert.ok(found.some((words) => /billing/i.test(words)));
    await page.reload();
    await settled(page);
    assert.equal(await page.getByRole('searchbox', { name: /Search messages/ }).inputValue(), 'billing service');
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.getByRole('button', { name: /^Filters/ }).click();
    await page.getByLabel('From', { exact: true }).selectOption('critic');
    await page.getByLabel('Kind', { exact: true }).selectOption('response');
    await page.waitForFunction(() => location.hash.includes('from=critic'));
    await settled(page);
    for (const words of await feed.getByRole('article').allInnerTexts()) assert.match(words, /critic/);
    await accessible(page, 'filters');
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await feed.getByRole('article').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.hash.startsWith('#/threads/'));
    await settled(page);
    await witness.clears();
  });

  test('a person writes to two agents, and what is missing is told before', async (t) => {
    const own = await stage.place.copy('written');
    const other = await Server.start(own.store, { args: ['--no-wake'] });
    t.after(() => other.stop());
    const { page, context, witness } = await open(other.origin, { path: '/messages' });
    t.after(() => context.close());
    await page.getByRole('button', { name: /write/i }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Write a message' });
    await dialog.getByRole('button', { name: 'Send' }).click();
    await dialog.getByText('Choose whom it is for.').waitFor();
    await accessible(page, 'writing');
    for (const name of ['editor', 'critic']) {
      await dialog.getByLabel('Add an agent').fill(name);
      await page.keyboard.press('Enter');
    }
    await dialog.getByLabel('Text').fill('Is <b>anything</b> the matter?');
    await dialog.getByLabel('Importance').selectOption('high');
    await picture(page, 'compose');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await dialog.waitFor({ state: 'detached' });
    await own.says('tick');
    const { messages } = await own.json('messages', 'matter');
    const sent = messages.find((message) => message.from === 'human');
    assert.deepEqual([sent.to, sent.text, sent.importance], [['editor', 'critic'], 'Is <b>anything</b> the matter?', 'high']);
    // It comes into the list by itself.
    await page.getByText('Is <b>anything</b> the matter?').first().waitFor();
    await witness.clears();
  });

  test('a conversation is shown as it went, and answered', async (t) => {
    const own = await stage.place.copy('answered');
    const other = await Server.start(own.store, { args: ['--no-wake'] });
    t.after(() => other.stop());
    const { messages } = await own.json('messages', '--limit', '100');
    const answer = messages.find((message) => message.from === 'editor' && message.to?.includes('human'));
    const { page, context, witness } = await open(other.origin, { path: `/threads/${answer.thread_id ?? answer.id}` });
    t.after(() => context.close());
    await accessible(page, 'a conversation');
    await picture(page, 'thread');
    await page.getByRole('button', { name: /answer|reply/i }).last().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Text').fill('Thank you.');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await dialog.waitFor({ state: 'detached' });
    await own.says('tick');
    const said = (await own.json('messages', '--limit', '100')).messages.find((message) => message.text === 'Thank you.');
    assert.ok(said.reply_to, 'it answers a message');
    await witness.clears();
  });

  test('chat: what is said is answered in place, while one looks on', async (t) => {
    const own = await stage.place.copy('chatted');
    const other = await Server.start(own.store);
    t.after(() => other.stop());
    const { page, context, witness } = await open(other.origin, { path: '/chat/editor' });
    t.after(() => context.close());
    const field = page.getByRole('textbox').last();
    await field.fill('Hello');
    await accessible(page, 'chat');
    await page.keyboard.press('Enter');
    await page.getByText('Send me a question, or a decision that you face').last().waitFor({ timeout: 30_000 });
    await picture(page, 'chat');
    await witness.clears();
  });

  test('on a phone one writes, too', async (t) => {
    const { page, context, witness } = await open(stage.server.origin, { path: '/messages', viewport: phone });
    t.after(() => context.close());
    await picture(page, 'messages-phone');
    await page.getByRole('button', { name: /write/i }).first().click();
    await page.getByRole('dialog', { name: 'Write a message' }).waitFor();
    await accessible(page, 'writing on a phone');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await visit(page, '/chat/editor');
    await accessible(page, 'chat on a phone');
    await witness.clears();
  });
});
