/** The kinds of changes, each drawn as it is best read. */
import { html, useState } from '../../lib/preact.js';
import { AgentChip, Badge, Hunks, JsonView, Line, MessageLine, Name, Table } from '../../lib/components/index.js';
import { credits, plural, size } from '../../lib/format.js';
import { visible } from '../../lib/text.js';

const TONES = /** @type {const} */ ({ added: 'ok', removed: 'bad', changed: 'info' });
const AT_ONCE = 50;

/** @param {{ change: string }} props */
function Change({ change }) {
  return html`<${Badge} tone=${TONES[/** @type {keyof typeof TONES} */ (change)] ?? 'quiet'}>${visible(change)}<//>`;
}

/**
 * A list that shows its beginning, and more when asked.
 * @param {{ items: any[], children: (item: any) => any }} props
 */
function Some({ items, children }) {
  const [most, setMost] = useState(AT_ONCE);
  return html`<div class="changes">${items.slice(0, most).map(children)}</div>
    ${items.length > most ? html`<button type="button" class="link more" onClick=${() => setMost(most + 4 * AT_ONCE)}>${plural(items.length - most, 'more', 'more')}</button>` : null}`;
}

/** @param {{ messages: any[] }} props */
export function Messages({ messages }) {
  return html`<${Some} items=${messages}>${(/** @type {any} */ message) => html`<${MessageLine} key=${message.id} message=${message} max=${400} />`}<//>`;
}

/** @param {{ changes: any[] }} props */
export function Agents({ changes }) {
  return html`<${Some} items=${changes}>
    ${(/** @type {any} */ one) => html`<div class="change" key=${one.agent}>
      <div class="change-head"><${AgentChip} name=${one.agent} /><${Change} change=${one.change} />
        ${one.paused ? html`<span class="quiet">${one.paused.after ? 'was paused' : 'goes on'}</span>` : null}</div>
      ${one.resume?.length ? html`<${Values} changes=${one.resume} />` : null}
    </div>`}
  <//>`;
}

/** @param {{ changes: any[] }} props */
export function Memories({ changes }) {
  return html`<${Some} items=${changes}>
    ${(/** @type {any} */ one) => html`<div class="change" key=${`${one.agent}/${one.key}`}>
      <div class="change-head"><${AgentChip} name=${one.agent} /><code><${Name} value=${one.key} /></code><${Change} change=${one.change} />${one.erased ? html`<${Badge} tone="warn">erased<//>` : null}</div>
      <${Values} changes=${one.value ?? []} />
    </div>`}
  <//>`;
}

/** @param {{ changes: any[] }} props */
export function Files({ changes }) {
  return html`<${Some} items=${changes}>
    ${(/** @type {any} */ one) => html`<div class="change" key=${one.path}>
      <div class="change-head"><code><${Line} value=${one.path} max=${160} /></code><${Change} change=${one.change} />
        <span class="quiet small nums">${one.before_bytes !== null && one.before_bytes !== undefined ? size(one.before_bytes) : 'nothing'} → ${one.after_bytes !== null && one.after_bytes !== undefined ? size(one.after_bytes) : 'nothing'}</span></div>
      ${one.lines?.length ? html`<${Hunks} hunks=${one.lines} label=${`What changed in ${visible(one.path)}`} />` : html`<p class="quiet small">It is no text, or too large to compare.</p>`}
    </div>`}
  <//>`;
}

/**
 * Values, each at its JSON pointer.
 * @param {{ changes: any[] }} props
 */
export function Values({ changes }) {
  return html`<${Some} items=${changes}>
    ${(/** @type {any} */ one) => html`<div class="change" key=${one.pointer}>
      ${one.pointer ? html`<code class="small"><${Line} value=${one.pointer} max=${200} /></code>` : null}
      ${one.lines?.length
        ? html`<${Hunks} hunks=${one.lines} />`
        : html`<div class=${`change-values ${one.before === undefined || one.after === undefined ? 'change-one' : ''}`}>
            ${one.before === undefined ? null : html`<${Side} value=${one.before} side="before" />`}${one.after === undefined ? null : html`<${Side} value=${one.after} side="after" />`}
          </div>`}
    </div>`}
  <//>`;
}

/** @param {{ value: unknown, side: 'before' | 'after' }} props */
function Side({ value, side }) {
  const isSimple = value === null || typeof value !== 'object';
  return html`<div class=${`change-side change-${side}`} tabindex="0" role="group" aria-label=${side === 'before' ? 'Before' : 'After'}>
    <span aria-hidden="true">${side === 'before' ? '− ' : '+ '}</span>${isSimple ? html`<span dir="auto">${visible(typeof value === 'string' ? value : JSON.stringify(value))}</span>` : html`<${JsonView} value=${value} open=${1} />`}
  </div>`;
}

/** @param {{ changes: any[], budget?: any }} props */
export function Accounts({ changes, budget }) {
  const rows = changes.map((one) => ({ ...one, by: (one.credits_left?.after ?? 0) - (one.credits_left?.before ?? 0) }));
  const columns = [
    { id: 'agent', title: 'Agent', width: 'minmax(130px, 2fr)', sort: (/** @type {any} */ r) => r.agent, cell: (/** @type {any} */ r) => html`<${AgentChip} name=${r.agent} />` },
    { id: 'before', title: 'Left before', number: true, wideOnly: true, cell: (/** @type {any} */ r) => credits(r.credits_left?.before) },
    { id: 'after', title: 'Left after', number: true, sort: (/** @type {any} */ r) => r.credits_left?.after, cell: (/** @type {any} */ r) => credits(r.credits_left?.after) },
    { id: 'charged', title: 'Charged', number: true, wideOnly: true, cell: (/** @type {any} */ r) => credits((r.charged?.after ?? 0) - (r.charged?.before ?? 0)) },
    { id: 'by', title: 'Change', number: true, sort: (/** @type {any} */ r) => r.by, cell: (/** @type {any} */ r) => html`<span class=${r.by < 0 ? 'tone-bad' : 'tone-ok'}>${r.by > 0 ? '+' : r.by < 0 ? '−' : ''}${credits(Math.abs(r.by))}</span>` },
  ];
  return html`<${Table} label="Accounts that changed" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ r) => r.agent} rowHeight=${40}
    foot=${budget ? html`All together: charged ${credits(budget.before?.charged ?? 0)} before, ${credits(budget.after?.charged ?? 0)} after, in the window of the budget.` : null} />`;
}
