/** Chromium, and pages in it that notice whatever must not happen. */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { elsewhere } from './hostile.mjs';
import { installed } from './packages.mjs';

/** @type {import('playwright-core')} */
const { chromium } = installed('playwright-core');

/** The sizes of the two screens that everything is tried on. */
export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];

/** @type {Promise<import('playwright-core').Browser> | null} */
let running = null;

/** The browser, started once. */
export function browser() {
  running ??= executable().then((executablePath) => chromium.launch({ executablePath, args, headless: true, env: libraries() }));
  return running;
}

/** Ends the browser, if it was started. */
export async function closeBrowser() {
  await (await running)?.close();
  running = null;
}

/** The program: named by the script that installs it, or one of this machine. */
async function executable() {
  if (process.env.LEMMING_CHROMIUM) return process.env.LEMMING_CHROMIUM;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (await access(path).then(() => true, () => false)) return path;
    }
  }
  throw new Error('there is no Chromium here: localstack/browser.sh installs one');
}

function libraries() {
  const { LEMMING_CHROMIUM_LIBRARIES: path, ...rest } = process.env;
  return path ? { ...rest, LD_LIBRARY_PATH: path } : rest;
}

/**
 * Opens a page that is watched from before its first byte.
 * @param {string} origin of the server
 * @param {{ path?: string, viewport?: { width: number, height: number }, colorScheme?: 'light' | 'dark', key?: string, expects?: RegExp[] }} [options]
 *   `expects`: what may stand on the console, such as the status of a refused request
 */
export async function open(origin, options = {}) {
  const { path = '/', viewport = desktop, colorScheme = 'light', key, expects = [] } = options;
  const context = await (await browser()).newContext({
    viewport,
    colorScheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
    hasTouch: viewport.width < 600,
    acceptDownloads: true,
  });
  context.setDefaultTimeout(Number(process.env.LEMMING_TEST_PATIENCE_MS ?? 20_000));
  if (key) await context.addInitScript((kept) => sessionStorage.setItem('lemming.key', kept), key);
  await context.addInitScript(() => {
    const seen = /** @type {any} */ (window);
    seen.__violations = [];
    seen.__longTasks = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      seen.__violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
    });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.__longTasks.push(Math.round(entry.duration));
    }).observe({ type: 'longtask', buffered: true });
  });
  const page = await context.newPage();
  const witness = new Witness(page, origin, expects);
  await page.goto(`${origin}/#${path}`);
  await settled(page);
  return { page, context, witness };
}

/**
 * Goes to another view of the same page.
 * @param {import('playwright-core').Page} page
 * @param {string} path such as `/agents`
 */
export async function visit(page, path) {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#${path}`);
  await settled(page);
}

/**
 * Waits until the view has loaded what it shows.
 * @param {import('playwright-core').Page} page
 */
export async function settled(page) {
  await page.waitForSelector('#app main');
  await page.waitForFunction(() => document.querySelector('#app h1') && !document.querySelector('#app .loading, #app [aria-busy=true]'));
  // Two frames: what a signal changed is drawn in the next one.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null)))));
}

/** Writes down all that a page does which no page of ours may do. */
class Witness {
  /** @type {string[]} */
  #faults = [];
  #page;

  /**
   * @param {import('playwright-core').Page} page
   * @param {string} origin
   * @param {RegExp[]} expects
   */
  constructor(page, origin, expects) {
    this.#page = page;
    const fault = (/** @type {string} */ text) => this.#faults.push(text);
    page.on('dialog', (dialog) => {
      fault(`a dialog opened: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('popup', (popup) => fault(`a window opened: ${popup.url()}`));
    page.on('pageerror', (error) => fault(`an error was not caught: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error' || expects.some((pattern) => pattern.test(message.text()))) return;
      fault(`the console says: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { protocol, origin: to } = new URL(request.url());
      const isOwn = to === origin || protocol === 'data:' || protocol === 'blob:';
      if (!isOwn) fault(`it asked another server: ${request.url()}`);
    });
    page.on('framenavigated', (frame) => {
      if (frame !== page.mainFrame() || new URL(frame.url()).origin !== origin) fault(`it went to ${frame.url()}`);
    });
  }

  /** Fails if anything happened since it was last asked, or stands in the document, that must not. */
  async clears() {
    const inside = await this.#page.evaluate(inspect, elsewhere);
    assert.deepEqual([...this.#faults.splice(0), ...inside], [], `at ${this.#page.url()}`);
  }
}

/**
 * Runs in the page: what is wrong with the document as it stands.
 * @param {string} elsewhere
 */
function inspect(elsewhere) {
  const seen = /** @type {any} */ (window);
  /** @type {string[]} */
  const faults = seen.__violations.splice(0).map((/** @type {string} */ text) => `the policy was violated: ${text}`);
  if (seen.__pwned !== undefined) faults.push(`a text ran as a program: ${seen.__pwned}`);
  if (/** @type {any} */ ({}).polluted !== undefined) faults.push('the prototype of all objects was changed');
  const never = 'script:not([src]), iframe, frame, object, embed, base, meta[http-equiv], style, animate, set, portal, body link, body script';
  for (const element of document.querySelectorAll(never)) faults.push(`there is ${element.outerHTML.slice(0, 200)}`);
  const addresses = ['href', 'src', 'action', 'formaction', 'xlink:href', 'srcset', 'poster', 'data', 'srcdoc', 'background'];
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) faults.push(`a handler in an attribute: ${element.tagName} ${name}`);
      if (!addresses.includes(name.toLowerCase())) continue;
      const url = new URL(value, location.href);
      const isLink = element.tagName === 'A' && name === 'href';
      const isOwn = url.origin === location.origin || url.protocol === 'blob:' || (url.protocol === 'data:' && element.tagName === 'IMG');
      if (isOwn) continue;
      if (!isLink) faults.push(`${element.tagName} ${name} leads to ${value.slice(0, 200)}`);
      else if (!['http:', 'https:', 'mailto:'].includes(url.protocol)) faults.push(`a link runs: ${value.slice(0, 200)}`);
      else if (url.username || url.password) faults.push(`a link hides where it leads: ${value.slice(0, 200)}`);
      else if (!/noopener|noreferrer/.test(element.getAttribute('rel') ?? '')) faults.push(`a link out hands over the window: ${value.slice(0, 200)}`);
      else if (!(element.parentElement?.textContent ?? '').includes(url.host) && url.host.includes(elsewhere)) {
        faults.push(`a link does not say where it leads: ${value.slice(0, 200)}`);
      }
    }
  }
  const turned = /[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/.exec(document.body.innerText + document.title);
  if (turned) faults.push(`a character that hides or turns text is shown: U+${turned[0].charCodeAt(0).toString(16)}`);
  if (/\p{M}{12}/u.test(document.body.innerText)) faults.push('a pile of marks is shown whole');
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push(`the page is wider than its window: ${scrollWidth} > ${clientWidth}`);
  return faults;
}
