/** The watch over every page sees what it is there to see. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { open } from './support/browser.mjs';
import { empty } from './support/organisations.mjs';
import { staged } from './support/stage.mjs';

/** What a page must not do, and the words with which it is told. A handler in an attribute cannot be tried: the page's policy lets no script set one. */
const deeds = /** @type {Record<string, [(() => unknown), RegExp]>} */ ({
  'a dialog': [() => setTimeout(() => alert('pwned'), 0), /a dialog opened/],
  'an error': [() => setTimeout(() => { throw new Error('pwned'); }, 0), /an error was not caught/],
  'a word on the console': [() => console.error('pwned'), /the console says/],
  'a request to another server': [() => void fetch('http://pwned.invalid/').catch(() => {}), /policy was violated: connect-src/],
  'a text that ran': [() => (/** @type {any} */ (window).__pwned = 'here'), /a text ran as a program/],
  'a changed prototype': [() => (/** @type {any} */ (Object.prototype).polluted = true), /prototype of all objects/],
  'a picture of another server': [() => Object.assign(document.body.appendChild(new Image()), { src: 'http://pwned.invalid/x.png' }), /IMG src leads to/],
  'a frame': [() => document.body.append(document.createElement('iframe')), /there is <iframe/],
  'a link that runs': [() => Object.assign(document.body.appendChild(document.createElement('a')), { href: 'javascript:void 0' }), /a link runs/],
  'a link that hides where it leads': [
    () => Object.assign(document.body.appendChild(document.createElement('a')), { href: 'http://trusted@pwned.invalid/', rel: 'noopener' }),
    /hides where it leads/,
  ],
  'a link that hands over the window': [() => Object.assign(document.body.appendChild(document.createElement('a')), { href: 'http://pwned.invalid/' }), /hands over the window/],
  'text that is turned': [() => document.querySelector('main')?.append('\u202egpj.exe'), /hides or turns text/],
  'a pile of marks': [() => document.querySelector('main')?.append(`Z${'\u0301'.repeat(40)}`), /a pile of marks/],
});

describe('the watch over a page', () => {
  const stage = staged(empty);

  for (const [what, [deed, told]] of Object.entries(deeds)) {
    test(`sees ${what}`, async (t) => {
      const { page, context, witness } = await open(stage.server.origin);
      t.after(() => context.close());
      await witness.clears();
      await page.evaluate(deed);
      // One more turn of the page's own clock: what it was told to do a moment later has happened then.
      await page.evaluate(() => new Promise((done) => setTimeout(done, 50)));
      await assert.rejects(witness.clears(), (/** @type {Error} */ error) => {
        assert.match(error.message, told);
        return true;
      });
    });
  }
});
