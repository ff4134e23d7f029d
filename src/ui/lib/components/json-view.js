/** JSON as a tree that opens and closes, with hostile text made visible and huge values cut. */
import { html, useState } from '../preact.js';
import { visible } from '../text.js';
import { plural } from '../format.js';
import { useCut } from './text.js';

const AT_ONCE = 100;

/**
 * @param {{ value: unknown, open?: number, label?: string }} props `open`: how many levels are open at first
 */
export function JsonView({ value, open = 2, label = 'JSON' }) {
  return html`<div class="json" tabindex="0" role="group" aria-label=${label}><${Value} value=${value} open=${open} /></div>`;
}

/** @param {{ value: unknown, open: number }} props */
function Value({ value, open }) {
  if (value === null || typeof value !== 'object') return html`<${Scalar} value=${value} />`;
  return html`<${Branch} value=${value} open=${open} />`;
}

/** @param {{ value: object, open: number }} props */
function Branch({ value, open }) {
  const [isOpen, setOpen] = useState(open > 0);
  const [limit, setLimit] = useState(AT_ONCE);
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const [left, right] = isList ? '[]' : '{}';
  if (entries.length === 0) return html`<span class="json-mark">${left}${right}</span>`;
  return html`<button type="button" class="json-fold" aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)}>
      ${left}${isOpen ? null : html`<span class="quiet"> ${plural(entries.length, isList ? 'item' : 'field')} </span>${right}`}
    </button>
    ${isOpen
      ? html`<div class="json-inner">
            ${entries.slice(0, limit).map(
              ([name, inner]) => html`<div key=${name} class="json-line">
                ${isList ? null : html`<span class="json-key"><bdi>${visible(name)}</bdi>:</span> `}<${Value} value=${inner} open=${open - 1} />
              </div>`,
            )}
            ${entries.length > limit
              ? html`<button type="button" class="link" onClick=${() => setLimit(limit + 10 * AT_ONCE)}>${plural(entries.length - limit, 'more', 'more')}</button>`
              : null}
          </div>
          <span class="json-mark">${right}</span>`
      : null}`;
}

/** @param {{ value: unknown }} props */
function Scalar({ value }) {
  const { shown, more } = useCut(typeof value === 'string' ? value : JSON.stringify(value) ?? 'null', 2_000);
  if (typeof value === 'string') return html`<span class="json-text" dir="auto">${`"${visible(shown)}"`}</span>${more}`;
  return html`<span class=${`json-${value === null ? 'null' : typeof value}`}>${shown}</span>`;
}
