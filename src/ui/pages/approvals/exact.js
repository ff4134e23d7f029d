/** What stands in an approval word for word: arguments, results, hashes. */
import { html } from '../../lib/preact.js';
import { Button, say } from '../../lib/components/index.js';
import { useCut } from '../../lib/components/text.js';
import { pretty } from '../../lib/exact-json.js';
import { visible } from '../../lib/text.js';

/** Shown at once, in characters. All of it can be had: nobody says yes to what they could not read. */
const AT_ONCE = 20_000;

/**
 * A JSON value as text, exactly; long ones scroll.
 * @param {{ value: unknown, label: string, isShort?: boolean }} props
 */
export function ExactJson({ value, label, isShort = false }) {
  const { shown, more } = useCut(typeof value === 'string' ? value : pretty(value), AT_ONCE);
  return html`<div class="exact">
    <pre class=${`exact-text ${isShort ? 'exact-short' : ''}`} tabindex="0" role="group" aria-label=${label}><code dir="auto">${visible(shown)}</code></pre>
    ${more}
  </div>`;
}

/**
 * A hash: its beginning, with the whole to copy.
 * @param {{ sha: string }} props
 */
export function Hash({ sha }) {
  const copy = () => navigator.clipboard?.writeText(sha).then(() => say('The hash is copied'), () => say('The browser does not let it be copied', 'bad'));
  return html`<span class="hash"><span class="quiet">sha256</span> <code title=${visible(sha)}>${visible(sha.slice(0, 16))}…</code>
    <${Button} kind="ghost" small icon="copy" label="Copy the whole hash" onClick=${copy} /></span>`;
}

/**
 * Who gave an answer.
 * @param {unknown} by a name, or an object that has one
 */
export function author(by) {
  if (typeof by === 'string') return visible(by);
  if (by && typeof by === 'object') {
    const name = /** @type {Record<string, unknown>} */ (by).name ?? Object.values(by)[0];
    if (typeof name === 'string') return visible(name);
  }
  return '';
}
