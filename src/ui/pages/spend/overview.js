/** How much was spent, on what, how fast, and how long the rest lasts. */
import { html, useState } from '../../lib/preact.js';
import { AgentChip, BarChart, Button, Card, Empty, Loaded, Meter, Name, Stat, Stats } from '../../lib/components/index.js';
import { count, credits, percent, plural, tokens } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { may } from '../../lib/session.js';
import { line } from '../../lib/text.js';
import { ChargeBar, Lasts, SORTS, SORT_NAMES, SORT_TONES, inWords, parts, sum } from './charge.js';
import { BudgetTopUp } from './budget.js';

/** @typedef {import('./charge.js').Charge} Charge */
/** @typedef {Charge & { name: string, note?: string }} Spender */

/** @param {{ accounts: any, ticks: string, onTopUp: () => void }} props */
export function Overview({ accounts, ticks, onTopUp }) {
  const spend = useResource('/spend', { query: { ticks }, live: ['tick_closed'] });
  return html`
    <${Standing} accounts=${accounts} onTopUp=${onTopUp} />
    <${Loaded} of=${spend} rows=${6}>
      ${(/** @type {any} */ found) => html`<${Spent} spend=${found} budget=${accounts?.budget ?? null} />`}
    <//>
  `;
}

/** @param {{ accounts: any, onTopUp: () => void }} props */
function Standing({ accounts, onTopUp }) {
  const [isOpen, setOpen] = useState(false);
  if (!accounts) return null;
  const { budget, burn, unit } = accounts;
  const perDay = accounts.credits_per_day;
  return html`<div class="standing">
    <${Card} title="Budget" hint=${budget ? windowOf(budget.window) : 'There is no ceiling on what all agents together spend: their accounts alone limit it.'}>
      ${budget
        ? html`<div class="stack-tight">
            <p class="budget-line"><b class="nums">${credits(budget.left)}</b> <span class="quiet">left of ${credits(budget.credits)} ${line(unit, 12)}</span></p>
            <${Meter} value=${budget.left} max=${budget.credits} label=${`${credits(budget.left)} of ${credits(budget.credits)} left`} />
            <p class="small quiet">${credits(budget.charged)} spent (${percent(budget.credits ? budget.charged / budget.credits : 0)})</p>
            ${may('control') ? html`<div><${Button} small icon="plus" onClick=${() => setOpen(true)}>Top up…<//></div>` : null}
          </div>`
        : html`<p class="quiet small">Set <code>budget</code> in the settings to have one.</p>`}
    <//>
    <${Card} title="Pace" hint=${burn?.ticks ? `As in the last ${plural(burn.ticks, 'tick')} (${count(burn.first_tick)} to ${count(burn.last_tick)}).` : 'No tick is closed yet.'}>
      <${Stats}>
        <${Stat} label="A tick" value=${credits(accounts.credits_per_tick)} />
        <${Stat} label="A day" value=${perDay === null || perDay === undefined ? html`<span class="quiet">–</span>` : credits(perDay)} note=${perDay === null || perDay === undefined ? 'too few ticks to tell' : null} />
        ${budget ? html`<${Stat} label="The budget is used up" value=${html`<${Lasts} forecast=${accounts.budget_forecast} />`} />` : null}
        <${Stat} label="Turns charged" value=${count(burn?.turns)} note=${burn?.turns ? `${credits(burn.charged / burn.turns)} each` : null} />
      <//>
    <//>
    ${isOpen ? html`<${BudgetTopUp} budget=${budget} onClose=${() => setOpen(false)} onDone=${onTopUp} />` : null}
  </div>`;
}

/** @param {string} window */
function windowOf(window) {
  if (window === 'total') return 'It is never renewed.';
  return /^\d{4}-\d{2}-\d{2}$/.test(window) ? `Of ${window}, renewed every day (UTC).` : `Of ${line(window, 20)}, renewed every month (UTC).`;
}

/** @param {{ spend: any, budget: any }} props */
function Spent({ spend, budget }) {
  const days = /** @type {Spender[]} */ (spend.days.map((/** @type {any} */ one) => ({ ...one, name: one.day })));
  const agents = /** @type {Spender[]} */ (spend.agents.map((/** @type {any} */ one) => ({ ...one, name: one.agent, note: plural(one.turns, 'turn') })));
  const models = /** @type {Spender[]} */ (
    spend.models.map((/** @type {any} */ one) => ({ name: one.model, paid: one.cost, note: `${plural(one.calls, 'call')}, ${tokens(one.input_tokens)} tokens read, ${tokens(one.output_tokens)} written` }))
  );
  const highest = days.reduce((high, day) => Math.max(high, sum(day)), 0);
  const isDaily = budget && /^\d{4}-\d{2}-\d{2}$/.test(budget.window);
  if (!days.length && !agents.length) return html`<${Card}><${Empty} icon="spend" title="Nothing was spent in these ticks">A turn that calls its model is charged when its tick is closed.<//><//>`;
  const whole = sum(spend.total);
  return html`
    <${Card} title="By day" hint=${html`<b class="nums">${credits(whole)}</b> in ${plural(spend.total.turns, 'turn')} of the ticks ${count(spend.first_tick)} to ${count(spend.last_tick)}. Unanswered: for calls that brought no answer, at their worst. Forfeited: for what runners that died may have spent.`}>
      ${days.length
        ? html`<${BarChart} label=${`Spent by day: ${days.slice(-14).map((day) => `${day.name} ${credits(sum(day))}`).join(', ')}`} height=${190} tones=${SORT_TONES} names=${SORT_NAMES} format=${credits}
            ceiling=${isDaily && budget.credits <= MOST_ABOVE * highest ? budget.credits : null} bars=${days.map((day) => ({ label: day.name.slice(5), title: `${day.name}: ${inWords(day)}`, parts: parts(day) }))} />`
        : html`<p class="quiet">No day is told.</p>`}
    <//>
    <div class="spend-two">
      <${Spenders} title="By agent" one="Agent" spenders=${agents} whole=${whole} cell=${(/** @type {string} */ name) => html`<${AgentChip} name=${name} />`} />
      <${Spenders} title="By model" hint="Calls that were answered, without what turns cost." one="Model" spenders=${models} whole=${whole} cell=${(/** @type {string} */ name) => html`<b><${Name} value=${name} /></b>`} />
    </div>
    <${DayTable} days=${days} />
  `;
}

const AT_ONCE = 12;

/** A ceiling that is further above the bars than that would make them all flat. */
const MOST_ABOVE = 3;

/** @param {{ title: string, hint?: string, one: string, spenders: Spender[], whole: number, cell: (name: string) => any }} props */
function Spenders({ title, hint, one, spenders, whole, cell }) {
  const [isAll, setAll] = useState(false);
  const most = spenders.reduce((high, spender) => Math.max(high, sum(spender)), 0);
  const shown = isAll ? spenders : spenders.slice(0, AT_ONCE);
  return html`<${Card} title=${title} hint=${hint} flush>
    ${spenders.length === 0 ? html`<p class="quiet spend-none">Nothing was spent.</p>` : null}
    <table class="spenders">
      <thead class="sr-only"><tr><th scope="col">${one}</th><th scope="col">Sorts</th><th scope="col">Credits</th><th scope="col">Share</th></tr></thead>
      <tbody>${shown.map((spender) => html`<tr key=${spender.name} title=${[inWords(spender), spender.note].filter(Boolean).join('; ')}>
        <th scope="row">${cell(spender.name)}${spender.note ? html`<span class="spenders-note">${spender.note}</span>` : null}</th>
        <td class="spenders-bar"><${ChargeBar} charge=${spender} most=${most} label=${line(spender.name, 60)} /></td>
        <td class="nums">${credits(sum(spender))}</td>
        <td class="nums quiet">${percent(whole ? sum(spender) / whole : 0)}</td>
      </tr>`)}</tbody>
    </table>
    ${spenders.length > AT_ONCE ? html`<p class="spend-none"><button type="button" class="link small" onClick=${() => setAll(!isAll)}>${isAll ? 'Show fewer' : `Show all ${count(spenders.length)}`}</button></p>` : null}
  <//>`;
}

/** @param {{ days: Spender[] }} props */
function DayTable({ days }) {
  if (!days.length) return null;
  return html`<details class="card day-table"><summary>The days as a table</summary>
    <div class="day-scroll" tabindex="0" role="group" aria-label="Spent by day"><table>
      <thead><tr><th scope="col">Day (UTC)</th>${SORT_NAMES.map((name) => html`<th key=${name} scope="col">${name}</th>`)}<th scope="col">in all</th></tr></thead>
      <tbody>${[...days].reverse().map((day) => html`<tr key=${day.name}><th scope="row">${line(day.name, 20)}</th>${SORTS.map((sort) => html`<td key=${sort} class="nums">${credits(day[sort] ?? 0)}</td>`)}<td class="nums"><b>${credits(sum(day))}</b></td></tr>`)}</tbody>
    </table></div>
  </details>`;
}
