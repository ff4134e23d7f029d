/** The steps in which a person says who an agent is, what it does, and when. */
import { html } from '../../lib/preact.js';
import { Check, Name, Select, TextArea, TextField } from '../../lib/components/index.js';
import { count, credits } from '../../lib/format.js';
import { line } from '../../lib/text.js';
import { nextFires } from '../agents/fire-points.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {{ draft: Draft, change: (patch: Partial<Draft>) => void, faults: Record<string, string> }} Step */

/** @param {Step & { agents: import('../../lib/types.js').Agent[] }} props */
export function WhoStep({ draft, change, faults }) {
  const left = 200 - [...draft.description.trim()].length;
  return html`
    <${TextField} label="Name" mono required value=${draft.name} onInput=${(/** @type {string} */ name) => change({ name })} error=${faults.name}
      hint=${draft.name && !faults.name ? 'The name is free. It cannot be changed later.' : 'Small letters, digits and _. Others write to it by this name, and it cannot be changed later.'} />
    <${TextField} label="Title" required value=${draft.title} onInput=${(/** @type {string} */ title) => change({ title })} error=${faults.title} hint="Its job, as on a door: Researcher, Night editor." />
    <${TextField} label="What it is for, in one sentence" required value=${draft.description} onInput=${(/** @type {string} */ description) => change({ description })} error=${faults.description}
      hint=${`The other agents read this to know what to ask it. ${left >= 0 ? `${left} characters left.` : ''}`} />
  `;
}

/** @param {Step & { models: import('../../lib/models.js').Model[] }} props */
export function WorkStep({ draft, change, faults, models }) {
  const model = models.find((one) => one.key === draft.model);
  return html`
    <${TextArea} label="Instructions" required rows=${12} value=${draft.instructions} onInput=${(/** @type {string} */ instructions) => change({ instructions })} error=${faults.instructions}
      hint=${`What it does with a message, what it never does, and when it says nothing. ${count(draft.instructions.length)} characters; they are part of every prompt.`} />
    <div class="columns">
      <${Select} label="Model" value=${draft.model} onChange=${(/** @type {string} */ key) => change({ model: key })} error=${faults.model}
        options=${[...(draft.model && model ? [] : [{ value: draft.model && !model ? draft.model : '', label: draft.model ? `${line(draft.model)} (not here)` : 'Choose one' }]), ...models.map((one) => ({ value: one.key, label: line(`${one.key} – ${one.provider}/${one.model_name}`, 80) }))]}
        hint=${model?.price ? `A million tokens: ${credits(model.price.input)} read, ${credits(model.price.output)} written.` : undefined} />
      <${TextField} label="Tokens of one answer, at most" value=${draft.maxTokens} onInput=${(/** @type {string} */ maxTokens) => change({ maxTokens })} error=${faults.maxTokens} />
      <${TextField} label="Temperature" value=${draft.temperature} onInput=${(/** @type {string} */ temperature) => change({ temperature })} error=${faults.temperature} hint="0 is steady, 2 is wild." />
    </div>
  `;
}

const SHOWN = 24;

/** @param {Step & { clock: number, agents: import('../../lib/types.js').Agent[] }} props */
export function ScheduleStep({ draft, change, faults, clock, agents }) {
  const schedule = { run_every_n_ticks: Number(draft.every), phase_offset: Number(draft.offset), when: draft.when };
  const isRight = !faults.every && !faults.offset;
  const fires = isRight ? nextFires(schedule, clock, SHOWN) : [];
  const hits = new Set(fires);
  const first = fires[0];
  const together = isRight ? agents.filter((agent) => agent.enabled && agent.schedule && nextFires(agent.schedule, first - 1)[0] === first) : [];
  return html`
    <div class="columns">
      <${TextField} label="It runs every … ticks" value=${draft.every} onInput=${(/** @type {string} */ every) => change({ every })} error=${faults.every} />
      <${TextField} label="Moved by … ticks" value=${draft.offset} onInput=${(/** @type {string} */ offset) => change({ offset })} error=${faults.offset} hint="It runs where (clock + this) is a multiple of the period." />
    </div>
    <fieldset class="choices">
      <legend class="field-label">When its time comes</legend>
      <label class="check"><input type="radio" name="when" checked=${draft.when === 'always'} onChange=${() => change({ when: 'always' })} /><span>it always has a turn<span class="field-hint">and pays for it, also when nobody has written</span></span></label>
      <label class="check"><input type="radio" name="when" checked=${draft.when === 'on_message'} onChange=${() => change({ when: 'on_message' })} /><span>only if it has unread mail<span class="field-hint">costs nothing while nothing is said</span></span></label>
    </fieldset>
    ${isRight
      ? html`<figure class="fires">
          <figcaption class="field-label">Its next fire points <span class="quiet nums">(the clock is at ${count(clock)})</span></figcaption>
          <ol class="fires-strip" aria-hidden="true">${Array.from({ length: SHOWN }, (_, i) => clock + 1 + i).map((at) => html`<li key=${at} class=${hits.has(at) ? 'fire fire-hit' : 'fire'}><i></i><span>${hits.has(at) || (at - clock) % 6 === 1 ? at : ''}</span></li>`)}</ol>
          <p class="small">Clock ${fires.slice(0, 5).map((at) => count(at)).join(', ')}${', …'}</p>
          <p class="quiet small">${together.length ? html`At clock ${count(first)} its time is also that of ${together.slice(0, 5).map((agent, i) => html`${i ? ', ' : ''}<${Name} value=${agent.name} />`)}${together.length > 5 ? ` and ${together.length - 5} more` : ''}.` : `Nobody else's time is at clock ${count(first)}.`}</p>
        </figure>`
      : null}
  `;
}

/** @param {Step & { unit: string }} props */
export function CreditsStep({ draft, change, faults, unit }) {
  return html`
    <div class="columns">
      <${TextField} label="Its account holds at most" value=${draft.maxCredits} onInput=${(/** @type {string} */ maxCredits) => change({ maxCredits })} error=${faults.maxCredits} hint=${`It opens with as much. One credit is 1 ${line(unit, 12)}.`} />
      <${TextField} label="Warn below" value=${draft.softCap} onInput=${(/** @type {string} */ softCap) => change({ softCap })} error=${faults.softCap} hint="It is told to be thrifty, and problems name it." />
      <${TextField} label="One turn costs at most" value=${draft.maxTurnCredits} onInput=${(/** @type {string} */ maxTurnCredits) => change({ maxTurnCredits })} error=${faults.maxTurnCredits} placeholder="as the organisation has it" hint="So much is set aside before a turn begins." />
    </div>
    <${Check} label="Enabled" checked=${draft.enabled} onChange=${(/** @type {boolean} */ enabled) => change({ enabled })} hint="Without this it is never due: made today, switched on later." />
  `;
}
