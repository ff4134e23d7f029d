/** All agents: who there is, what each does, what it has left, when it ran and runs. */
import { html, useEffect, useMemo, useRef, useState } from '../../lib/preact.js';
import { AgentChip, Button, Card, Doing, Empty, Failure, Line, LinkButton, Loading, Meter, Name, PageHead, Status, Table, TextField, doingOf } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, credits, plural } from '../../lib/format.js';
import { useDoing } from '../../lib/graph/doing.js';
import { useRoster } from '../../lib/roster.js';
import { at } from '../../lib/scope.js';
import { may, me, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { href, navigate, setQuery } from '../../router.js';
import { nextFires, scheduleInWords } from './fire-points.js';

/** @typedef {import('../../lib/types.js').Agent} Agent */

/** In the order in which a person looks for them. */
const ORDER = ['broken', 'failed', 'out_of_credits', 'waiting', 'thinking', 'due', 'done', 'idle', 'paused', 'disabled'];

/** @param {{ query: Record<string, string> }} props */
export default function Agents({ query }) {
  useSignal(at);
  useSignal(me);
  const standing = useSignal(status);
  const { agents, error, reload } = useRoster();
  const live = useDoing();
  const [words, setWords] = useState(query.q ?? '');
  const state = query.state ?? '';
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ q: words || null }), 250);
    return () => clearTimeout(timer);
  }, [words]);

  const doingNow = (/** @type {Agent} */ agent) => live.get(agent.name) ?? agent.doing;
  const counts = useMemo(() => {
    /** @type {Map<string, number>} */
    const found = new Map();
    for (const agent of agents ?? []) found.set(doingNow(agent), (found.get(doingNow(agent)) ?? 0) + 1);
    return [...found].sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  }, [agents, live]);
  const rows = useMemo(() => {
    const wanted = words.trim().toLowerCase().split(/\s+/).filter(Boolean);
    return (agents ?? []).filter((agent) => {
      if (state && doingNow(agent) !== state) return false;
      if (!wanted.length) return true;
      const text = `${agent.name} ${agent.title} ${agent.short_description ?? ''} ${agent.model ?? ''}`.toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
  }, [agents, words, state, live]);

  return html`<div class="page">
    <${PageHead}
      title="Agents"
      hint=${agents ? plural(agents.length, 'agent') : 'Who works here'}
      actions=${may('edit') ? html`<${LinkButton} kind="primary" icon="plus" href=${href('/new-agent')}>New agent<//>` : null}
    />
    ${agents === null
      ? error
        ? html`<${Failure} error=${error} onRetry=${reload} />`
        : html`<${Card}><${Loading} label="Agents" rows=${8} /><//>`
      : agents.length === 0
        ? html`<${Card}><${Empty} icon="agents" title="Nobody works here yet" action=${may('edit') ? html`<${LinkButton} kind="primary" icon="plus" href=${href('/new-agent')}>New agent<//>` : null}>
            An agent is a resume: what it is for, whom it reads, and when it runs.
          <//><//>`
        : html`<${Card} flush>
            <div class="list-tools">
              <div class="list-search"><${TextField} label=${html`<span class="sr-only">Search agents</span>`} type="search" value=${words} placeholder="Search by name, title, model…" onInput=${setWords} /></div>
              <div class="filters" role="group" aria-label="Show by state">
                <${Button} small kind="ghost" pressed=${!state} onClick=${() => setQuery({ state: null })}>All <span class="nums quiet">${count(agents.length)}</span><//>
                ${counts.map(
                  ([name, number]) => html`<${Button} key=${name} small kind="ghost" pressed=${state === name} onClick=${() => setQuery({ state: state === name ? null : name })}
                    >${doingOf(name).word} <span class="nums quiet">${count(number)}</span><//>`,
                )}
              </div>
              <p class="sr-only" role="status">${plural(rows.length, 'agent')} shown</p>
            </div>
            ${rows.length === 0
              ? html`<${Empty} icon="search" title="No agent is like that" action=${html`<${Button} onClick=${() => { setWords(''); setQuery({ q: null, state: null }); }}>Show all<//>`} />`
              : html`<${AgentTable} rows=${rows} doing=${doingNow} clock=${standing?.clock ?? 0} />`}
          <//>`}
  </div>`;
}

/**
 * @param {{ rows: Agent[], doing: (agent: Agent) => string, clock: number }} props
 */
function AgentTable({ rows, doing, clock }) {
  const height = useRoomBelow();
  const columns = useMemo(
    () => [
      {
        id: 'name',
        title: 'Agent',
        width: 'minmax(150px, 1.4fr)',
        sort: (/** @type {Agent} */ a) => a.name,
        cell: (/** @type {Agent} */ a) => html`<${AgentChip} name=${a.name} />`,
      },
      { id: 'title', title: 'Title', width: 'minmax(110px, 1.2fr)', wideOnly: true, sort: (/** @type {Agent} */ a) => a.title, cell: (/** @type {Agent} */ a) => html`<div class="line-box"><${Line} value=${a.title} max=${80} /></div>` },
      { id: 'state', title: 'State', width: '130px', sort: (/** @type {Agent} */ a) => ORDER.indexOf(doing(a)), cell: (/** @type {Agent} */ a) => html`<${Doing} doing=${doing(a)} />` },
      {
        id: 'credits',
        title: 'Credits',
        width: '150px',
        wideOnly: true,
        number: true,
        sort: (/** @type {Agent} */ a) => a.credits_left,
        cell: (/** @type {Agent} */ a) => html`<div class="credit-cell">
          <span class=${a.below_soft_cap ? 'tone-warn' : ''}>${credits(a.credits_left)}</span>
          ${a.max_credits && a.credits_left !== null ? html`<${Meter} value=${a.credits_left} max=${a.max_credits} label=${`${credits(a.credits_left)} of ${credits(a.max_credits)} credits left${a.below_soft_cap ? ', below the soft cap' : ''}`} />` : null}
        </div>`,
      },
      { id: 'unread', title: 'Unread', width: '76px', wideOnly: true, number: true, sort: (/** @type {Agent} */ a) => a.unread, cell: (/** @type {Agent} */ a) => (a.unread ? count(a.unread) : html`<span class="quiet">0</span>`) },
      {
        id: 'last',
        title: 'Last turn',
        width: '132px',
        wideOnly: true,
        number: true,
        sort: (/** @type {Agent} */ a) => a.last_turn?.tick,
        cell: (/** @type {Agent} */ a) =>
          a.last_turn
            ? html`<a class="quiet-link" href=${href(`/ticks/${a.last_turn.tick}/turns/${segment(a.name)}`)}>tick ${count(a.last_turn.tick)}</a> ${a.last_turn.status === 'ok' ? null : html`<${Status} status=${a.last_turn.status} />`}`
            : html`<span class="quiet">never</span>`,
      },
      {
        id: 'next',
        title: 'Next at clock',
        width: '112px',
        wideOnly: true,
        number: true,
        sort: (/** @type {Agent} */ a) => (a.schedule && a.enabled ? nextFires(a.schedule, clock)[0] : null),
        cell: (/** @type {Agent} */ a) => (a.schedule && a.enabled ? html`<span title=${scheduleInWords(a.schedule)}>${count(nextFires(a.schedule, clock)[0])}</span>` : html`<span class="quiet">–</span>`),
      },
      { id: 'model', title: 'Model', width: 'minmax(70px, 0.7fr)', wideOnly: true, sort: (/** @type {Agent} */ a) => a.model, cell: (/** @type {Agent} */ a) => html`<${Name} value=${a.model ?? '–'} class="quiet" />` },
    ],
    [clock, doing],
  );
  return html`<${Table}
    label="Agents"
    columns=${columns}
    rows=${rows}
    rowKey=${(/** @type {Agent} */ a) => a.name}
    onOpen=${(/** @type {Agent} */ a) => navigate(`/agents/${segment(a.name)}`)}
    sortBy="name"
    rowHeight=${46}
    height=${height.px}
  />`;
}

/** How much room a long table has in the window, in pixels. */
function useRoomBelow() {
  const [px, setPx] = useState(Math.max(320, innerHeight - 290));
  const kept = useRef(px);
  useEffect(() => {
    const change = () => {
      const next = Math.max(320, innerHeight - 290);
      if (next !== kept.current) setPx((kept.current = next));
    };
    addEventListener('resize', change);
    return () => removeEventListener('resize', change);
  }, []);
  return { px };
}
