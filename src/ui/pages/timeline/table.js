/** All ticks as a table: the timeline for who reads rather than looks. */
import { html, useMemo } from '../../lib/preact.js';
import { Badge, Card, Status, Table, Time } from '../../lib/components/index.js';
import { count, credits, words } from '../../lib/format.js';
import { visible } from '../../lib/text.js';

/** @typedef {import('../../lib/types.js').TickLine} TickLine */

/** @param {{ ticks: import('../../lib/timeline/ticks.js').Ticks, value: number, onGo: (tick: number) => void }} props */
export function TickTable({ ticks, value, onGo }) {
  const rows = useMemo(() => [...ticks.lines.values()].sort((a, b) => b.tick - a.tick), [ticks.lines]);
  const columns = [
    { id: 'tick', title: 'Tick', width: '76px', number: true, sort: (/** @type {TickLine} */ l) => l.tick, cell: (/** @type {TickLine} */ l) => count(l.tick) },
    { id: 'time', title: 'When', width: 'minmax(110px, 1.3fr)', cell: (/** @type {TickLine} */ l) => html`<${Time} value=${l.time} />` },
    { id: 'state', title: 'State', width: '84px', wideOnly: true, cell: (/** @type {TickLine} */ l) => html`<${Status} status=${l.state} />` },
    { id: 'trigger', title: 'Asked for by', wideOnly: true, cell: (/** @type {TickLine} */ l) => words(visible(l.trigger?.kind ?? '')) },
    { id: 'turns', title: 'Turns', width: '66px', number: true, sort: (/** @type {TickLine} */ l) => l.ok + l.failed, cell: (/** @type {TickLine} */ l) => count(l.ok + l.failed) },
    { id: 'failed', title: 'Failed', width: '72px', wideOnly: true, number: true, sort: (/** @type {TickLine} */ l) => l.failed, cell: (/** @type {TickLine} */ l) => (l.failed ? html`<${Badge} tone="bad">${count(l.failed)}<//>` : '0') },
    { id: 'skipped', title: 'Skipped', width: '76px', wideOnly: true, number: true, sort: (/** @type {TickLine} */ l) => l.skipped, cell: (/** @type {TickLine} */ l) => count(l.skipped) },
    { id: 'messages', title: 'Messages', width: '84px', wideOnly: true, number: true, sort: (/** @type {TickLine} */ l) => l.messages, cell: (/** @type {TickLine} */ l) => count(l.messages) },
    { id: 'cost', title: 'Cost', width: '92px', number: true, sort: (/** @type {TickLine} */ l) => l.cost_credits, cell: (/** @type {TickLine} */ l) => credits(l.cost_credits) },
  ];
  return html`<${Card} title="All ticks" flush>
    <${Table} label="All ticks" columns=${columns} rows=${rows} rowKey=${(/** @type {TickLine} */ l) => l.tick} rowHeight=${40} height=${420} current=${value} onOpen=${(/** @type {TickLine} */ l) => onGo(l.tick)} />
  <//>`;
}
