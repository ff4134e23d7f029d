/** What stands in an approval word for word: arguments, results, hashes. */
import { html, useMemo, useState } from '../../lib/preact.js';
import { Button, JsonView, say } from '../../lib/components/index.js';
import { useCut } from '../../lib/components/text.js';
import { pretty } from '../../lib/exact-json.js';
import { visible } from '../../lib/text.js';

/** Shown at once, in characters. All of it can be had: nobody says yes to what they could not read. */
const AT_ONCE = 20_000;

/**
 * A JSON value as text, exactly; long ones scroll. Where a text in it has several lines it can be read as such, too.
 * @param {{ value: unknown, label: string, isShort?: boolean }} props
 */
export function ExactJson({ value, label, isShort = false }) {
  const [isTree, setTree] = useState(false);
  const text = typeof value === 'string' ? value : pretty(value);
  const plain = useMemo(() => (typeof value === 'object' && text.includes('\\n') ? plainly(text) : null), [text]);
  const { shown, more } = useCut(text, AT_ONCE);
  return html`<div class="exact">
    ${plain === null
      ? null
      : html`<div class="row row-tight exact-ways" role="group" aria-label="Show as">
          <${Button} small pressed=${!isTree} onClick=${() => setTree(false)}>As it is sent<//><${Button} small pressed=${isTree} onClick=${() => setTree(true)}>With line breaks<//></div>`}
    ${isTree && plain !== null
      ? html`<${JsonView} value=${plain} open=${6} label=${label} />`
      : html`<pre class=${`exact-text ${isShort ? 'exact-short' : ''}`} tabindex="0" role="group" aria-label=${label}><code dir="auto">${visible(shown)}</code></pre>${more}`}
  </div>`;
}

/**
 * The value for the tree; null where that would round a number of it.
 * @param {string} text
 */
function plainly(text) {
  const value = JSON.parse(text);
  return JSON.stringify(value, null, 2) === text ? value : null;
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
