/** The screenshots of the README and of the documentation, taken anew only when asked for. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './packages.mjs';

/**
 * Takes one into `docs/images/`, where `UPDATE_IMAGES=1` says so.
 * @param {import('playwright-core').Page} page
 * @param {string} name without its ending
 */
export async function picture(page, name) {
  if (process.env.UPDATE_IMAGES !== '1') return;
  const folder = join(root, 'docs/images');
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', caret: 'hide', scale: 'css' });
}
