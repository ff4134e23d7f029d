/** Components that show text which others wrote. Nothing else may show it. */
import { html, useState } from '../preact.js';
import { count, size } from '../format.js';
import { cut, line, visible } from '../text.js';

/**
 * A name of an agent, a model, a tool or an organisation, isolated from the direction of what stands around it.
 * @param {{ value: unknown, class?: string }} props
 */
export function Name({ value, class: className = '' }) {
  const shown = line(value, 80);
  return html`<bdi class=${`name ${className}`} title=${shown.endsWith('…') ? line(value, 600) : undefined}>${shown}</bdi>`;
}

/**
 * One line of a text, cut.
 * @param {{ value: unknown, max?: number, class?: string }} props
 */
export function Line({ value, max = 200, class: className = '' }) {
  return html`<span dir="auto" class=${`line ${className}`}>${line(value, max)}</span>`;
}

/**
 * A whole text with its line breaks; what is huge is cut, with a button that shows more.
 * @param {{ value: unknown, max?: number, mono?: boolean }} props `max` in characters
 */
export function Text({ value, max = 4_000, mono = false }) {
  const text = typeof value === 'string' ? value : value === null || value === undefined ? '' : String(value);
  const { shown, more } = useCut(text, max);
  return html`<div class=${mono ? 'text text-mono' : 'text'}>
    <div dir="auto" class="text-body">${visible(shown)}</div>
    ${more}
  </div>`;
}

/** Shown at once at most, in characters, even when all was asked for: more would stall the browser. */
const MOST = 400_000;

/**
 * The beginning of a text, and the button that shows more of it.
 * @param {string} text
 * @param {number} max
 */
export function useCut(text, max) {
  const [isWhole, setWhole] = useState(false);
  const limit = isWhole ? MOST : max;
  // A little more than the limit is shown rather than a button for two words.
  if (text.length <= limit * 1.1) {
    const more = isWhole ? html`<button type="button" class="link more" onClick=${() => setWhole(false)}>Show less</button>` : null;
    return { shown: text, more };
  }
  const rest = text.length - limit;
  const more = isWhole
    ? html`<p class="quiet small">The rest (${count(rest)} characters) is too much for a page.</p>`
    : html`<button type="button" class="link more" onClick=${() => setWhole(true)}>
        Show all <span class="quiet">(${size(text.length)})</span>
      </button>`;
  return { shown: cut(text, limit), more };
}
