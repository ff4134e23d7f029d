/** What stands while the tests of a file run: an organisation in a folder of its own, and its server. */
import { after, before } from 'node:test';
import { closeBrowser } from './browser.mjs';
import { ground } from './place.mjs';
import { Server } from './server.mjs';

/**
 * Sets a stage for the tests of the block that this is called in, and takes it down after them.
 * @param {(folder: string) => Promise<import('./place.mjs').Place>} make makes the organisation
 * @param {Parameters<typeof Server.start>[1]} [options] how it is served
 * @returns {{ folder: string, place: import('./place.mjs').Place, server: Server }} all stand once the first test runs
 */
export function staged(make, options) {
  const stage = /** @type {{ folder: string, place: import('./place.mjs').Place, server: Server }} */ ({});
  /** @type {Awaited<ReturnType<typeof ground>>} */
  let land;
  before(async () => {
    land = await ground();
    stage.folder = land.folder;
    stage.place = await make(land.folder);
    stage.server = await Server.start(stage.place.store, options);
  });
  after(async () => {
    await closeBrowser();
    await stage.server?.stop();
    await land?.remove();
  });
  return stage;
}
