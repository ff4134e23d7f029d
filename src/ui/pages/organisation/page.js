/** The organisation: who there is, who may read whom, what is being said. */
import { html, useEffect, useMemo, useRef, useState } from '../../lib/preact.js';
import { Button, Empty, Failure, LinkButton, Loading, PageHead, useNarrow } from '../../lib/components/index.js';
import { plural } from '../../lib/format.js';
import { useDoing } from '../../lib/graph/doing.js';
import { linkBetween, modelOf } from '../../lib/graph/model.js';
import { GraphView } from '../../lib/graph/view.js';
import { useKept } from '../../lib/kept.js';
import { useResource } from '../../lib/resource.js';
import { useRoster } from '../../lib/roster.js';
import { at } from '../../lib/scope.js';
import { may, me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { line } from '../../lib/text.js';
import { isPlaying, showTick } from '../../lib/timeline/player.js';
import { href, setQuery } from '../../router.js';
import { Legend } from './legend.js';
import { AgentList } from './list.js';
import { Notes } from './notes.js';
import { Panel } from './panel.js';

/** @param {{ query: Record<string, string> }} props */
export default function Organisation({ query }) {
  const tick = useSignal(at);
  useSignal(me);
  useEffect(() => {
    // Who goes to a past tick here sees what was said in it; while it plays, the player shows it.
    if (tick !== null && !isPlaying.peek()) void showTick(tick);
  }, [tick]);
  const graph = useKept(useResource('/org-graph', { live: ['tick_closed'] }));
  const roster = useRoster();
  const doing = useDoing();
  const isNarrow = useNarrow();
  const [words, setWords] = useState('');
  const panel = useRef(/** @type {HTMLElement | null} */ (null));
  const agents = roster.agents;
  const model = useMemo(() => (graph.data && agents ? modelOf(graph.data, agents) : null), [graph.data, agents]);
  const found = useMemo(() => (model && words.trim() ? matching(model, words) : null), [model, words]);
  const choice = useMemo(() => choiceOf(query), [query.agent, query.from, query.to]);
  const isKnown = Boolean(model && choice && (choice.kind === 'agent' ? model.byName.has(choice.name) : linkBetween(model, choice.from, choice.to)));
  const isList = query.view === 'list';
  useEffect(() => {
    // Who searches and finds exactly one wants to see it.
    if (found?.size === 1) choose({ kind: 'agent', name: [...found][0] });
  }, [found]);

  if (!model || !graph.data) {
    const error = graph.error ?? roster.error;
    return html`<div class="page">
      <${PageHead} title="Organisation" />
      ${error ? html`<${Failure} error=${error} onRetry=${() => { graph.reload(); roster.reload(); }} />` : html`<${Loading} label="The organisation" rows=${6} />`}
    </div>`;
  }
  const hint = `${plural(model.nodes.length, 'agent')}, ${plural(model.permissions, 'permission')} to read`;
  const isPanel = choice && isKnown;
  return html`<div class="page-full organisation">
    <${PageHead}
      title="Organisation"
      hint=${hint}
      actions=${html`<label class="graph-search">
          <span class="sr-only">Find an agent</span>
          <input class="input" type="search" placeholder="Find an agent" list="agent-names" value=${words} autocomplete="off"
            onInput=${(/** @type {any} */ event) => setWords(event.target.value)} />
          <datalist id="agent-names">${model.nodes.length <= 1_000 ? model.nodes.map((node) => html`<option key=${node.name} value=${line(node.name)}>${line(node.title, 60)}</option>`) : null}</datalist>
        </label>
        <div class="row row-tight" role="group" aria-label="Show as">
          <${Button} icon="graph" pressed=${!isList} onClick=${() => setQuery({ view: null })}>Graph<//>
          <${Button} icon="list" pressed=${isList} onClick=${() => setQuery({ view: 'list' })}>Table<//>
        </div>
        ${may('edit') && !isNarrow ? html`<${LinkButton} icon="plus" href=${href('/new-agent')}>New agent<//>` : null}`}
    />
    ${model.nodes.length === 0
      ? html`<${Empty} icon="agents" title="There are no agents yet" action=${may('edit') ? html`<${LinkButton} kind="primary" icon="plus" href=${href('/new-agent')}>Make the first<//>` : null}>
          An agent is a resume: who it is, what it may do, and whom it reads.
        <//>`
      : html`<div class=${`organisation-body ${isPanel ? 'has-panel' : ''}`}>
          ${isList
            ? html`<${AgentList} model=${model} agents=${agents} doing=${doing} found=${found} choice=${choice} onChoose=${choose} />`
            : html`<${GraphView} model=${model} doing=${doing} choice=${choice} onChoose=${choose} found=${found} onOpen=${() => panel.current?.focus()}>
                <${Legend} model=${model} doing=${doing} />
                <${Notes} notes=${graph.data.notes} onChoose=${choose} />
                ${found ? html`<p class="graph-found" role="status">${found.size ? plural(found.size, 'agent') : 'No agent'} found</p>` : null}
              <//>`}
          ${isPanel ? html`<${Panel} key=${JSON.stringify(choice)} choice=${choice} model=${model} agents=${agents} doing=${doing} onChoose=${choose} innerRef=${panel} />` : null}
        </div>`}
  </div>`;
}

/** @param {import('../../lib/graph/view.js').Choice} choice */
function choose(choice) {
  setQuery({
    agent: choice?.kind === 'agent' ? choice.name : null,
    from: choice?.kind === 'edge' ? choice.from : null,
    to: choice?.kind === 'edge' ? choice.to : null,
  });
}

/**
 * @param {Record<string, string>} query
 * @returns {import('../../lib/graph/view.js').Choice}
 */
function choiceOf(query) {
  if (query.agent) return { kind: 'agent', name: query.agent };
  if (query.from && query.to) return { kind: 'edge', from: query.from, to: query.to };
  return null;
}

/**
 * The agents whose name, title or state has the words.
 * @param {import('../../lib/graph/model.js').Model} model
 * @param {string} words
 * @returns {Set<string>}
 */
function matching(model, words) {
  const wanted = words.trim().toLowerCase();
  const exact = model.nodes.filter((node) => node.name.toLowerCase() === wanted);
  if (exact.length) return new Set(exact.map((node) => node.name));
  return new Set(model.nodes.filter((node) => `${node.name} ${node.title} ${node.doing}`.toLowerCase().includes(wanted)).map((node) => node.name));
}
