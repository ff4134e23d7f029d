/** What stands where content is missing: nothing there, not yet there, failed, cut off. */
import { html } from '../preact.js';
import { Icon } from '../icons.js';
import { visible } from '../text.js';
import { Button } from './button.js';

/**
 * There is nothing: says so, and what to do.
 * @param {{ icon?: import('../icons.js').IconName, title: string, children?: any, action?: any }} props
 */
export function Empty({ icon = 'info', title, children, action }) {
  return html`<div class="state">
    <div class="state-icon"><${Icon} name=${icon} size=${22} /></div>
    <p class="state-title">${title}</p>
    ${children ? html`<div class="state-text">${children}</div>` : null}${action ? html`<div class="row">${action}</div>` : null}
  </div>`;
}

/**
 * It is being loaded: quiet bars, told once to screen readers.
 * @param {{ label?: string, rows?: number }} props
 */
export function Loading({ label = 'Loading', rows = 4 }) {
  return html`<div class="loading" role="status">
    <span class="sr-only">${label}…</span>
    ${Array.from({ length: rows }, (_, i) => html`<div key=${i} class=${`skeleton skeleton-${i % 4}`} aria-hidden="true"></div>`)}
  </div>`;
}

/**
 * It failed: why, what to do, and a button that tries again.
 * @param {{ error: import('../api.js').ApiError, onRetry?: () => void, compact?: boolean }} props
 */
export function Failure({ error, onRetry, compact = false }) {
  const title = error.isUnreachable
    ? 'The server does not answer'
    : error.status === 403
      ? 'Your key does not allow this'
      : error.status === 404 || error.code === 'not_found'
        ? 'There is nothing here'
        : 'That did not work';
  return html`<div class=${`state state-bad ${compact ? 'state-compact' : ''}`} role="alert">
    <div class="state-icon"><${Icon} name=${error.isUnreachable ? 'offline' : 'problems'} size=${22} /></div>
    <p class="state-title">${title}</p>
    <div class="state-text">
      ${error.isUnreachable ? null : html`<p dir="auto">${visible(error.message)}</p>`}
      ${error.hint ? html`<p dir="auto">${visible(error.hint)}</p>` : null}
      ${error.requestId && error.status >= 500 ? html`<p class="quiet small">In the server's log: <code>${visible(error.requestId)}</code></p>` : null}
    </div>
    ${onRetry ? html`<${Button} icon="refresh" onClick=${onRetry}>Try again<//>` : null}
  </div>`;
}

/**
 * The states of something that is read; `children` draws it once it is there. What was read before stays while a new
 * read fails, with a line that says so.
 * @param {{
 *   of: { data: any, error: import('../api.js').ApiError | null, loading: boolean, reload: () => void },
 *   children: (data: any) => any, rows?: number, empty?: (data: any) => any,
 * }} props `empty` gives what to show instead, or null
 */
export function Loaded({ of, children, rows, empty }) {
  if (of.data === null || of.data === undefined) {
    if (of.error) return html`<${Failure} error=${of.error} onRetry=${of.reload} />`;
    return html`<${Loading} rows=${rows} />`;
  }
  const instead = empty?.(of.data);
  return html`${of.error
    ? html`<p class="stale" role="status"><${Icon} name="offline" size=${15} /> Not fresh: ${visible(of.error.message)}
        <button type="button" class="link" onClick=${of.reload}>Try again</button></p>`
    : null}${instead ?? children(of.data)}`;
}
