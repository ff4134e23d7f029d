/** Keys, and about: who may do what, how keys are made, and what this server is. */
import { html } from '../../lib/preact.js';
import { Badge, Card, Name } from '../../lib/components/index.js';
import { count } from '../../lib/format.js';
import { me, orgs, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { line, visible } from '../../lib/text.js';
import { Command } from './command.js';

const SCOPES = /** @type {const} */ ([
  ['read', 'sees everything'],
  ['send', 'sends messages'],
  ['control', 'tops up, pauses, answers what agents ask, changes memory, runs ticks'],
  ['edit', 'changes agents, models and the organisation'],
]);

const ROLES = /** @type {const} */ ([
  ['viewer', ['read'], 'Who wants to look.'],
  ['operator', ['read', 'send', 'control'], 'Who works with the agents.'],
  ['admin', ['read', 'send', 'control', 'edit'], 'Who makes them.'],
]);

export function KeysTab() {
  const known = useSignal(me);
  return html`
    ${known
      ? html`<${Card} title="Your key" hint="What this page may do for you.">
          <dl class="facts">
            <div><dt>Name</dt><dd>${known.key ? html`<${Name} value=${known.key} />` : html`none: this server is open to who reaches it`}</dd></div>
            <div><dt>Role</dt><dd>${known.role ? html`<${Name} value=${known.role} />` : 'none of the three'}</dd></div>
            <div><dt>Scopes</dt><dd class="row row-tight">${known.scopes.map((scope) => html`<${Badge} key=${scope} tone="accent">${line(scope, 20)}<//>`)}</dd></div>
          </dl><//>`
      : null}
    <${Card} title="Roles" hint="A role is a set of scopes." flush>
      <div class="roles-scroll" tabindex="0" role="group" aria-label="Roles and scopes"><table class="roles">
        <thead><tr><th scope="col">Scope</th>${ROLES.map(([role]) => html`<th key=${role} scope="col">${role}</th>`)}<th scope="col" class="roles-what">What it allows</th></tr></thead>
        <tbody>${SCOPES.map(([scope, what]) => html`<tr key=${scope}><th scope="row"><code>${scope}</code></th>
          ${ROLES.map(([role, scopes]) => html`<td key=${role}>${/** @type {readonly string[]} */ (scopes).includes(scope) ? html`<span class="tone-ok" aria-label="yes">✓</span>` : html`<span class="quiet" aria-label="no">–</span>`}</td>`)}
          <td class="roles-what">${what}</td></tr>`)}</tbody>
      </table></div>
    <//>
    <${Card} title="Make a key" hint="Keys are made on the command line, where they are shown once. This page never makes one and never shows one; the organisation keeps their hashes alone.">
      <ul class="stack-tight">
        ${ROLES.map(([role, , who]) => html`<li key=${role} class="key-line"><span class="quiet small">${who}</span><${Command} text=${`lemming keys add NAME --role ${role}`} /></li>`)}
        <li class="key-line"><span class="quiet small">Which keys there are.</span><${Command} text="lemming keys list" /></li>
        <li class="key-line"><span class="quiet small">Takes one away, at once.</span><${Command} text="lemming keys remove NAME" /></li>
      </ul>
    <//>`;
}

export function AboutTab() {
  const known = useSignal(me);
  const shown = useSignal(status);
  const list = useSignal(orgs);
  return html`<${Card} title="About">
    <dl class="facts">
      <div><dt>LeMMing</dt><dd>${known ? html`version ${visible(known.version)}` : '–'}</dd></div>
      <div><dt>Organisation</dt><dd>${shown ? html`<${Name} value=${shown.org} />` : '–'}</dd></div>
      ${shown?.store ? html`<div><dt>Store</dt><dd><code>${line(shown.store, 200)}</code></dd></div>` : null}
      <div><dt>Last tick</dt><dd class="nums">${count(shown?.tick)} <span class="quiet">clock ${count(shown?.clock)}</span></dd></div>
      ${list.length > 1 ? html`<div><dt>Organisations</dt><dd class="nums">${count(list.length)}</dd></div>` : null}
      <div><dt>Runs ticks</dt><dd>${known?.wakes ? 'yes: this server runs them when it is asked' : 'no: another runner does, and this server only takes things in'}</dd></div>
    </dl>
  <//>
  <${Card} title="For programs" hint="Everything on these pages comes from the API.">
    <ul class="stack-tight">
      <li><a href="/api/docs" target="_blank" rel="noreferrer">Reference of the API</a></li>
      <li><a href="/api/openapi.json" target="_blank" rel="noreferrer">OpenAPI 3.1 document</a></li>
    </ul>
  <//>`;
}
