/** What led to a question: why the agent had a turn, what it read, and what it did before it asked. */
import { html } from '../../lib/preact.js';
import { AgentChip, Icon, Line, Loaded, Name, Text } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, plural } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { href } from '../../router.js';

/** @type {Record<string, string>} */
const CAUSES = {
  schedule: 'its time had come',
  catch_up: 'a slot was caught up with',
  mail: 'it had unread mail',
  approval: 'a call of it had been answered',
  named: 'somebody asked for it by name',
};

const MOST = 8;

/** @param {{ agent: string, tick: number }} props */
export function AskedIn({ agent, tick }) {
  const turn = useResource(`/ticks/${tick}/turns/${segment(agent)}`, { at: null });
  return html`<div class="asked">
    <${Loaded} of=${turn} rows=${3}>
      ${(/** @type {any} */ found) => {
        const read = found.record?.inbox ?? [];
        const done = (found.record?.exchanges ?? []).flatMap((/** @type {any} */ exchange) => exchange.results ?? []).filter((/** @type {any} */ call) => !call.waits);
        const said = found.messages ?? [];
        return html`<dl class="asked-facts">
          <div><dt>It had a turn because</dt><dd>${CAUSES[found.because] ?? html`<${Line} value=${found.because ?? 'nobody knows why'} />`}</dd></div>
          <div><dt>It read</dt><dd>${read.length
            ? html`<ul class="stack-tight">${read.slice(0, MOST).map((/** @type {any} */ one) => html`<li key=${one.id} class="row row-tight"><${AgentChip} name=${one.from} /><a class="small" href=${href(`/threads/${segment(one.id)}`)}>the conversation</a></li>`)}
                ${read.length > MOST ? html`<li class="quiet small">and ${count(read.length - MOST)} more</li>` : null}</ul>`
            : 'nothing new'}</dd></div>
          ${done.length
            ? html`<div><dt>It called</dt><dd><ul class="stack-tight">${done.slice(0, MOST).map((/** @type {any} */ call, /** @type {number} */ i) => html`<li key=${i} class="asked-call">
                <${Icon} name=${call.ok ? 'check' : 'close'} size=${14} /><span class="sr-only">${call.ok ? 'worked: ' : 'failed: '}</span><code><${Name} value=${call.tool} /></code> <${Line} value=${JSON.stringify(call.arguments)} max=${140} /></li>`)}
                ${done.length > MOST ? html`<li class="quiet small">and ${count(done.length - MOST)} more</li>` : null}</ul></dd></div>`
            : null}
          ${said.length
            ? html`<div><dt>It said</dt><dd class="stack-tight">${said.slice(0, 3).map((/** @type {any} */ message) => html`<${Text} key=${message.id} value=${message.text} max=${600} />`)}
                ${said.length > 3 ? html`<p class="quiet small">and ${plural(said.length - 3, 'more message')}</p>` : null}</dd></div>`
            : null}
        </dl>
        <p class="small"><a href=${href(`/ticks/${tick}/turns/${segment(agent)}`)}>The whole turn</a></p>`;
      }}
    <//>
  </div>`;
}
