/** A resume to read, for who may not edit it, and as it was. */
import { html, useState } from '../../lib/preact.js';
import { AgentChip, Badge, Button, Card, Icon, Name, Text } from '../../lib/components/index.js';
import { credits, count } from '../../lib/format.js';
import { visible } from '../../lib/text.js';
import { scheduleInWords } from './fire-points.js';

/** @param {{ read: import('./resume.js').Read, agent: any }} props */
export function ResumeView({ read, agent }) {
  const [isRaw, setRaw] = useState(read.data === null);
  const resume = read.data;
  return html`<div class="resume">
    <div class="resume-bar">
      <div class="segmented" role="group" aria-label="Show as">
        <${Button} small pressed=${!isRaw} disabled=${resume === null} onClick=${() => setRaw(false)}>Page<//>
        <${Button} small pressed=${isRaw} onClick=${() => setRaw(true)}>JSON<//>
      </div>
      <p class="quiet small row"><${Icon} name="eye" size=${15} />To read only</p>
    </div>
    ${isRaw || resume === null
      ? html`<${Card}><${Text} value=${read.text} mono max=${20_000} /><//>`
      : html`<${Card} title="Who it is">
            <dl class="facts">
              <dt>Title</dt><dd><${Name} value=${resume.title ?? '–'} /></dd>
              <dt>What it is for</dt><dd><${Text} value=${resume.short_description ?? '–'} /></dd>
              ${resume.workflow_description ? html`<dt>How it works</dt><dd><${Text} value=${resume.workflow_description} /></dd>` : null}
              <dt>Enabled</dt><dd>${resume.enabled === false ? html`<${Badge} tone="warn">disabled<//>` : 'yes'}</dd>
            </dl>
          <//>
          <${Card} title="Instructions" hint="What the model is told"><div class="prose"><${Text} value=${resume.instructions ?? ''} max=${20_000} /></div><//>
          <div class="columns">
            <${Card} title="Model and schedule">
              <dl class="facts">
                <dt>Model</dt><dd><${Name} value=${resume.model?.key ?? '–'} /></dd>
                <dt>Temperature</dt><dd>${resume.model?.temperature ?? '0.2'}</dd>
                <dt>Tokens of an answer</dt><dd>${count(resume.model?.max_tokens ?? 2048)}</dd>
                <dt>Runs</dt><dd>${scheduleInWords(resume.schedule ?? agent.schedule) || 'every tick'}</dd>
                <dt>Account</dt><dd>${credits(resume.credits?.max_credits ?? 100)}, soft cap ${credits(resume.credits?.soft_cap ?? 50)}</dd>
              </dl>
            <//>
            <${Card} title="Permissions">
              <dl class="facts">
                <dt>Reads</dt><dd><${Who} names=${resume.permissions?.read_outboxes ?? []} none="nobody" /></dd>
                <dt>May write to</dt><dd>${resume.permissions?.send_outboxes ? html`<${Who} names=${resume.permissions.send_outboxes} none="people only" />` : 'anyone'}</dd>
                <dt>Tools</dt><dd><span class="row row-tight">${(resume.permissions?.tools ?? []).map((/** @type {string} */ tool) => html`<code key=${tool} class="tag">${visible(tool)}</code>`)}</span></dd>
              </dl>
            <//>
          </div>`}
  </div>`;
}

/** @param {{ names: string[] | string, none: string }} props */
function Who({ names, none }) {
  const list = Array.isArray(names) ? names : [names];
  if (list.includes('*')) return html`everyone`;
  if (!list.length) return html`<span class="quiet">${none}</span>`;
  return html`<span class="row row-tight">${list.map((name) => html`<${AgentChip} key=${String(name)} name=${String(name)} />`)}</span>`;
}
