/** What agents ask before they do it. */
import { html } from '../../lib/preact.js';
import { Button, Card, Empty, Failure, Icon, Loading, PageHead, Tabs } from '../../lib/components/index.js';
import { at } from '../../lib/scope.js';
import { may, me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { visible } from '../../lib/text.js';
import { setQuery } from '../../router.js';
import { WaitingCard } from './card.js';
import { useApprovals } from './reading.js';
import { SettledRow } from './settled.js';

/** @param {{ query: Record<string, string> }} props */
export default function Approvals({ query }) {
  const tick = useSignal(at);
  useSignal(me);
  const waiting = useApprovals('waiting');
  const chosen = query.tab === 'answered' ? 'answered' : 'waiting';
  return html`<div class="page approvals">
    <${PageHead} title="Approvals" hint="Some tools are called only after a person has seen the arguments and said yes." />
    ${tick !== null ? html`<p class="notice"><${Icon} name="history" size=${16} />What waits is shown as it is now, and cannot be answered while you look at the past.</p>` : null}
    ${tick === null && !may('control') ? html`<p class="notice"><${Icon} name="eye" size=${16} />Your key may look, and not answer: that takes the scope <code>control</code>.</p>` : null}
    <${Tabs} label="Approvals" chosen=${chosen} onChoose=${(/** @type {string} */ id) => setQuery({ tab: id === 'waiting' ? null : id })}
      tabs=${[{ id: 'waiting', title: 'Waiting', count: waiting.items?.length }, { id: 'answered', title: 'Answered' }]}>
      ${chosen === 'waiting' ? html`<${Waiting} of=${waiting} />` : html`<${Answered} />`}
    <//>
  </div>`;
}

/** @typedef {ReturnType<typeof useApprovals>} Read */

/** @param {{ of: Read }} props */
function Stale({ of }) {
  if (!of.error) return null;
  return html`<p class="stale" role="status"><${Icon} name="offline" size=${15} /> Not fresh: ${visible(of.error.message)} <button type="button" class="link" onClick=${of.reload}>Try again</button></p>`;
}

/** @param {{ of: Read }} props */
function More({ of }) {
  return of.hasMore ? html`<div><${Button} busy=${of.loadingMore} onClick=${of.loadMore}>Show more<//></div>` : null;
}

/** @param {{ of: Read }} props */
function Waiting({ of }) {
  if (!of.items) return of.error ? html`<${Failure} error=${of.error} onRetry=${of.reload} />` : html`<${Loading} label="What waits" />`;
  const items = of.items.filter((one) => one.standing === 'waiting');
  if (!items.length) {
    return html`<${Stale} of=${of} /><${Card}><${Empty} icon="approvals" title="Nothing waits for your yes">
      A tool whose approval is <code>always</code>, or that costs more than its limit, asks here before it is called.
    <//><//>`;
  }
  return html`<${Stale} of=${of} />${items.map((approval) => html`<${WaitingCard} key=${approval.id} approval=${approval} onAnswered=${of.reload} />`)}<${More} of=${of} />`;
}

function Answered() {
  const read = useApprovals('answered');
  if (!read.items) return read.error ? html`<${Failure} error=${read.error} onRetry=${read.reload} />` : html`<${Loading} label="What was answered" />`;
  const items = read.items.filter((one) => one.standing !== 'waiting');
  if (!items.length) return html`<${Card}><${Empty} icon="history" title="Nothing was answered in the last ticks" /><//>`;
  return html`<${Stale} of=${read} /><${Card} flush><ul>${items.map((approval) => html`<${SettledRow} key=${approval.id} approval=${approval} />`)}</ul><//><${More} of=${read} />`;
}
