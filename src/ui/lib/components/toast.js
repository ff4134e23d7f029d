/** Short notices at the foot of the page, told to screen readers as well. */
import { html } from '../preact.js';
import { ApiError } from '../api.js';
import { signal, useSignal } from '../store.js';
import { visible } from '../text.js';
import { Button } from './button.js';
import { Icon } from '../icons.js';

/** @typedef {{ id: number, tone: 'ok' | 'bad' | 'info', text: string, hint?: string }} Notice */

const notices = signal(/** @type {Notice[]} */ ([]));
let numbers = 0;
const SHOWN_MS = 6_000;

/**
 * Says something; a failure stays until it is put away.
 * @param {string} text
 * @param {'ok' | 'bad' | 'info'} [tone]
 * @param {string} [hint]
 */
export function say(text, tone = 'ok', hint) {
  const id = (numbers += 1);
  notices.value = [...notices.peek().slice(-3), { id, tone, text, hint }];
  if (tone !== 'bad') setTimeout(() => dismiss(id), SHOWN_MS);
}

/**
 * Says why something failed.
 * @param {unknown} error
 */
export function sayError(error) {
  const failure = ApiError.from(error);
  say(failure.message, 'bad', failure.hint);
}

/** @param {number} id */
function dismiss(id) {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
}

export function Toasts() {
  const shown = useSignal(notices);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(
      (notice) => html`<div key=${notice.id} class=${`toast toast-${notice.tone}`}>
        <${Icon} name=${notice.tone === 'bad' ? 'problems' : notice.tone === 'ok' ? 'check' : 'info'} />
        <div class="grow">
          <div dir="auto">${visible(notice.text)}</div>
          ${notice.hint ? html`<div class="small quiet" dir="auto">${visible(notice.hint)}</div>` : null}
        </div>
        <${Button} kind="ghost" small icon="close" label="Put away" onClick=${() => dismiss(notice.id)} />
      </div>`,
    )}
  </div>`;
}
