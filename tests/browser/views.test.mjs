/** Every view: it shows what there is, breaks no rule, and axe finds nothing, on two screens, in light and dark. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible } from './support/axe.mjs';
import { closeBrowser, desktop, open, phone, visit } from './support/browser.mjs';
import { crowd, desk, empty } from './support/organisations.mjs';
import { ground } from './support/place.mjs';
import { Server } from './support/server.mjs';
import { views } from './support/views.mjs';

const screens = [
  { name: 'on a desktop, light', viewport: desktop, colorScheme: /** @type {const} */ ('light') },
  { name: 'on a desktop, dark', viewport: desktop, colorScheme: /** @type {const} */ ('dark') },
  { name: 'on a phone, light', viewport: phone, colorScheme: /** @type {const} */ ('light') },
  { name: 'on a phone, dark', viewport: phone, colorScheme: /** @type {const} */ ('dark') },
];

describe('every view', () => {
  /** @type {Awaited<ReturnType<typeof ground>>} */
  let land;
  before(async () => {
    land = await ground();
  });
  after(async () => {
    await closeBrowser();
    await land.remove();
  });

  for (const found of [desk, empty, crowd]) {
    describe(`of the organisation ${found.name}`, () => {
      /** @type {Server} */
      let server;
      /** @type {string[]} */
      let paths;
      before(async () => {
        const place = await found(land.folder);
        server = await Server.start(place.store);
        paths = await views(place);
      });
      after(() => server?.stop());

      for (const { name, ...screen } of screens) {
        test(name, async (t) => {
          const { page, context, witness } = await open(server.origin, screen);
          t.after(() => context.close());
          for (const path of paths) {
            await t.test(path, async () => {
              await visit(page, path);
              const failures = await page.locator('main .state-bad').allInnerTexts();
              assert.deepEqual(failures, [], 'it shows a failure');
              assert.equal(await page.locator('h1').count(), 1, 'it has one title');
              await accessible(page, `${path} ${name}`);
              await witness.clears();
            });
          }
          const slow = await page.evaluate(() => /** @type {any} */ (window).__longTasks.filter((ms) => ms > 200));
          if (slow.length) t.diagnostic(`tasks of ${slow.join(', ')} ms`);
        });
      }
    });
  }
});
