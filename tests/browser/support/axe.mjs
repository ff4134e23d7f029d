/** axe-core: what a screen reader, or somebody who sees little, would stumble over. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { installed } from './packages.mjs';

const source = readFileSync(installed.resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Fails on every finding that axe calls serious or critical.
 * @param {import('playwright-core').Page} page
 * @param {string} what is looked at, for the message
 */
export async function accessible(page, what) {
  // The page's policy forbids scripts of others: axe comes in through the debugger, which no policy concerns.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
  const findings = await page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((/** @type {any} */ v) => v.impact === 'serious' || v.impact === 'critical')
      .map((/** @type {any} */ v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 5).map((/** @type {any} */ n) => `${n.target.join(' ')} (${(n.any[0] ?? n.all[0] ?? n.none[0])?.message ?? ''})`).join('; ')}`);
  });
  assert.deepEqual(findings, [], what);
}
