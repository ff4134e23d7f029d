/** The step that says whom an agent reads, to whom it speaks, and which tools it has; with a picture of both. */
import { html } from '../../lib/preact.js';
import { Badge, Check } from '../../lib/components/index.js';
import { lettersOf } from '../../lib/components/letters.js';
import { words } from '../../lib/format.js';
import { line } from '../../lib/text.js';
import { Names } from './names.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {import('../../lib/types.js').Agent} Agent */

const EFFECTS = /** @type {Record<string, 'quiet' | 'warn' | 'info'>} */ ({ reads: 'quiet', writes: 'info', runs: 'warn', outside: 'warn' });

/**
 * @param {{ draft: Draft, change: (patch: Partial<Draft>) => void, agents: Agent[], tools: any[] }} props
 */
export function PermissionsStep({ draft, change, agents, tools }) {
  const options = agents.map((agent) => ({ name: agent.name, about: agent.title }));
  const permitted = [...new Map(tools.map((tool) => [tool.permission, tool])).values()];
  return html`
    <div class="permissions">
      <div class="stack">
        <section class="stack-tight"><h3>Reads</h3>
          <${Check} label="Everybody" checked=${draft.readsAll} onChange=${(/** @type {boolean} */ readsAll) => change({ readsAll })} hint="Also agents that are made later." />
          ${draft.readsAll ? null : html`<${Names} label="Whom it reads" options=${options} chosen=${draft.reads} onChange=${(/** @type {string[]} */ reads) => change({ reads })} none="There is no other agent yet." />`}
          ${!draft.readsAll && !draft.reads.length ? html`<p class="small quiet">It reads nobody: only people and hooks reach it.</p>` : null}
        </section>
        <section class="stack-tight"><h3>Speaks to</h3>
          <${Check} label="Anyone who reads it" checked=${draft.sendsTo === 'anyone'} onChange=${(/** @type {boolean} */ any) => change({ sendsTo: any ? 'anyone' : 'named' })} hint="People are always reached." />
          ${draft.sendsTo === 'anyone' ? null : html`<${Names} label="To whom it speaks" options=${options} chosen=${draft.sends} onChange=${(/** @type {string[]} */ sends) => change({ sends })} none="There is no other agent yet." />`}
        </section>
        <section class="stack-tight"><h3>Tools</h3>
          <${Names} label="Tools that it may call" chosen=${draft.tools} onChange=${(/** @type {string[]} */ chosen) => change({ tools: chosen })} none="There are no tools."
            options=${permitted.map((tool) => ({ name: tool.permission, about: tool.description, mark: html`<span class="row row-tight">${tool.reach ? html`<${Badge} tone=${EFFECTS[tool.reach] ?? 'quiet'}>${words(tool.reach)}<//>` : null}${tool.approval && tool.approval !== 'never' ? html`<${Badge} tone="warn">asks first<//>` : null}</span>` }))} />
        </section>
      </div>
      <${Preview} draft=${draft} agents=${agents} />
    </div>
  `;
}

const MOST = 7;

/** @param {{ draft: Draft, agents: Agent[] }} props */
function Preview({ draft, agents }) {
  const reads = draft.readsAll ? agents.map((agent) => agent.name) : draft.reads;
  const readers = agents.filter((agent) => agent.reads?.includes('*') || (draft.name && agent.reads?.includes(draft.name))).map((agent) => agent.name);
  const heard = draft.sendsTo === 'anyone' ? readers : readers.filter((name) => draft.sends.includes(name));
  const deaf = draft.sendsTo === 'named' ? draft.sends.filter((name) => !readers.includes(name)) : [];
  const label = `Reads ${reads.length ? reads.map((name) => line(name, 40)).slice(0, 20).join(', ') : 'nobody'}; is read by ${heard.length ? heard.map((name) => line(name, 40)).slice(0, 20).join(', ') : 'no agent'}.`;
  return html`<figure class="preview">
    <svg viewBox="0 0 320 ${viewHeight(reads, heard)}" role="img" aria-label=${label}>
      ${column(reads, 42, true, viewHeight(reads, heard))}
      ${column(heard, 278, false, viewHeight(reads, heard))}
      <g transform=${`translate(160 ${viewHeight(reads, heard) / 2})`}>
        <rect x="-21" y="-21" width="42" height="42" rx="12" class="preview-self" />
        <text class="preview-letters" y="5">${draft.name ? lettersOf(draft.name) : '?'}</text>
        <text class="preview-name" y="38">${line(draft.name || 'the new one', 18)}</text>
      </g>
    </svg>
    <figcaption class="preview-caption"><span>it reads</span><span>reads it</span></figcaption>
    <p class="small quiet">Others read it once their own resumes say so, or say <code>*</code>.</p>
    ${deaf.length ? html`<p class="small tone-warn">${deaf.map((name) => line(name, 40)).slice(0, 6).join(', ')} ${deaf.length === 1 ? 'does' : 'do'} not read it yet.</p>` : null}
  </figure>`;
}

/** @param {string[]} left @param {string[]} right */
function viewHeight(left, right) {
  return Math.max(140, Math.min(Math.max(left.length, right.length), MOST + 1) * 42 + 20);
}

/**
 * @param {string[]} names
 * @param {number} x
 * @param {boolean} isLeft
 * @param {number} height
 */
function column(names, x, isLeft, height) {
  const shown = names.slice(0, names.length > MOST ? MOST : MOST + 1);
  const rest = names.length - shown.length;
  const rows = shown.length + (rest ? 1 : 0);
  const step = 42;
  const top = height / 2 - ((rows - 1) * step) / 2;
  const end = isLeft ? 136 : 184;
  return html`${Array.from({ length: rows }, (_, i) => {
    const y = top + i * step;
    const name = shown[i];
    const from = isLeft ? x + 14 : x - 14;
    const bend = isLeft ? 40 : -40;
    return html`<g key=${i}>
      <path class="preview-line" d=${`M${from} ${y} C${from + bend} ${y} ${end - bend} ${height / 2} ${end} ${height / 2}`} />
      ${name === undefined
        ? html`<text class="preview-rest" x=${x} y=${y + 4}>+${rest}</text>`
        : html`<rect x=${x - 13} y=${y - 13} width="26" height="26" rx="8" class="preview-other" /><text class="preview-small" x=${x} y=${y + 3.5}>${lettersOf(name)}</text>
            <text class="preview-name" x=${x} y=${y + 24}>${line(name, 14)}</text>`}
    </g>`;
  })}`;
}
