/** The account of an agent: how it stands, how long it lasts, and how it went. */
import { html, useState } from '../../lib/preact.js';
import { BarChart, Button, Card, Empty, Loaded, Meter, Stat, Stats, Table, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, credits, plural } from '../../lib/format.js';
import { useKept } from '../../lib/kept.js';
import { useResource } from '../../lib/resource.js';
import { at } from '../../lib/scope.js';
import { may } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { href } from '../../router.js';
import { TopUp } from './top-up.js';

const BARS = 60;

/** @param {{ agent: any, reload: () => void }} props */
export function CreditsTab({ agent, reload }) {
  useSignal(at);
  const [asks, setAsks] = useState(false);
  const account = useKept(useResource(`/agents/${segment(agent.name)}/credits`, { query: { limit: 100 }, live: ['credit', 'tick_closed'], concerns: (event) => !event.agent || event.agent === agent.name }));
  return html`<${Loaded} of=${account} rows=${6}>
      ${(/** @type {any} */ d) => {
        const line = d.account;
        const forecast = line.forecast ?? null;
        const history = [...d.history].reverse().map(flat);
        return html`<${Card} title="Account" actions=${may('control') ? html`<${Button} small icon="plus" onClick=${() => setAsks(true)}>Top up<//>` : null}>
            <${Stats}>
              <${Stat} label="Left" value=${credits(line.credits_left)} tone=${line.soft_cap !== undefined && line.credits_left < line.soft_cap ? 'warn' : undefined}
                note=${line.max_credits ? html`<${Meter} value=${line.credits_left} max=${line.max_credits} label=${`${credits(line.credits_left)} of ${credits(line.max_credits)}`} />of ${credits(line.max_credits)}, soft cap ${credits(line.soft_cap)}` : null} />
              <${Stat} label="Paid" value=${credits(line.paid)} note="for answers and actions" />
              <${Stat} label="Unanswered" value=${credits(line.unanswered)} note="calls that may have cost" />
              <${Stat} label="A turn costs" value=${credits(line.recent_turn_credits)} note=${`of late; at worst ${credits(line.worst_turn_credits)}`} />
              <${Stat} label="Turns left" value=${count(line.turns_left_recent)} note=${`at worst ${count(line.turns_left_worst)}`} />
              <${Stat} label="Lasts" value=${lasts(forecast)} note=${forecast?.at ? html`until <${Time} value=${forecast.at} />` : `${credits(line.credits_per_day)} a day`} />
            <//>
          <//>
          <${Card} title="Over time" hint="What was charged, tick by tick">
            ${history.length ? html`<${History} agent=${agent} history=${history} />` : html`<${Empty} icon="spend" title="Nothing was charged yet">Each turn that it takes stands here with its price.<//>`}
          <//>
          ${history.length
            ? html`<${Card} flush><${Table}
                label="Charges by tick"
                rows=${[...history].reverse()}
                rowKey=${(/** @type {any} */ row) => row.tick}
                height=${420}
                columns=${[
                  { id: 'tick', title: 'Tick', width: 'minmax(70px, 0.6fr)', sort: (/** @type {any} */ row) => row.tick, cell: (/** @type {any} */ row) => html`<a href=${href(`/ticks/${row.tick}/turns/${segment(agent.name)}`)}>${count(row.tick)}</a>` },
                  { id: 'time', title: 'When', width: 'minmax(100px, 1.2fr)', wideOnly: true, cell: (/** @type {any} */ row) => html`<${Time} value=${row.time} />` },
                  { id: 'paid', title: 'Paid', number: true, sort: (/** @type {any} */ row) => row.paid, cell: (/** @type {any} */ row) => credits(row.paid) },
                  { id: 'unanswered', title: 'Unanswered', number: true, wideOnly: true, sort: (/** @type {any} */ row) => row.unanswered, cell: (/** @type {any} */ row) => (row.unanswered ? credits(row.unanswered) : html`<span class="quiet">0</span>`) },
                  { id: 'forfeited', title: 'Forfeited', number: true, wideOnly: true, sort: (/** @type {any} */ row) => row.forfeited, cell: (/** @type {any} */ row) => (row.forfeited ? credits(row.forfeited) : html`<span class="quiet">0</span>`) },
                  { id: 'sum', title: 'In all', number: true, sort: (/** @type {any} */ row) => row.cost, cell: (/** @type {any} */ row) => html`<strong>${credits(row.cost)}</strong>` },
                ]}
              /><//>`
            : null}`;
      }}
    <//>
    ${asks ? html`<${TopUp} agent=${agent} onClose=${() => setAsks(false)} onDone=${() => { account.reload(); reload(); }} />` : null}`;
}

/** @param {{ agent: any, history: any[] }} props */
function History({ agent, history }) {
  const shown = history.slice(-BARS);
  return html`<${BarChart}
      label=${`Credits charged to ${agent.name} in the last ${plural(shown.length, 'tick')} with a turn; the table below has the numbers`}
      bars=${shown.map((row) => ({ label: count(row.tick), title: `tick ${row.tick}: ${credits(row.paid)} paid${row.unanswered ? `, ${credits(row.unanswered)} unanswered` : ''}`, parts: [row.paid, row.unanswered, row.forfeited] }))}
      tones=${['accent', 'warn', 'quiet']}
      names=${['Paid', 'Unanswered', 'Forfeited']}
      format=${credits}
    />
    ${shown.length < history.length ? html`<p class="quiet small">The last ${BARS} of ${count(history.length)}</p>` : null}`;
}

/**
 * What a turn cost, by what became of its calls; all of it counts as paid while its tick is open.
 * @param {any} spent
 */
function flat(spent) {
  const charge = spent.charge ?? { paid: spent.cost_credits };
  return { tick: spent.tick, time: spent.time, cost: spent.cost_credits, paid: charge.paid ?? 0, unanswered: charge.unanswered ?? 0, forfeited: charge.forfeited ?? 0 };
}

/** @param {any} forecast */
function lasts(forecast) {
  if (!forecast) return '–';
  if (forecast.ticks !== undefined && forecast.ticks !== null) return html`${count(forecast.ticks)} <span class="quiet small">ticks</span>`;
  return String(forecast.lasts ?? '–').replaceAll('_', ' ');
}
