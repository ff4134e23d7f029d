/** What agents ask before they do it. */
import { html } from '../../lib/preact.js';
import { Card, Empty, Icon, Loaded, PageHead, Tabs } from '../../lib/components/index.js';
import { soon } from '../../lib/attention.js';
import { plural } from '../../lib/format.js';
import { at } from '../../lib/scope.js';
import { may, me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { setQuery } from '../../router.js';
import { WaitingCard } from './card.js';
import { useApprovals } from './reading.js';
import { SettledRow } from './settled.js';

/** @typedef {import('./reading.js').Approval} Approval */

/** @param {{ query: Record<string, string> }} props */
export default function Approvals({ query }) {
  const tick = useSignal(at);
  useSignal(me);
  const waiting = useApprovals('waiting');
  const chosen = query.tab === 'answered' ? 'answered' : 'waiting';
  return html`<div class="page approvals">
    <${PageHead} title="Approvals" hint="Some tools are called only after a person has seen the arguments and said yes." />
    ${tick !== null ? html`<p class="notice"><${Icon} name="history" size=${16} />This is what waited then. It can be answered in the present only.</p>` : null}
    ${tick === null && !may('control') ? html`<p class="notice"><${Icon} name="eye" size=${16} />Your key may look, and not answer: that takes the scope <code>control</code>.</p>` : null}
    <p class="sr-only" role="status">${waiting.data ? `${plural(waiting.data.length, 'call')} ${waiting.data.length === 1 ? 'waits' : 'wait'} for an answer` : ''}</p>
    <${Tabs} label="Approvals" chosen=${chosen} onChoose=${(/** @type {string} */ id) => setQuery({ tab: id === 'waiting' ? null : id })}
      tabs=${[{ id: 'waiting', title: 'Waiting', count: waiting.data?.length }, { id: 'answered', title: 'Answered' }]}>
      ${chosen === 'waiting' ? html`<${Waiting} of=${waiting} chosen=${query.id ?? null} />` : html`<${Answered} />`}
    <//>
  </div>`;
}

/** @param {{ of: ReturnType<typeof useApprovals>, chosen: string | null }} props */
function Waiting({ of, chosen }) {
  return html`<${Loaded} of=${of} rows=${6} empty=${(/** @type {Approval[]} */ all) => (all.some((one) => one.standing === 'waiting') ? null : html`<${Card}><${Empty} icon="approvals" title="Nothing waits for your yes">
      A tool whose approval is <code>always</code>, or that costs more than its limit, asks here before it is called.
    <//><//>`)}>
    ${(/** @type {Approval[]} */ all) => html`<div class="stack">${all.filter((one) => one.standing === 'waiting').map((approval) => html`<${WaitingCard} key=${approval.id} approval=${approval} isChosen=${approval.id === chosen} onAnswered=${() => { of.reload(); soon(); }} />`)}</div>`}
  <//>`;
}

function Answered() {
  const read = useApprovals('all');
  return html`<${Loaded} of=${read} rows=${6} empty=${(/** @type {Approval[]} */ all) => (all.some((one) => one.standing !== 'waiting') ? null : html`<${Card}><${Empty} icon="history" title="Nothing was answered in the last ticks" /><//>`)}>
    ${(/** @type {Approval[]} */ all) => html`<${Card} title="Answered in the last ticks" hint="The newest first." flush><ul>${all.filter((one) => one.standing !== 'waiting').map((approval) => html`<${SettledRow} key=${approval.id} approval=${approval} />`)}</ul><//>`}
  <//>`;
}
