/** How an agent stands: why it runs or does not, its account, what it may do, what it did last. */
import { html, useState } from '../../lib/preact.js';
import { AgentChip, Badge, Button, Card, Confirm, Icon, Loaded, MessageLine, Meter, Name, Stat, Stats, Text, Time, say, sayError } from '../../lib/components/index.js';
import { segment, send } from '../../lib/api.js';
import { count, credits, duration, words } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { at } from '../../lib/scope.js';
import { may, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { visible } from '../../lib/text.js';
import { href } from '../../router.js';
import { nextFires, scheduleInWords } from './fire-points.js';
import { BringBack, RemoveAgent, isRemoved } from './remove.js';
import { TopUp } from './top-up.js';

/** @param {{ agent: any, reload: () => void }} props */
export function Overview({ agent, reload }) {
  const standing = useSignal(status);
  const resume = agent.resume ?? {};
  const schedule = agent.schedule ?? resume.schedule;
  const next = schedule && agent.enabled !== false && !isRemoved(agent) ? nextFires(schedule, standing?.clock ?? 0)[0] : null;
  return html`<${Findings} agent=${agent} />
    <${Card}>
      <${Stats}>
        <${Stat}
          label="Credits left"
          value=${credits(agent.credits_left)}
          tone=${agent.below_soft_cap ? 'warn' : undefined}
          note=${agent.max_credits ? html`<${Meter} value=${agent.credits_left ?? 0} max=${agent.max_credits} label=${`${credits(agent.credits_left)} of ${credits(agent.max_credits)}`} />of ${credits(agent.max_credits)}${agent.below_soft_cap ? ', below the soft cap' : ''}` : null}
        />
        <${Stat} label="Unread" value=${count(agent.unread ?? 0)} note=${agent.unread ? html`<a href=${href(`/agents/${segment(agent.name)}`, { tab: 'mail' })}>Read them</a>` : 'nothing waits'} />
        <${Stat} label="Turns" value=${count(agent.turns ?? 0)} note=${agent.last_turn ? html`last in <a href=${href(`/ticks/${agent.last_turn.tick}/turns/${segment(agent.name)}`)}>tick ${count(agent.last_turn.tick)}</a>` : 'none yet'} />
        <${Stat} label="Next fire point" value=${next === null ? '–' : html`<span class="quiet">clock</span> ${count(next)}`} note=${scheduleInWords(schedule)} />
        <${Stat} label="Failures in a row" value=${count(agent.failures ?? 0)} tone=${agent.failures ? 'bad' : undefined} note=${agent.failures ? 'its mail stays unread' : 'its last turn went well'} />
      <//>
    <//>
    <div class="columns">
      <div class="stack">
        <${Why} agent=${agent} />
        <${Last} agent=${agent} />
      </div>
      <div class="stack">
        <${Steer} agent=${agent} reload=${reload} />
        <${About} agent=${agent} resume=${resume} />
      </div>
    </div>`;
}

/** @param {{ agent: any }} props */
function Findings({ agent }) {
  if (!agent.broken && !agent.findings?.length) return null;
  if (isRemoved(agent)) {
    return html`<section class="findings" aria-label="It is removed">
      <p class="finding finding-warning"><${Icon} name="trash" /><span>It is removed, and takes no turns. What it said, kept and did is still here; its resume lies in <code>${visible(`removed/${agent.name}.json`)}</code>.</span></p>
    </section>`;
  }
  return html`<section class="findings" aria-label="What is wrong with its resume">
    ${agent.broken ? html`<p class="finding finding-error"><${Icon} name="problems" /><span>Its resume cannot be read: ${visible(agent.broken)}</span></p>` : null}
    ${(agent.findings ?? []).map(
      (/** @type {any} */ finding, /** @type {number} */ i) => html`<p key=${i} class=${`finding finding-${finding.severity === 'error' ? 'error' : 'warning'}`}>
        <${Icon} name="problems" /><span><strong>${finding.severity === 'error' ? 'Error' : 'Warning'}</strong>${finding.pointer ? html` at <code>${visible(finding.pointer)}</code>` : null}: ${visible(finding.message)}${finding.expected ? html`; <span class="quiet">${visible(finding.expected)}</span>` : null}</span>
      </p>`,
    )}
    <p><a href=${href(`/agents/${segment(agent.name)}`, { tab: 'resume' })}>To the resume</a></p>
  </section>`;
}

/** @param {{ agent: any }} props */
function Why({ agent }) {
  const tick = useSignal(at);
  const why = useResource(`/agents/${segment(agent.name)}/why`, {
    query: { tick },
    live: ['tick_opened', 'tick_closed', 'turn_committed', 'turn_failed', 'message'],
  });
  return html`<${Card} title="Why it runs, or does not">
    <${Loaded} of=${why} rows=${3} empty=${(/** @type {any} */ d) => ((d.answers ?? []).length ? null : html`<p class="quiet">No tick knew it yet.</p>`)}>
      ${(/** @type {any} */ d) => html`<ol class="why">
        ${[...(d.answers ?? [])].reverse().map(
          (/** @type {any} */ answer) => html`<li key=${answer.tick} class="why-item">
            <p class="why-when">
              ${answer.state === null || answer.state === undefined
                ? html`<${Badge} tone="info">next tick<//> <span class="quiet small nums">clock ${count(answer.clock)}</span>`
                : html`<a href=${href(`/timeline/${answer.tick}`)}>tick ${count(answer.tick)}</a> <span class="quiet small"><${Time} value=${answer.time} /></span>`}
              <${Badge} tone=${answer.ran ? 'ok' : answer.reason === 'failed' ? 'bad' : 'quiet'}>${words(answer.reason ?? (answer.ran ? 'ran' : 'did not run'))}<//>
            </p>
            <p dir="auto">${visible(answer.answer)}</p>
            ${answer.hint ? html`<p class="quiet small" dir="auto">${visible(answer.hint)}</p>` : null}
          </li>`,
        )}
      </ol>`}
    <//>
  <//>`;
}

/** @param {{ agent: any, reload: () => void }} props */
function Steer({ agent, reload }) {
  const isPast = useSignal(at) !== null;
  const [asks, setAsks] = useState(/** @type {'pause' | 'top-up' | 'remove' | null} */ (null));
  const [busy, setBusy] = useState(false);
  const setPaused = async (/** @type {boolean} */ paused) => {
    setBusy(true);
    try {
      await send('PUT', `/agents/${segment(agent.name)}/paused`, { paused });
      say(paused ? `${agent.name} rests from the next tick on` : `${agent.name} works again from the next tick on`);
      setAsks(null);
      reload();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  if (isRemoved(agent)) {
    return html`<${Card} title="Steer">${may('edit') ? html`<div class="row"><${BringBack} name=${agent.name} onDone=${reload} /></div>` : html`<p class="quiet">Who may edit can bring it back.</p>`}<//>`;
  }
  return html`<${Card} title="Steer" hint=${may('control') ? 'Commands take effect with the next tick.' : undefined}>
    ${may('control')
      ? html`<div class="row">
          ${agent.paused
            ? html`<${Button} kind="primary" icon="play" busy=${busy} onClick=${() => setPaused(false)}>Resume work<//>`
            : html`<${Button} icon="pause" onClick=${() => setAsks('pause')}>Pause<//>`}
          <${Button} icon="plus" onClick=${() => setAsks('top-up')}>Top up credits<//>
          ${may('edit') ? html`<${Button} kind="danger" icon="trash" onClick=${() => setAsks('remove')}>Remove<//>` : null}
        </div>`
      : html`<p class="quiet">${isPast ? 'The past can only be looked at.' : 'Your key can look, but not steer.'}</p>`}
    ${asks === 'pause'
      ? html`<${Confirm} title="Pause this agent?" confirm="Pause" busy=${busy} onClose=${() => setAsks(null)} onConfirm=${() => setPaused(true)}>
          <p><${Name} value=${agent.name} /> takes no turns until somebody resumes its work. Its mail waits.</p>
        <//>`
      : null}
    ${asks === 'top-up' ? html`<${TopUp} agent=${agent} onClose=${() => setAsks(null)} onDone=${reload} />` : null}
    ${asks === 'remove' ? html`<${RemoveAgent} name=${agent.name} onClose=${() => setAsks(null)} />` : null}
  <//>`;
}

/** @param {{ agent: any, resume: any }} props */
function About({ agent, resume }) {
  const reads = agent.reads ?? resume.permissions?.read_outboxes ?? [];
  const sends = agent.sends === undefined ? resume.permissions?.send_outboxes : agent.sends;
  const tools = agent.tools ?? resume.permissions?.tools ?? [];
  return html`<${Card} title="What it is for">
    <div class="stack">
      ${resume.short_description || agent.short_description ? html`<${Text} value=${resume.short_description ?? agent.short_description} max=${600} />` : null}
      <dl class="facts">
        <dt>Model</dt><dd><${Name} value=${agent.model?.key ?? agent.model ?? resume.model?.key ?? '–'} /></dd>
        <dt>Reads</dt><dd><${Names} names=${reads} none="nobody" /></dd>
        <dt>May write to</dt><dd>${sends ? html`<${Names} names=${sends} none="people only" />` : 'anyone'}</dd>
        <dt>Tools</dt><dd>${tools.length ? html`<span class="row row-tight">${tools.map((/** @type {string} */ tool) => html`<code key=${tool} class="tag">${visible(tool)}</code>`)}</span>` : html`<span class="quiet">none</span>`}</dd>
      </dl>
    </div>
  <//>`;
}

/** @param {{ names: string[] | string, none: string }} props */
function Names({ names, none }) {
  const list = Array.isArray(names) ? names : [names];
  if (!list.length) return html`<span class="quiet">${none}</span>`;
  if (list.includes('*')) return html`everyone`;
  return html`<span class="row row-tight">${list.slice(0, 40).map((name) => html`<${AgentChip} key=${name} name=${name} />`)}${list.length > 40 ? html`<span class="quiet">+${count(list.length - 40)}</span>` : null}</span>`;
}

/** @param {{ agent: any }} props */
function Last({ agent }) {
  const said = useResource('/messages', { query: { agent: agent.name, limit: 5 }, live: ['message', 'tick_closed'], concerns: (event) => event.type === 'tick_closed' || Boolean(event.message && (event.message.from === agent.name || event.message.to?.includes(agent.name) || !event.message.to)) });
  const turns = useResource(`/agents/${segment(agent.name)}/turns`, { query: { limit: 5 }, live: ['turn_committed', 'turn_failed', 'tick_closed'], concerns: (event) => !event.agent || event.agent === agent.name });
  return html`<${Card} title="Last turns" actions=${html`<a class="small" href=${href(`/agents/${segment(agent.name)}`, { tab: 'turns' })}>All turns</a>`}>
      <${Loaded} of=${turns} rows=${2} empty=${(/** @type {any} */ d) => (d.turns?.length ? null : html`<p class="quiet">It has taken no turn yet.</p>`)}>
        ${(/** @type {any} */ d) => html`<ul class="last-turns">
          ${d.turns.map(
            (/** @type {any} */ turn) => html`<li key=${turn.tick}>
              <a href=${href(`/ticks/${turn.tick}/turns/${segment(agent.name)}`)}>tick ${count(turn.tick)}</a>
              <${Badge} tone=${turn.status === 'ok' ? 'ok' : turn.status === 'failed' ? 'bad' : 'warn'}>${words(turn.status ?? '')}<//>
              <span class="quiet small nums">${duration(turn.duration_ms)}</span><span class="small nums last-turns-cost">${credits(turn.cost_credits)}</span>
            </li>`,
          )}
        </ul>`}
      <//>
    <//>
    <${Card} title="Last messages" actions=${html`<a class="small" href=${href('/messages', { agent: agent.name })}>All messages</a>`}>
      <${Loaded} of=${said} rows=${3} empty=${(/** @type {any} */ d) => (d.messages?.length ? null : html`<p class="quiet">Nothing was said by it or to it yet.</p>`)}>
        ${(/** @type {any} */ d) => d.messages.map((/** @type {any} */ message) => html`<${MessageLine} key=${message.id} message=${message} max=${180} />`)}
      <//>
    <//>`;
}
