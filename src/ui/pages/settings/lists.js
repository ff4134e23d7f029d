/** Tools and templates: what there is, who uses it, and what is wrong with it. */
import { html, useState } from '../../lib/preact.js';
import { AgentChip, Badge, Card, Empty, JsonView, Line, Loaded, Name, Table, Text, Time } from '../../lib/components/index.js';
import { count, plural, words } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { may } from '../../lib/session.js';
import { line } from '../../lib/text.js';
import { useWholeList } from '../../lib/whole-list.js';
import { href } from '../../router.js';
import { Command } from './command.js';

const REACHES = /** @type {Record<string, 'quiet' | 'info' | 'warn'>} */ ({ reads: 'quiet', writes: 'info', runs: 'warn', outside: 'warn' });

export function ToolsTab() {
  const tools = useResource('/tools', { live: ['tick_closed'] });
  const [chosen, setChosen] = useState(/** @type {string | null} */ (null));
  return html`<${Loaded} of=${tools} rows=${8}>
    ${(/** @type {any} */ d) => {
      const tool = d.tools.find((/** @type {any} */ one) => one.tool === chosen);
      return html`
        ${d.servers.length
          ? html`<${Card} title="Servers" hint=${html`MCP servers of <code>config/tools.json</code>. Their tools are there once a person has accepted them.`} flush>
              <ul>${d.servers.map((/** @type {any} */ server) => html`<li key=${server.server} class="line-row">
                <b><${Name} value=${server.server} /></b>
                ${server.accepted === null || server.accepted === undefined ? html`<${Badge} tone="warn">not accepted<//>` : html`<${Badge} tone="ok">${plural(server.accepted, 'tool')} accepted<//>`}
                ${server.accepted_at ? html`<span class="quiet small"><${Time} value=${server.accepted_at} /></span>` : null}
                ${server.problem ? html`<span class="tone-bad small"><${Line} value=${server.problem} max=${200} /></span>` : null}
                <span class="grow"></span>
                ${server.accepted === null || server.accepted === undefined ? html`<${Command} text=${`lemming tools accept ${server.server}`} />` : null}
              </li>`)}</ul><//>`
          : null}
        <${Card} title="Tools" hint="What agents may call, once their resumes permit it." flush>
          <${Table} label="Tools" rows=${d.tools} rowKey=${(/** @type {any} */ one) => one.tool} rowHeight=${48} sortBy="tool" current=${chosen}
            onOpen=${(/** @type {any} */ one) => setChosen(one.tool === chosen ? null : one.tool)} columns=${[
              { id: 'tool', title: 'Tool', width: 'minmax(130px, 1fr)', sort: (/** @type {any} */ t) => t.tool, cell: (/** @type {any} */ t) => html`<b><${Name} value=${t.tool} /></b>` },
              { id: 'about', title: 'What it does', width: 'minmax(160px, 3fr)', wideOnly: true, cell: (/** @type {any} */ t) => html`<${Line} value=${t.description} max=${160} />` },
              { id: 'reach', title: 'Reach', width: '90px', sort: (/** @type {any} */ t) => t.reach, cell: (/** @type {any} */ t) => html`<${Badge} tone=${REACHES[t.reach] ?? 'quiet'}>${words(t.reach ?? '')}<//>` },
              { id: 'approval', title: 'Asks first', width: '90px', wideOnly: true, sort: (/** @type {any} */ t) => JSON.stringify(t.approval), cell: (/** @type {any} */ t) => (t.approval === 'never' ? html`<span class="quiet">never</span>` : html`<${Badge} tone="warn">${typeof t.approval === 'string' ? words(t.approval) : 'above a limit'}<//>`) },
              { id: 'agents', title: 'Agents', width: '64px', number: true, wideOnly: true, sort: (/** @type {any} */ t) => t.agents.length, cell: (/** @type {any} */ t) => count(t.agents.length) },
              { id: 'problem', title: 'State', width: '96px', sort: (/** @type {any} */ t) => (t.problem ? 1 : 0), cell: (/** @type {any} */ t) => (t.problem ? html`<${Badge} tone="bad" title=${line(t.problem, 300)}>not usable<//>` : html`<${Badge} tone="ok">usable<//>`) },
            ]} />
        <//>
        ${tool ? html`<${ToolCard} key=${tool.tool} tool=${tool} />` : null}
        ${d.unknown?.length ? html`<${Card} title="Permitted, and not there" hint="Resumes name them; nothing is called by that name."><ul class="stack-tight">${d.unknown.map((/** @type {any} */ one, /** @type {number} */ i) => html`<li key=${i}><${JsonView} value=${one} open=${1} label="A tool that is not there" /></li>`)}</ul><//>` : null}
      `;
    }}
  <//>`;
}

/** @param {{ tool: any }} props */
function ToolCard({ tool }) {
  return html`<${Card} title=${html`<${Name} value=${tool.tool} />`} hint=${tool.server ? html`of the server <${Name} value=${tool.server} />` : 'built in'}>
    <div class="stack">
      <${Text} value=${tool.description} max=${1_500} />
      ${tool.problem ? html`<p class="tone-bad"><${Text} value=${tool.problem} /></p>` : null}
      ${tool.limits?.length ? html`<p class="small"><span class="quiet">Limits:</span> ${tool.limits.map((/** @type {string} */ limit) => line(limit, 200)).join('; ')}</p>` : null}
      <div class="row"><span class="quiet small">Permitted to</span>${tool.agents.length ? tool.agents.slice(0, 30).map((/** @type {string} */ agent) => html`<${AgentChip} key=${agent} name=${agent} />`) : html`<span class="quiet">nobody</span>`}${tool.agents.length > 30 ? html`<span class="quiet">+${tool.agents.length - 30}</span>` : null}</div>
      <div><h3>Arguments</h3><${JsonView} value=${tool.arguments} open=${3} label=${`Arguments of ${line(tool.tool)}`} /></div>
    </div>
  <//>`;
}

export function TemplatesTab() {
  const templates = useWholeList('/templates', 'templates');
  return html`<${Loaded} of=${templates} empty=${(/** @type {{ items: any[] }} */ all) => (all.items.length ? null : html`<${Card}><${Empty} icon="file" title="There are no templates" /><//>`)}>
    ${(/** @type {{ items: any[] }} */ all) => html`<div class="template-grid">${all.items.map((template) => html`<${Card} key=${`${template.of}/${template.name}`} title=${html`<${Name} value=${template.name} />`}
      hint=${`${template.of === 'program' ? 'comes with the program' : 'kept in this organisation'}${template.version ? `, version ${line(template.version, 20)}` : ''}`}>
      <div class="stack-tight">
        ${template.broken ? html`<p class="tone-bad"><${Text} value=${template.broken} max=${400} /></p>` : html`<${Text} value=${template.description} max=${400} />`}
        <p class="row row-tight">${template.agents.map((/** @type {string} */ agent) => html`<${AgentChip} key=${agent} name=${agent} plain />`)}</p>
        <p class="row row-tight">${(template.tags ?? []).map((/** @type {string} */ tag) => html`<${Badge} key=${tag}><${Name} value=${tag} /><//>`)}</p>
        <${Command} text=${`lemming agents new --from ${template.name}`} />
      </div>
    <//>`)}</div>
    ${may('edit') ? html`<p class="quiet small">One agent of a template: <a href=${href('/new-agent')}>New agent</a>. All of them: the command.</p>` : null}`}
  <//>`;
}
