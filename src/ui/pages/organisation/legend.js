/** What the colours and shapes of the graph say, with how many agents are in each state. */
import { html } from '../../lib/preact.js';
import { DOINGS, Mark } from '../../lib/components/index.js';
import { count } from '../../lib/format.js';

/** @param {{ model: import('../../lib/graph/model.js').Model, doing: Map<string, string> }} props */
export function Legend({ model, doing }) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const node of model.nodes) {
    const now = doing.get(node.name) ?? node.doing;
    counts.set(now, (counts.get(now) ?? 0) + 1);
  }
  const shown = Object.entries(DOINGS).filter(([name]) => counts.has(name));
  return html`<ul class="legend" aria-label="States">
    ${shown.map(
      ([name, state]) => html`<li key=${name} title=${state.meaning}>
        <${Mark} shape=${state.shape} tone=${state.tone} /><span>${state.word}</span><b class="nums">${count(counts.get(name))}</b>
      </li>`,
    )}
    <li class="quiet" title="An arrow leads from who speaks to who may read it"><span aria-hidden="true">→</span><span>says to</span></li>
  </ul>`;
}
