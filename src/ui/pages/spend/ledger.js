/** The ledger: every turn that was charged and every call that cost something, newest first, and all of it as CSV. */
import { html, useState } from '../../lib/preact.js';
import { AgentChip, Button, Card, Empty, Failure, Loading, Name, Status, Table, Time, sayError } from '../../lib/components/index.js';
import { download, segment } from '../../lib/api.js';
import { count, credits, duration, tokens } from '../../lib/format.js';
import { useResource, usePages } from '../../lib/resource.js';
import { org } from '../../lib/scope.js';
import { line } from '../../lib/text.js';
import { href, setQuery } from '../../router.js';
import { inWords, sum } from './charge.js';

/**
 * @typedef {Object} LedgerLine
 * @property {'call' | 'turn'} kind
 * @property {number} tick
 * @property {string} time
 * @property {string} agent
 * @property {string} status
 * @property {number | null} step
 * @property {string | null} model
 * @property {number | null} input_tokens
 * @property {number | null} cached_input_tokens
 * @property {number | null} output_tokens
 * @property {number | null} cost
 * @property {number} [paid]
 * @property {number} [unanswered]
 * @property {number} [forfeited]
 * @property {number} [action]
 * @property {number | null} duration_ms
 */

/** @param {{ agent: string | null }} props */
export function Ledger({ agent }) {
  const roster = useResource('/agents', { query: { limit: 1_000 } });
  const lines = usePages('/credits/ledger', 'lines', {
    query: { agent, limit: 100 },
    live: ['tick_closed'],
    id: (/** @type {LedgerLine} */ one) => `${one.tick}/${one.agent}/${one.kind}/${one.step ?? ''}`,
  });
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await download('/credits/ledger', `ledger${org.peek() ? `-${org.peek()}` : ''}${agent ? `-${agent}` : ''}.csv`, { query: { agent }, headers: { Accept: 'text/csv' } });
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  const names = (roster.data?.agents ?? []).map((/** @type {any} */ one) => one.name);
  return html`<${Card} title="Ledger" hint="Turns, with what their accounts were charged, and the calls of their models, with what each cost. As CSV: the last 1,000 ticks." flush
    actions=${html`<label class="ledger-agent"><span class="sr-only">Agent</span><select class="input" value=${agent ?? ''} onChange=${(/** @type {any} */ event) => setQuery({ agent: event.target.value || null })}>
        <option value="" selected=${!agent}>All agents</option>
        ${agent && !names.includes(agent) ? html`<option value=${agent} selected>${line(agent, 60)}</option>` : null}
        ${names.map((/** @type {string} */ name) => html`<option key=${name} value=${name} selected=${name === agent}>${line(name, 60)}</option>`)}
      </select></label>
      <${Button} small icon="download" busy=${busy} onClick=${save}>CSV<//>`}>
    ${lines.loading
      ? html`<${Loading} label="The ledger" rows=${8} />`
      : lines.error && !lines.items.length
        ? html`<${Failure} error=${lines.error} onRetry=${lines.reload} />`
        : lines.items.length === 0
          ? html`<${Empty} icon="spend" title="Nothing was charged yet" />`
          : html`<${Table} label="Ledger" rows=${lines.items} rowKey=${(/** @type {LedgerLine} */ one) => `${one.tick}/${one.agent}/${one.kind}/${one.step ?? ''}`} rowHeight=${42} height=${620}
              onEnd=${lines.hasMore && !lines.loadingMore ? lines.loadMore : undefined}
              foot=${lines.hasMore ? html`<${Button} small busy=${lines.loadingMore} onClick=${lines.loadMore}>Older lines<//>` : `${count(lines.items.length)} lines: all of them`}
              columns=${[
                { id: 'tick', title: 'Tick', width: '44px', cell: (/** @type {LedgerLine} */ one) => html`<a class="nums" href=${href(`/ticks/${one.tick}/turns/${segment(one.agent)}`)}>${count(one.tick)}</a>` },
                { id: 'time', title: 'Time', width: 'minmax(110px, 1fr)', wideOnly: true, cell: (/** @type {LedgerLine} */ one) => html`<${Time} value=${one.time} />` },
                { id: 'agent', title: 'Agent', width: 'minmax(84px, 1.2fr)', cell: (/** @type {LedgerLine} */ one) => html`<${AgentChip} name=${one.agent} avatar=${one.kind === 'turn'} />` },
                { id: 'what', title: 'What', width: 'minmax(76px, 1.6fr)', cell: (/** @type {LedgerLine} */ one) => (one.kind === 'turn' ? html`<span class="row row-tight">turn <${Status} status=${one.status} /></span>` : html`<span class="quiet">call ${(one.step ?? 0) + 1}, <${Name} value=${one.model ?? ''} /></span>`) },
                { id: 'tokens', title: 'Tokens in, out', width: '130px', number: true, wideOnly: true, cell: (/** @type {LedgerLine} */ one) => (one.kind === 'call' ? html`<span title=${one.cached_input_tokens ? `${tokens(one.cached_input_tokens)} of them from the cache` : undefined}>${tokens(one.input_tokens)}, ${tokens(one.output_tokens)}</span>` : '') },
                { id: 'took', title: 'Took', width: '80px', number: true, wideOnly: true, cell: (/** @type {LedgerLine} */ one) => (one.duration_ms === null ? '' : duration(one.duration_ms)) },
                { id: 'cost', title: 'Cost', width: '86px', number: true, wideOnly: true, cell: (/** @type {LedgerLine} */ one) => (one.kind === 'call' ? credits(one.cost) : '') },
                { id: 'charged', title: 'Charged', width: '72px', number: true, cell: (/** @type {LedgerLine} */ one) => (one.kind === 'turn' ? html`<b class=${one.forfeited ? 'tone-bad' : one.unanswered ? 'tone-warn' : ''} title=${inWords(one)}>${credits(sum(one))}</b>` : '') },
              ]} />`}
  <//>`;
}
