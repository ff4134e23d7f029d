/** The same graph as a table: for screen readers, for keys alone, and for who likes tables. */
import { html, useMemo } from '../../lib/preact.js';
import { AgentChip, Doing, Line, Name, Table } from '../../lib/components/index.js';
import { count } from '../../lib/format.js';

/**
 * @param {{
 *   model: import('../../lib/graph/model.js').Model, agents: import('../../lib/types.js').Agent[], doing: Map<string, string>, found: Set<string> | null,
 *   choice: import('../../lib/graph/view.js').Choice, onChoose: (choice: import('../../lib/graph/view.js').Choice) => void,
 * }} props
 */
export function AgentList({ model, agents, doing, found, choice, onChoose }) {
  const rows = useMemo(() => {
    const known = new Map(agents.map((agent) => [agent.name, agent]));
    return model.nodes
      .filter((node) => !found || found.has(node.name))
      .map((node) => {
        const links = node.links.map((index) => model.links[index]);
        const other = (/** @type {import('../../lib/graph/model.js').Link} */ link) => model.nodes[link.a === node.index ? link.b : link.a].name;
        return {
          name: node.name,
          title: node.title,
          doing: node.doing,
          unread: known.get(node.name)?.unread ?? 0,
          hears: links.filter((link) => (link.a === node.index ? link.back : link.forward)).map(other),
          heardBy: links.filter((link) => (link.a === node.index ? link.forward : link.back)).map(other),
        };
      });
  }, [model, agents, found]);
  const columns = [
    { id: 'name', title: 'Agent', width: 'minmax(140px, 1.2fr)', sort: (/** @type {any} */ r) => r.name, cell: (/** @type {any} */ r) => html`<${AgentChip} name=${r.name} />` },
    { id: 'title', title: 'Title', wideOnly: true, sort: (/** @type {any} */ r) => r.title, cell: (/** @type {any} */ r) => html`<${Line} value=${r.title} max=${60} />` },
    { id: 'doing', title: 'State', width: '132px', sort: (/** @type {any} */ r) => doing.get(r.name) ?? r.doing, cell: (/** @type {any} */ r) => html`<${Doing} doing=${doing.get(r.name) ?? r.doing} />` },
    { id: 'hears', title: 'Reads', width: 'minmax(120px, 1.6fr)', wideOnly: true, sort: (/** @type {any} */ r) => r.hears.length, cell: (/** @type {any} */ r) => html`<${Names} names=${r.hears} />` },
    { id: 'heard', title: 'Is read by', width: 'minmax(120px, 1.6fr)', wideOnly: true, sort: (/** @type {any} */ r) => r.heardBy.length, cell: (/** @type {any} */ r) => html`<${Names} names=${r.heardBy} />` },
    { id: 'unread', title: 'Unread', width: '70px', number: true, sort: (/** @type {any} */ r) => r.unread, cell: (/** @type {any} */ r) => count(r.unread) },
  ];
  return html`<div class="card organisation-list">
    <${Table} label="Agents and who reads whom" columns=${columns} rows=${rows} rowKey=${(/** @type {any} */ r) => r.name} height=${680} rowHeight=${42}
      current=${choice?.kind === 'agent' ? choice.name : null} onOpen=${(/** @type {any} */ r) => onChoose({ kind: 'agent', name: r.name })} />
  </div>`;
}

/** @param {{ names: string[] }} props */
function Names({ names }) {
  if (!names.length) return html`<span class="quiet">nobody</span>`;
  return html`<span class="line">${names.slice(0, 4).map((name, i) => html`${i ? ', ' : ''}<${Name} value=${name} />`)}${names.length > 4 ? html`<span class="quiet"> +${names.length - 4}</span>` : null}</span>`;
}
