/** The account of each agent: what is left, what it was charged, how long it lasts. */
import { html, useState } from '../../lib/preact.js';
import { AgentChip, Button, Card, Empty, Meter, Table } from '../../lib/components/index.js';
import { credits, plural } from '../../lib/format.js';
import { may } from '../../lib/session.js';
import { line } from '../../lib/text.js';
import { TopUp } from '../agents/top-up.js';
import { Lasts } from './charge.js';

/**
 * @typedef {Object} Account
 * @property {string} agent
 * @property {number} credits_left
 * @property {number | null} max_credits
 * @property {number | null} soft_cap
 * @property {number} paid
 * @property {number} unanswered
 * @property {number} forfeited
 * @property {number | null} recent_turn_credits
 * @property {number | null} worst_turn_credits
 * @property {number | null} turns_left_recent
 * @property {number | null} turns_left_worst
 * @property {number | null} credits_per_tick
 * @property {import('./charge.js').Forecast} forecast
 */

/** @param {{ accounts: Account[], onTopUp: () => void }} props */
export function Accounts({ accounts, onTopUp }) {
  const [chosen, setChosen] = useState(/** @type {Account | null} */ (null));
  if (!accounts.length) return html`<${Card}><${Empty} icon="agents" title="There are no accounts yet">An agent's account opens with the tick after it was made.<//><//>`;
  /** @param {Account} account */
  const tone = (account) => (account.credits_left <= 0 || (account.turns_left_worst ?? 1) < 1 ? 'bad' : account.soft_cap !== null && account.credits_left < account.soft_cap ? 'warn' : 'accent');
  return html`<${Card} title="Accounts" hint="What each agent has left, and how long it lasts at what its turns cost lately." flush>
    <${Table} label="Accounts" rows=${accounts} rowKey=${(/** @type {Account} */ a) => a.agent} rowHeight=${54} height=${640} sortBy="left" columns=${[
      { id: 'agent', title: 'Agent', width: 'minmax(88px, 1.4fr)', sort: (/** @type {Account} */ a) => a.agent, cell: (/** @type {Account} */ a) => html`<${AgentChip} name=${a.agent} />` },
      { id: 'left', title: 'Left', width: 'minmax(84px, 1.3fr)', sort: (/** @type {Account} */ a) => a.credits_left, cell: (/** @type {Account} */ a) => html`<span class="nums"><b>${credits(a.credits_left)}</b>${a.max_credits === null ? null : html` <span class="quiet small">of ${credits(a.max_credits)}</span>`}</span>${a.max_credits ? html`<${Meter} value=${a.credits_left} max=${a.max_credits} tone=${tone(a)} label=${`${credits(a.credits_left)} of ${credits(a.max_credits)} left`} />` : null}` },
      { id: 'paid', title: 'Paid', number: true, wideOnly: true, sort: (/** @type {Account} */ a) => a.paid, cell: (/** @type {Account} */ a) => credits(a.paid) },
      { id: 'unanswered', title: 'Unanswered', number: true, wideOnly: true, sort: (/** @type {Account} */ a) => a.unanswered, cell: (/** @type {Account} */ a) => html`<span class=${a.unanswered ? 'tone-warn' : 'quiet'}>${credits(a.unanswered)}</span>` },
      { id: 'forfeited', title: 'Forfeited', number: true, wideOnly: true, sort: (/** @type {Account} */ a) => a.forfeited, cell: (/** @type {Account} */ a) => html`<span class=${a.forfeited ? 'tone-bad' : 'quiet'}>${credits(a.forfeited)}</span>` },
      { id: 'tick', title: 'A tick', number: true, wideOnly: true, sort: (/** @type {Account} */ a) => a.credits_per_tick, cell: (/** @type {Account} */ a) => credits(a.credits_per_tick) },
      { id: 'turn', title: 'A turn', number: true, wideOnly: true, sort: (/** @type {Account} */ a) => a.recent_turn_credits, cell: (/** @type {Account} */ a) => html`<span title=${a.worst_turn_credits === null ? undefined : `at worst ${credits(a.worst_turn_credits)}`}>${credits(a.recent_turn_credits)}</span>` },
      { id: 'lasts', title: 'Used up', width: 'minmax(70px, 1.1fr)', sort: (/** @type {Account} */ a) => a.forecast?.ticks ?? Infinity, cell: (/** @type {Account} */ a) => html`<${Lasts} forecast=${a.forecast} />${a.turns_left_worst !== null ? html`<div class="small quiet">at worst ${plural(a.turns_left_worst, 'turn')}</div>` : null}` },
      ...(may('control') ? [{ id: 'do', title: html`<span class="sr-only">Top up</span>`, width: '34px', cell: (/** @type {Account} */ a) => html`<${Button} small kind="ghost" icon="plus" label=${`Top up ${line(a.agent, 60)}`} onClick=${() => setChosen(a)} />` }] : []),
    ]} />
    ${chosen ? html`<${TopUp} agent=${{ name: chosen.agent, credits_left: chosen.credits_left, max_credits: chosen.max_credits }} onClose=${() => setChosen(null)} onDone=${onTopUp} />` : null}
  <//>`;
}
