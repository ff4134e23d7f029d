/** All that is wrong, worst first, each with what to do. */
import { html, useMemo } from '../../lib/preact.js';
import { AgentChip, Button, Card, Empty, Icon, Line, Loaded, Mark, PageHead, Text, say } from '../../lib/components/index.js';
import { count, plural } from '../../lib/format.js';
import { soon } from '../../lib/attention.js';
import { at } from '../../lib/scope.js';
import { loadStatus, me, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { visible } from '../../lib/text.js';
import { useWholeList } from '../../lib/whole-list.js';
import { href, setQuery } from '../../router.js';
import { Acts } from './acts.js';
import { SEVERITIES, idOf, kindOf } from './kinds.js';

/** @typedef {import('./kinds.js').Problem} Problem */

const SHAPES = /** @type {const} */ ({ bad: 'triangle', warn: 'ring', info: 'dot' });

/** @param {{ query: Record<string, string> }} props */
export default function Problems({ query }) {
  useSignal(at);
  useSignal(me);
  const isPaused = useSignal(status)?.paused;
  const read = useWholeList('/problems', 'problems', { live: ['problem', 'tick_closed', 'turn_failed', 'turn_committed'] });
  const done = () => {
    read.reload();
    void loadStatus();
    soon();
  };
  const total = read.data?.items.length ?? 0;
  return html`<div class="page problems">
    <${PageHead} title="Problems" hint=${read.data ? (total ? `${plural(total, 'problem')}, the worst first` : 'What is wrong, and what to do about it') : 'What is wrong, and what to do about it'}
      actions=${html`<${Button} icon="refresh" busy=${read.refreshing && read.data !== null} onClick=${read.reload}>Look again<//>`} />
    <p class="sr-only" role="status">${read.data ? plural(total, 'problem') : ''}</p>
    <${Loaded} of=${read} empty=${(/** @type {{ items: Problem[] }} */ all) => (all.items.length ? null : html`<${Card}><${Empty} icon="check" title="Nothing is wrong">
        ${isPaused ? 'The organisation is paused: no agent takes turns until it goes on. Else nothing failed' : 'No agent fails'}, everything that was sent arrived, and nothing waits for you.
      <//><//>`)}>
      ${(/** @type {{ items: Problem[] }} */ all) => html`<${Groups} problems=${all.items} agent=${query.agent ?? null} onDone=${done} />`}
    <//>
  </div>`;
}

/** @param {{ problems: Problem[], agent: string | null, onDone: () => void }} props */
function Groups({ problems, agent, onDone }) {
  const shown = agent ? problems.filter((problem) => problem.agent === agent) : problems;
  const groups = useMemo(
    () => SEVERITIES.map(([severity, title, hint]) => ({ severity, title, hint, items: shown.filter((problem) => kindOf(problem).severity === severity) })),
    [shown],
  );
  return html`
    ${agent ? html`<p class="row">Only <${AgentChip} name=${agent} /> <button type="button" class="link" onClick=${() => setQuery({ agent: null })}>Show all</button></p>` : null}
    ${groups.filter((group) => group.items.length).map(({ severity, title, hint, items }) => html`<section key=${severity} class="stack-tight" aria-labelledby=${`severity-${severity}`}>
      <header class="problem-group">
        <${Mark} shape=${SHAPES[severity]} tone=${severity} />
        <h2 id=${`severity-${severity}`}>${title}</h2><span class="quiet nums">${count(items.length)}</span><span class="quiet small">${hint}</span>
      </header>
      <${Card} flush><ul>${items.map((problem) => html`<${ProblemRow} key=${idOf(problem)} problem=${problem} onDone=${onDone} />`)}</ul><//>
    </section>`)}`;
}

/** @param {{ problem: Problem, onDone: () => void }} props */
function ProblemRow({ problem, onDone }) {
  const { title, severity } = kindOf(problem);
  const copy = () => navigator.clipboard?.writeText(problem.do ?? '').then(() => say('The command is copied'), () => say('The browser does not let it be copied', 'bad'));
  return html`<li class=${`problem problem-${severity}`}>
    <div class="problem-what">
      <p class="problem-title"><span>${visible(title)}</span>${problem.agent ? html`<${AgentChip} name=${problem.agent} />` : null}
        ${problem.since ? html`<a class="small" href=${href(`/timeline/${problem.since}`)}>since tick ${count(problem.since)}</a>` : null}</p>
      <div class="problem-text"><${Text} value=${problem.message} max=${400} /></div>
      ${problem.path ? html`<p class="small quiet"><${Icon} name="file" size=${13} /> <code><${Line} value=${problem.path} max=${120} /></code></p>` : null}
    </div>
    <div class="problem-do">
      <${Acts} problem=${problem} onDone=${onDone} />
      ${problem.do ? html`<p class="problem-command"><code>${visible(problem.do)}</code><${Button} kind="ghost" small icon="copy" label="Copy the command" onClick=${copy} /></p>` : null}
    </div>
  </li>`;
}
