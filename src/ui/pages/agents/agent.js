/** One agent: its head, and a tab for each side of it. */
import { html, useEffect, useMemo } from '../../lib/preact.js';
import { Avatar, Doing, Empty, Failure, LinkButton, Loading, Name, Line, Tabs } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { useDoing } from '../../lib/graph/doing.js';
import { useKept } from '../../lib/kept.js';
import { useResource } from '../../lib/resource.js';
import { at } from '../../lib/scope.js';
import { may, me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { href, setQuery } from '../../router.js';
import { CreditsTab } from './credits.js';
import { FilesTab } from './files.js';
import { MailTab } from './mail.js';
import { MemoryTab } from './memory.js';
import { Overview } from './overview.js';
import { isRemoved } from './remove.js';
import { ResumeTab } from './resume.js';
import { ScheduleTab } from './schedule.js';
import { TurnsTab } from './turns.js';

/** @type {{ id: string, title: string, Body: (props: { agent: any, reload: () => void, query: Record<string, string> }) => any }[]} */
const TABS = [
  { id: 'overview', title: 'Overview', Body: Overview },
  { id: 'resume', title: 'Resume', Body: ResumeTab },
  { id: 'schedule', title: 'Schedule', Body: ScheduleTab },
  { id: 'mail', title: 'Mail', Body: MailTab },
  { id: 'memory', title: 'Memory', Body: MemoryTab },
  { id: 'files', title: 'Files', Body: FilesTab },
  { id: 'credits', title: 'Credits', Body: CreditsTab },
  { id: 'turns', title: 'Turns', Body: TurnsTab },
];

/** @param {{ params: Record<string, string>, query: Record<string, string> }} props */
export default function Agent({ params, query }) {
  useSignal(at);
  useSignal(me);
  const name = params.name;
  const agent = useKept(
    useResource(`/agents/${segment(name)}`, {
      live: ['turn_committed', 'turn_failed', 'tick_closed', 'credit'],
      concerns: (event) => event.type === 'tick_closed' || event.agent === name,
    }),
  );
  const doing = useDoing();
  const chosen = TABS.find((tab) => tab.id === query.tab) ?? TABS[0];
  // A memory, a file or a page of a list belongs to its tab.
  const choose = (/** @type {string} */ id) => setQuery({ tab: id === 'overview' ? null : id, key: null, file: null, box: null });
  const tabs = useMemo(
    () => TABS.map((tab) => ({ id: tab.id, title: tab.title, count: tab.id === 'mail' ? agent.data?.unread : null })),
    [agent.data?.unread],
  );
  const found = agent.data;
  // On a phone the chosen tab may lie beyond the edge.
  useEffect(() => document.getElementById(`tab-${chosen.id}`)?.scrollIntoView({ block: 'nearest', inline: 'center' }), [chosen.id, found === null]);
  return html`<div class="page agent-page">
    <header class="agent-head">
      <${Avatar} name=${name} large />
      <div class="grow">
        <a class="page-back" href=${href('/agents')}>← Agents</a>
        <div class="row"><h1 tabindex="-1" id="page-title"><${Name} value=${name} /></h1>${found && !isRemoved(found) ? html`<${Doing} doing=${doing.get(name) ?? found.doing} />` : null}</div>
        ${found?.title ? html`<p class="page-hint"><${Line} value=${found.title} max=${120} /></p>` : null}
      </div>
      <div class="row page-actions">
        <${LinkButton} icon="messages" href=${href('/messages', { agent: name })}>Messages<//>
        ${may('send') && found && !found.broken ? html`<${LinkButton} kind="primary" icon="chat" href=${href(`/chat/${segment(name)}`)}>Chat<//>` : null}
      </div>
    </header>
    ${found === null
      ? agent.error
        ? agent.error.status === 404
          ? html`<${Empty} icon="agent" title="No agent has this name" action=${html`<${LinkButton} href=${href('/agents')}>All agents<//>`}>
              <${Name} value=${name} /> is not, or was not yet, in this organisation.
            <//>`
          : html`<${Failure} error=${agent.error} onRetry=${agent.reload} />`
        : html`<${Loading} label="The agent" rows=${8} />`
      : html`<${Tabs} label="Sides of the agent" tabs=${tabs} chosen=${chosen.id} onChoose=${choose}>
          <${chosen.Body} agent=${{ ...found, name, doing: doing.get(name) ?? found.doing }} reload=${agent.reload} query=${query} />
        <//>`}
  </div>`;
}
