/** Changes of a text as the API gives them: pieces, each with the lines around it. */
import { html } from '../preact.js';
import { plural } from '../format.js';
import { visible } from '../text.js';

/** @typedef {{ old_start: number, old_lines: number, new_start: number, new_lines: number, lines: { sign: string, text: string }[] }} Hunk */

const AT_ONCE = 600;

/** @param {{ hunks: Hunk[], label?: string }} props */
export function Hunks({ hunks, label = 'What changed' }) {
  let left = AT_ONCE;
  const total = hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  return html`<figure class="diff">
    <div class="diff-lines" tabindex="0" role="group" aria-label=${label}>
      ${hunks.map((hunk, n) => {
        let before = hunk.old_start;
        let after = hunk.new_start;
        const shown = hunk.lines.slice(0, Math.max(0, left));
        left -= shown.length;
        return html`<div key=${n} class="diff-gap">
          ${shown.map((line, i) => {
            const isAdded = line.sign === '+';
            const isRemoved = line.sign === '-';
            return html`<div key=${i} class=${`diff-line ${isAdded ? 'diff-added' : isRemoved ? 'diff-removed' : ''}`}>
              <span class="diff-number" aria-hidden="true">${isAdded ? '' : before++}</span><span class="diff-number" aria-hidden="true">${isRemoved ? '' : after++}</span>
              <span class="diff-sign">${isAdded ? html`<span class="sr-only">added </span>+` : isRemoved ? html`<span class="sr-only">removed </span>−` : ' '}</span>
              <span class="diff-text" dir="auto">${visible(line.text)}</span>
            </div>`;
          })}
        </div>`;
      })}
      ${total > AT_ONCE ? html`<p class="quiet">${plural(total - AT_ONCE, 'more line')}</p>` : null}
    </div>
  </figure>`;
}
