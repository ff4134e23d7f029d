/** What the page can do about a problem, as buttons beside it. */
import { html, useState } from '../../lib/preact.js';
import { Button, LinkButton, say, sayError } from '../../lib/components/index.js';
import { segment, send } from '../../lib/api.js';
import { may, me, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { href } from '../../router.js';
import { TopUp } from '../agents/top-up.js';
import { BudgetTopUp } from '../spend/budget.js';
import { actsOf, pointerOf } from './kinds.js';

/** @typedef {import('./kinds.js').Problem} Problem */

/** @param {{ problem: Problem, onDone: () => void }} props */
export function Acts({ problem, onDone }) {
  return html`<div class="row problem-acts">
    ${actsOf(problem).map((act, i) => html`<${Act} key=${act} act=${act} problem=${problem} isFirst=${i === 0} onDone=${onDone} />`)}
  </div>`;
}

/** @param {{ act: import('./kinds.js').Act, problem: Problem, isFirst: boolean, onDone: () => void }} props */
function Act({ act, problem, isFirst, onDone }) {
  const rights = useSignal(me);
  const kind = isFirst ? 'plain' : 'ghost';
  const { agent, since } = problem;
  switch (act) {
    case 'top_up':
      return agent && may('control') ? html`<${TopUpAct} agent=${agent} onDone=${onDone} />` : null;
    case 'budget':
      return html`${may('control') ? html`<${BudgetAct} onDone=${onDone} />` : null}<${LinkButton} small kind=${kind} icon="settings" href=${href('/settings', { tab: 'organisation' })}>${may('edit') ? 'Change the budget' : 'See the budget'}<//>`;
    case 'turn':
      return agent && since
        ? html`<${LinkButton} small kind=${kind} icon="eye" href=${href(`/ticks/${since}/turns/${segment(agent)}`)}>See the turn<//>`
        : agent ? html`<${LinkButton} small kind=${kind} icon="agent" href=${href(`/agents/${segment(agent)}`)}>See the agent<//>` : null;
    case 'why':
      return agent ? html`<${LinkButton} small kind=${kind} icon="info" href=${href(`/agents/${segment(agent)}`, { tab: 'schedule' })}>Why?<//>` : null;
    case 'resume':
      return agent
        ? html`<${LinkButton} small kind=${kind} icon="edit" href=${href(`/agents/${segment(agent)}`, { tab: 'resume', field: pointerOf(problem) })}>${may('edit') ? 'Edit the resume' : 'See the resume'}<//>`
        : null;
    case 'model':
      return html`<${LinkButton} small kind=${kind} icon="model" href=${href('/settings', { tab: 'models' })}>See the models<//>`;
    case 'approval':
      return html`<${LinkButton} small kind=${kind} icon="approvals" href=${href('/approvals', { tab: problem.kind === 'approval_refused' ? 'answered' : null, id: problem.action?.approval })}>${may('control') ? 'Look and answer' : 'Look'}<//>`;
    case 'tick':
      return may('control') && rights?.wakes
        ? html`<${Doing} icon="bolt" act=${() => send('POST', '/engine/tick', {})} done="A tick was started" onDone=${onDone}>Run a tick<//>`
        : null;
    case 'retry': {
      const rule = problem.action?.rule;
      return html`${may('control') && rights?.wakes
          ? html`<${Doing} icon="refresh" act=${() => send('POST', '/deliveries/retry', rule ? { rule } : {})} done="It is tried again" onDone=${onDone}>Try again<//>`
          : null}
        <${LinkButton} small kind="ghost" icon="send" href=${href('/settings', { tab: 'deliveries' })}>Deliveries<//>`;
    }
    case 'show_tick':
      return since ? html`<${LinkButton} small kind=${kind} icon="timeline" href=${href(`/timeline/${since}`)}>See the tick<//>` : null;
    case 'config':
      return html`<${LinkButton} small kind=${kind} icon="settings" href=${href('/settings', { tab: settingsOf(problem.path) })}>See the settings<//>`;
    case 'logs':
      return agent ? html`<${LinkButton} small kind=${kind} icon="list" href=${href(`/agents/${segment(agent)}`, { tab: 'turns' })}>See its turns<//>` : null;
    case 'tools':
      return html`<${LinkButton} small kind=${kind} icon="tool" href=${href('/settings', { tab: 'tools' })}>See the tools<//>`;
    default:
      return null;
  }
}

/**
 * The part of the settings that a file belongs to.
 * @param {string | null} path
 */
function settingsOf(path) {
  if (path === 'config/models.json') return 'models';
  if (path === 'config/tools.json') return 'tools';
  return path?.startsWith('ingress/') ? 'ingress' : null;
}

/** @param {{ children?: any, icon: import('../../lib/icons.js').IconName, act: () => Promise<unknown>, done: string, onDone: () => void }} props */
function Doing({ children, icon, act, done, onDone }) {
  const [busy, setBusy] = useState(false);
  const press = async () => {
    setBusy(true);
    try {
      await act();
      say(done);
      onDone();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<${Button} small icon=${icon} busy=${busy} onClick=${press}>${children}<//>`;
}

/** @param {{ onDone: () => void }} props */
function BudgetAct({ onDone }) {
  const [isOpen, setOpen] = useState(false);
  const budget = useSignal(status)?.budget ?? null;
  return html`<${Button} small icon="plus" onClick=${() => setOpen(true)}>Top up…<//>
    ${isOpen ? html`<${BudgetTopUp} budget=${budget} onClose=${() => setOpen(false)} onDone=${onDone} />` : null}`;
}

/** @param {{ agent: string, onDone: () => void }} props */
function TopUpAct({ agent, onDone }) {
  const [isOpen, setOpen] = useState(false);
  const known = useSignal(status)?.agents?.find((one) => one.name === agent);
  return html`<${Button} small icon="plus" onClick=${() => setOpen(true)}>Top up…<//>
    ${isOpen ? html`<${TopUp} agent=${known ?? { name: agent }} onClose=${() => setOpen(false)} onDone=${onDone} />` : null}`;
}
