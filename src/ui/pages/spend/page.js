/** Money: what is spent, how fast, on what, and how long the rest lasts. */
import { html } from '../../lib/preact.js';
import { Failure, Icon, Loading, PageHead, Tabs } from '../../lib/components/index.js';
import { at } from '../../lib/scope.js';
import { me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { useWholeList } from '../../lib/whole-list.js';
import { setQuery } from '../../router.js';
import { Accounts } from './accounts.js';
import { Ledger } from './ledger.js';
import { Overview } from './overview.js';

const SPANS = /** @type {const} */ ([
  ['100', 'the last 100 ticks'],
  ['1000', 'the last 1,000 ticks'],
  ['10000', 'the last 10,000 ticks'],
]);
const TABS = /** @type {const} */ (['overview', 'accounts', 'ledger']);

/** @param {{ query: Record<string, string> }} props */
export default function Spend({ query }) {
  const tick = useSignal(at);
  useSignal(me);
  const accounts = useWholeList('/credits', 'agents', { query: { limit: 1_000 }, live: ['tick_closed', 'credit'] });
  const chosen = TABS.find((tab) => tab === query.tab) ?? 'overview';
  const ticks = SPANS.find(([span]) => span === query.ticks)?.[0] ?? '1000';
  const standing = accounts.data?.first;
  return html`<div class="page spend">
    <${PageHead} title="Spend" hint="What is spent, on what, how fast, and how long the rest lasts."
      actions=${chosen === 'overview'
        ? html`<label class="spend-span"><span class="sr-only">Look at</span><select class="input" value=${ticks} onChange=${(/** @type {any} */ event) => setQuery({ ticks: event.target.value === '1000' ? null : event.target.value })}>
            ${SPANS.map(([span, words]) => html`<option key=${span} value=${span} selected=${span === ticks}>${words}</option>`)}
          </select></label>`
        : null} />
    ${tick !== null && chosen !== 'accounts' ? html`<p class="spend-now"><${Icon} name="history" size=${16} />${chosen === 'ledger' ? 'The ledger is' : 'Budget and pace are as they were then; what was spent is told'} up to now.</p>` : null}
    <${Tabs} label="Spend" chosen=${chosen} onChoose=${(/** @type {string} */ id) => setQuery({ tab: id === 'overview' ? null : id })}
      tabs=${[{ id: 'overview', title: 'Overview' }, { id: 'accounts', title: 'Accounts' }, { id: 'ledger', title: 'Ledger' }]}>
      ${chosen === 'ledger'
        ? html`<${Ledger} agent=${query.agent ?? null} />`
        : !accounts.data
          ? accounts.error ? html`<${Failure} error=${accounts.error} onRetry=${accounts.reload} />` : html`<${Loading} label="The accounts" rows=${6} />`
          : chosen === 'accounts'
            ? html`<${Accounts} accounts=${accounts.data.items} onTopUp=${accounts.reload} />`
            : html`<${Overview} accounts=${standing} ticks=${ticks} onTopUp=${accounts.reload} />`}
    <//>
  </div>`;
}
