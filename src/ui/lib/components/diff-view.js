/** What changed between two texts, line by line (Myers), as one column with signs, not by colour alone. */
import { html, useMemo, useState } from '../preact.js';
import { diffLines } from '../line-diff.js';
import { visible } from '../text.js';
import { plural } from '../format.js';

const AROUND = 3;
const AT_ONCE = 800;

/**
 * @param {{ before: string, after: string, label?: string }} props
 */
export function DiffView({ before, after, label = 'What changes' }) {
  const [isWhole, setWhole] = useState(false);
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  const added = lines.filter((line) => line.sign === '+').length;
  const removed = lines.filter((line) => line.sign === '-').length;
  if (!added && !removed) return html`<p class="quiet">Nothing changes.</p>`;
  const shown = isWhole ? lines : lines.filter((_, i) => near(lines, i));
  return html`<figure class="diff">
    <figcaption class="diff-head">
      <span class="tone-ok">+${added}</span> <span class="tone-bad">−${removed}</span>
      <span class="sr-only">${plural(added, 'line')} added, ${plural(removed, 'line')} removed</span>
      <button type="button" class="link" onClick=${() => setWhole(!isWhole)}>${isWhole ? 'Only what changes' : 'The whole text'}</button>
    </figcaption>
    <div class="diff-lines" tabindex="0" role="group" aria-label=${label}>
      ${shown.slice(0, AT_ONCE).map(
        (line, i) => html`<div
          key=${i}
          class=${`diff-line ${line.sign === '+' ? 'diff-added' : line.sign === '-' ? 'diff-removed' : ''} ${i > 0 && follows(shown[i - 1], line) ? '' : 'diff-gap'}`}
        >
          <span class="diff-number" aria-hidden="true">${line.old ?? ''}</span><span class="diff-number" aria-hidden="true">${line.new ?? ''}</span>
          <span class="diff-sign">${line.sign === '+' ? html`<span class="sr-only">added </span>+` : line.sign === '-' ? html`<span class="sr-only">removed </span>−` : ' '}</span>
          <span class="diff-text" dir="auto">${visible(line.text)}</span>
        </div>`,
      )}
      ${shown.length > AT_ONCE ? html`<p class="quiet">${plural(shown.length - AT_ONCE, 'more line')}</p>` : null}
    </div>
  </figure>`;
}

/**
 * @param {import('../line-diff.js').DiffLine[]} lines
 * @param {number} here
 */
function near(lines, here) {
  for (let i = Math.max(0, here - AROUND); i <= Math.min(lines.length - 1, here + AROUND); i += 1) {
    if (lines[i].sign !== ' ') return true;
  }
  return false;
}

/**
 * @param {import('../line-diff.js').DiffLine} before
 * @param {import('../line-diff.js').DiffLine} line
 */
function follows(before, line) {
  const isNext = (/** @type {number | null} */ a, /** @type {number | null} */ b) => a === null || b === null || b === a + 1;
  return isNext(before.old, line.old) && isNext(before.new, line.new);
}
