/** What is chosen in the graph: an agent, or who reads whom and why, with what was said last. */
import { html } from '../../lib/preact.js';
import { Avatar, Button, Doing, Line, LinkButton, Loaded, MessageLine, Meter, Name } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, credits, words } from '../../lib/format.js';
import { linkBetween } from '../../lib/graph/model.js';
import { useResource } from '../../lib/resource.js';
import { may } from '../../lib/session.js';
import { href } from '../../router.js';

/** @typedef {import('../../lib/types.js').Agent} Agent */
/** @typedef {import('../../lib/graph/view.js').Choice} Choice */
/** @typedef {import('../../lib/graph/model.js').Model} Model */

/**
 * @param {{ choice: NonNullable<Choice>, model: Model, agents: Agent[], doing: Map<string, string>, onChoose: (choice: Choice) => void, innerRef: any }} props
 */
export function Panel({ choice, model, agents, doing, onChoose, innerRef }) {
  const label = choice.kind === 'agent' ? 'The chosen agent' : 'The chosen permission';
  return html`<aside class="panel" aria-label=${label} tabindex="-1" ref=${innerRef}>
    <span class="panel-close"><${Button} kind="ghost" small icon="close" label="Close" onClick=${() => onChoose(null)} /></span>
    ${choice.kind === 'agent'
      ? html`<${AgentPanel} name=${choice.name} model=${model} agent=${agents.find((agent) => agent.name === choice.name)} doing=${doing} onChoose=${onChoose} />`
      : html`<${EdgePanel} from=${choice.from} to=${choice.to} model=${model} agents=${agents} onChoose=${onChoose} />`}
  </aside>`;
}

/**
 * @param {{ name: string, model: Model, agent: Agent | undefined, doing: Map<string, string>, onChoose: (choice: Choice) => void }} props
 */
function AgentPanel({ name, model, agent, doing, onChoose }) {
  const node = model.byName.get(name);
  if (!node) return null;
  const links = node.links.map((index) => model.links[index]);
  const other = (/** @type {import('../../lib/graph/model.js').Link} */ link) => model.nodes[link.a === node.index ? link.b : link.a].name;
  const hears = links.filter((link) => (link.a === node.index ? link.back : link.forward)).map(other);
  const heardBy = links.filter((link) => (link.a === node.index ? link.forward : link.back)).map(other);
  return html`<div class="panel-head">
      <${Avatar} name=${name} large />
      <div class="grow"><h2><${Name} value=${name} /></h2><p class="quiet"><${Line} value=${node.title} max=${80} /></p></div>
    </div>
    <div class="row"><${Doing} doing=${doing.get(name) ?? node.doing} />
      ${agent?.last_turn ? html`<a class="small" href=${href(`/ticks/${agent.last_turn.tick}/turns/${segment(name)}`)}>last turn: tick ${count(agent.last_turn.tick)}, ${words(agent.last_turn.status)}</a>` : html`<span class="quiet small">has not run yet</span>`}
    </div>
    ${agent?.short_description ? html`<p class="panel-text"><${Line} value=${agent.short_description} max=${300} /></p>` : null}
    ${agent
      ? html`<dl class="panel-facts">
          <div><dt>Credits left</dt><dd class="nums">${credits(agent.credits_left)}${agent.max_credits ? html`<span class="quiet"> of ${credits(agent.max_credits)}</span>` : null}
            ${agent.max_credits && agent.credits_left !== null ? html`<${Meter} value=${agent.credits_left} max=${agent.max_credits} label=${`${credits(agent.credits_left)} of ${credits(agent.max_credits)} credits left`} />` : null}</dd></div>
          <div><dt>Unread</dt><dd class="nums">${count(agent.unread)}</dd></div>
          ${agent.schedule ? html`<div><dt>Runs</dt><dd>every ${agent.schedule.run_every_n_ticks === 1 ? 'tick' : `${count(agent.schedule.run_every_n_ticks)} ticks`}${agent.schedule.when === 'on_message' ? ', when it has mail' : ''}</dd></div>` : null}
          ${agent.model ? html`<div><dt>Model</dt><dd><${Name} value=${agent.model} /></dd></div>` : null}
        </dl>`
      : null}
    <div class="row">
      <${LinkButton} small kind="primary" icon="agent" href=${href(`/agents/${segment(name)}`)}>Open<//>
      ${may('send') ? html`<${LinkButton} small icon="chat" href=${href(`/chat/${segment(name)}`)}>Chat<//>` : null}
      <${LinkButton} small icon="messages" href=${href('/messages', { agent: name })}>Messages<//>
    </div>
    <${Neighbours} title="Reads" names=${hears} none="It reads nobody: only people reach it." edge=${(/** @type {string} */ one) => onChoose({ kind: 'edge', from: one, to: name })} />
    <${Neighbours} title="Is read by" names=${heardBy} none="No agent reads it." edge=${(/** @type {string} */ one) => onChoose({ kind: 'edge', from: name, to: one })} />
    <${LastMessages} title="Last messages" query=${{ agent: name, limit: 5 }} concerns=${(/** @type {any} */ m) => m.from === name || !m.to || m.to.includes(name)} />`;
}

/** @param {{ title: string, names: string[], none: string, edge: (name: string) => void }} props */
function Neighbours({ title, names, none, edge }) {
  return html`<section class="stack-tight">
    <h3>${title} <span class="quiet nums">${names.length || ''}</span></h3>
    ${names.length
      ? html`<ul class="panel-names" tabindex=${names.length > 12 ? 0 : undefined} aria-label=${title}>
          ${names.slice(0, 300).map((name) => html`<li key=${name}><button type="button" class="panel-name" onClick=${() => edge(name)}><${Avatar} name=${name} /><${Name} value=${name} /></button></li>`)}
        </ul>`
      : html`<p class="quiet">${none}</p>`}
  </section>`;
}

/**
 * @param {{ from: string, to: string, model: Model, agents: Agent[], onChoose: (choice: Choice) => void }} props
 */
function EdgePanel({ from, to, model, agents, onChoose }) {
  const link = linkBetween(model, from, to);
  const isBoth = Boolean(link?.forward && link?.back);
  return html`<div class="panel-head"><h2 class="panel-edge"><${Name} value=${from} /> <span aria-hidden="true">${isBoth ? '⇄' : '→'}</span><span class="sr-only">${isBoth ? 'and' : 'to'}</span> <${Name} value=${to} /></h2></div>
    <div class="row">
      <button type="button" class="panel-name" onClick=${() => onChoose({ kind: 'agent', name: from })}><${Avatar} name=${from} /><${Name} value=${from} /></button>
      <button type="button" class="panel-name" onClick=${() => onChoose({ kind: 'agent', name: to })}><${Avatar} name=${to} /><${Name} value=${to} /></button>
    </div>
    <${Way} from=${from} to=${to} agents=${agents} />
    ${isBoth ? html`<${Way} from=${to} to=${from} agents=${agents} />` : html`<p class="quiet"><${Name} value=${from} /> does not read <${Name} value=${to} />.</p>`}
    <${LastMessages} title=${html`From <${Name} value=${from} />`} query=${{ from, to, limit: 5 }} concerns=${(/** @type {any} */ m) => m.from === from} more=${href('/messages', { from, to })} />
    ${isBoth ? html`<${LastMessages} title=${html`From <${Name} value=${to} />`} query=${{ from: to, to: from, limit: 5 }} concerns=${(/** @type {any} */ m) => m.from === to} more=${href('/messages', { from: to, to: from })} />` : null}`;
}

/**
 * One way of a link, and why it is there.
 * @param {{ from: string, to: string, agents: Agent[] }} props
 */
function Way({ from, to, agents }) {
  const reader = agents.find((agent) => agent.name === to);
  const speaker = agents.find((agent) => agent.name === from);
  const reads = reader?.reads?.includes(from) ? 'names it' : reader?.reads?.includes('*') ? 'has * (everyone)' : 'allows it';
  const sends = !speaker?.sends ? 'does not limit whom it writes to' : speaker.sends.includes(to) ? 'names the reader' : speaker.sends.includes('*') ? 'has * (everyone)' : 'allows it';
  return html`<div class="panel-way">
    <p><b><${Name} value=${to} /></b> may read what <b><${Name} value=${from} /></b> says.</p>
    <ul class="quiet small">
      <li><code>read_outboxes</code> of <${Name} value=${to} /> ${reads};</li>
      <li><code>send_outboxes</code> of <${Name} value=${from} /> ${sends}.</li>
    </ul>
  </div>`;
}

/**
 * @param {{ title: any, query: Record<string, string | number>, concerns: (message: import('../../lib/types.js').Message) => boolean, more?: string }} props
 */
function LastMessages({ title, query, concerns, more }) {
  const messages = useResource('/messages', { query, live: ['message'], concerns: (event) => Boolean(event.message && concerns(event.message)) });
  return html`<section class="stack-tight">
    <div class="row"><h3 class="grow">${title}</h3>${more ? html`<a class="small" href=${more}>All</a>` : null}</div>
    <${Loaded} of=${messages} rows=${3} empty=${(/** @type {any} */ d) => (d.messages.length ? null : html`<p class="quiet">Nothing was said yet.</p>`)}>
      ${(/** @type {any} */ d) => d.messages.map((/** @type {any} */ message) => html`<${MessageLine} key=${message.id} message=${message} max=${220} />`)}
    <//>
  </section>`;
}
