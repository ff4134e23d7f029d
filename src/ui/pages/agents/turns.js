/** The turns of an agent, the newest first. */
import { html } from '../../lib/preact.js';
import { Button, Card, Empty, Failure, Line, Loading, Status, Table, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, credits, duration, plural, tokens, words } from '../../lib/format.js';
import { usePages } from '../../lib/resource.js';
import { navigate } from '../../router.js';

/** @param {{ agent: any }} props */
export function TurnsTab({ agent }) {
  const turns = usePages(`/agents/${segment(agent.name)}/turns`, 'turns', {
    id: (/** @type {any} */ turn) => turn.tick,
    query: { limit: 50 },
    live: ['turn_committed', 'turn_failed', 'tick_closed'],
    concerns: (event) => !event.agent || event.agent === agent.name,
  });
  if (turns.loading) return html`<${Card}><${Loading} label="Turns" rows=${6} /><//>`;
  if (turns.error && !turns.items.length) return html`<${Failure} error=${turns.error} onRetry=${turns.reload} />`;
  if (!turns.items.length && !turns.hasMore) return html`<${Card}><${Empty} icon="timeline" title="It has taken no turn yet">The overview says why.<//><//>`;
  return html`<${Card} flush>
    <${Table}
      label="Turns"
      rows=${turns.items}
      rowKey=${(/** @type {any} */ turn) => turn.tick}
      onOpen=${(/** @type {any} */ turn) => navigate(`/ticks/${turn.tick}/turns/${segment(agent.name)}`)}
      onEnd=${turns.loadMore}
      height=${600}
      columns=${[
        { id: 'tick', title: 'Tick', width: '56px', cell: (/** @type {any} */ turn) => html`<strong class="nums">${count(turn.tick)}</strong>` },
        { id: 'time', title: 'When', width: 'minmax(80px, 1fr)', cell: (/** @type {any} */ turn) => html`<${Time} value=${turn.started_at ?? turn.time} />` },
        { id: 'status', title: 'Status', width: '72px', cell: (/** @type {any} */ turn) => html`<${Status} status=${turn.status} title=${turn.failure?.message} />` },
        { id: 'because', title: 'Because', width: 'minmax(80px, 1fr)', wideOnly: true, cell: (/** @type {any} */ turn) => html`<${Line} value=${turn.failure ? words(turn.failure.kind) : words(causeOf(turn))} max=${60} class="quiet" />` },
        { id: 'calls', title: 'Calls', width: '110px', wideOnly: true, cell: (/** @type {any} */ turn) => html`<span class="quiet nums">${plural(turn.calls ?? 0, 'call')}${turn.tool_calls ? `, ${plural(turn.tool_calls, 'tool')}` : ''}</span>` },
        { id: 'read', title: 'Read', width: '56px', number: true, wideOnly: true, cell: (/** @type {any} */ turn) => count(turn.read) },
        { id: 'said', title: 'Said', width: '56px', number: true, wideOnly: true, cell: (/** @type {any} */ turn) => count(turn.said) },
        { id: 'tokens', title: 'Tokens', width: '84px', number: true, wideOnly: true, cell: (/** @type {any} */ turn) => tokens((turn.input_tokens ?? 0) + (turn.output_tokens ?? 0)) },
        { id: 'time_ms', title: 'Took', width: '84px', number: true, wideOnly: true, cell: (/** @type {any} */ turn) => duration(turn.duration_ms) },
        { id: 'cost', title: 'Cost', width: '80px', number: true, cell: (/** @type {any} */ turn) => credits(turn.cost_credits) },
      ]}
      foot=${turns.hasMore ? html`<${Button} small busy=${turns.loadingMore} onClick=${turns.loadMore}>Older turns<//>` : null}
    />
  <//>`;
}

/** Why it was due. @param {any} turn */
export function causeOf(turn) {
  const cause = turn.because ?? turn.cause;
  if (!cause) return '';
  return typeof cause === 'string' ? cause : String(cause.kind ?? cause.because ?? '');
}
