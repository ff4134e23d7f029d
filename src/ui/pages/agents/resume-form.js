/** The resume as a form. It changes only the fields that a person touched; all others stay as they are written. */
import { html, useMemo } from '../../lib/preact.js';
import { Card, Check, Select, TextArea, TextField } from '../../lib/components/index.js';
import { useResource } from '../../lib/resource.js';
import { useRoster } from '../../lib/roster.js';
import { status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { line } from '../../lib/text.js';
import { ScheduleClock } from './clock.js';
import { NamePicker } from './name-picker.js';
import { RULES, at } from './resume-rules.js';

/**
 * @param {{ value: any, name: string, findings: import('./resume-rules.js').Finding[], onField: (pointer: string, next: unknown) => void }} props
 *   `onField`: a field changed; undefined takes it away
 */
export function ResumeForm({ value, name, findings, onField }) {
  const models = useResource('/models', { at: null });
  const tools = useResource('/tools', { at: null });
  const roster = useRoster();
  const standing = useSignal(status);
  const names = useMemo(() => (roster.agents ?? []).map((agent) => agent.name).filter((other) => other !== name), [roster.agents, name]);
  const toolNames = useMemo(() => (tools.data?.tools ?? []).map((/** @type {any} */ tool) => ({ name: tool.permission ?? tool.tool, about: tool.description })), [tools.data]);
  const modelKeys = (models.data?.models ?? []).map((/** @type {any} */ model) => model.key);

  const errorAt = (/** @type {string} */ pointer) => {
    const found = findings.find((finding) => finding.pointer === pointer || finding.pointer.startsWith(`${pointer}/`));
    return found ? [found.message, found.expected].filter(Boolean).join('; ') : null;
  };
  const set = onField;
  const text = (/** @type {string} */ pointer) => {
    const found = at(value, pointer);
    return typeof found === 'string' ? found : '';
  };
  /** @param {string} pointer @param {string} label @param {string} [hint] */
  const number = (pointer, label, hint) => {
    const rule = RULES[pointer];
    const found = at(value, pointer);
    return html`<${TextField}
      label=${label}
      type="number"
      hint=${hint}
      min=${rule.min}
      step=${rule.type === 'integer' ? 1 : 'any'}
      value=${found === undefined || found === null ? '' : String(found)}
      error=${errorAt(pointer)}
      onInput=${(/** @type {string} */ entered) => set(pointer, entered.trim() === '' ? undefined : Number(entered))}
    />`;
  };
  /** @param {string} pointer @param {string} label @param {string} none */
  const model = (pointer, label, none) => {
    const chosen = text(pointer);
    const keys = [...new Set([...modelKeys, chosen])].filter(Boolean);
    return html`<${Select}
      label=${label}
      value=${chosen}
      error=${errorAt(pointer)}
      options=${[...(chosen && none === '' ? [] : [{ value: '', label: none || 'Choose a model' }]), ...keys.map((key) => ({ value: key, label: line(key, 60) }))]}
      onChange=${(/** @type {string} */ next) => set(pointer, next || undefined)}
    />`;
  };
  const shortLength = [...text('/short_description')].length;
  const schedule = { run_every_n_ticks: 1, phase_offset: 0, when: 'always', ...(value.schedule ?? {}) };

  return html`<form class="resume-form" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <${Card} title="Who it is">
      <div class="stack">
        <div class="form-grid">
          <${TextField} label="Name" value=${name} disabled onInput=${() => {}} hint="The name of its folder; it does not change." error=${errorAt('/name')} />
          <${TextField} label="Title" required value=${text('/title')} error=${errorAt('/title')} onInput=${(/** @type {string} */ next) => set('/title', next)} />
        </div>
        <${TextField} label="What it is for" required value=${text('/short_description')} error=${errorAt('/short_description')} hint=${`${shortLength} of 200 characters`} onInput=${(/** @type {string} */ next) => set('/short_description', next)} />
        <${TextArea} label="How it works" rows=${3} value=${text('/workflow_description')} error=${errorAt('/workflow_description')} hint="Part of the prompt; may be empty." onInput=${(/** @type {string} */ next) => set('/workflow_description', next || undefined)} />
        <${TextArea} label="Instructions" required rows=${14} value=${text('/instructions')} error=${errorAt('/instructions')} hint="What the model is told." onInput=${(/** @type {string} */ next) => set('/instructions', next)} />
        <${Check} label="Enabled" checked=${value.enabled !== false} hint="A disabled agent takes no turns." onChange=${(/** @type {boolean} */ next) => set('/enabled', next ? undefined : false)} />
      </div>
    <//>
    <${Card} title="Schedule">
      <div class="form-schedule">
        <div class="stack">
          <div class="form-grid">
            ${number('/schedule/run_every_n_ticks', 'Runs every … ticks', '1 when empty')}
            ${number('/schedule/phase_offset', 'Phase offset', 'Moves the fire point; 0 when empty')}
          </div>
          <${Select} label="When" value=${schedule.when} error=${errorAt('/schedule/when')}
            options=${[{ value: 'always', label: 'At every fire point' }, { value: 'on_message', label: 'Only with unread mail' }]}
            onChange=${(/** @type {string} */ next) => set('/schedule/when', next)} />
        </div>
        <${ScheduleClock} schedule=${schedule} clock=${standing?.clock ?? 0} small />
      </div>
    <//>
    <${Card} title="Model">
      <div class="form-grid">
        ${model('/model/key', 'Model', '')}
        ${number('/model/temperature', 'Temperature', '0 to 2; 0.2 when empty')}
        ${number('/model/max_tokens', 'Tokens of an answer', '2,048 when empty')}
      </div>
    <//>
    <${Card} title="Permissions" hint="What it hears, whom it may address, and what it may use">
      <div class="stack">
        <${NamePicker} label="Reads the outboxes of" known=${names} value=${at(value, '/permissions/read_outboxes')} none="nobody" star error=${errorAt('/permissions/read_outboxes')} onChange=${(/** @type {any} */ next) => set('/permissions/read_outboxes', next)} />
        <${NamePicker} label="May write to" known=${names} value=${at(value, '/permissions/send_outboxes')} none="people only" anyone star error=${errorAt('/permissions/send_outboxes')} onChange=${(/** @type {any} */ next) => set('/permissions/send_outboxes', next)} />
        <${NamePicker} label="Tools" known=${[...new Set(toolNames.map((/** @type {any} */ tool) => tool.name))]} value=${at(value, '/permissions/tools')} none="none" error=${errorAt('/permissions/tools')} onChange=${(/** @type {any} */ next) => set('/permissions/tools', next)} />
      </div>
    <//>
    <${Card} title="Credits">
      <div class="form-grid">
        ${number('/credits/max_credits', 'The account opens with', '100 when empty; no top-up lifts it above that')}
        ${number('/credits/soft_cap', 'Soft cap', 'A balance below is a warning; 50 when empty')}
        ${model('/credits/soft_cap_model', 'Model below the soft cap', 'The same model')}
      </div>
    <//>
    <${Card} title="Limits and memory" hint="The organisation's where they are empty">
      <div class="form-grid">
        ${number('/limits/max_steps', 'Model calls of one turn')}
        ${number('/limits/max_turn_credits', 'Credits of one turn')}
        ${number('/limits/max_prompt_tokens', 'Tokens of a prompt')}
        ${number('/memory/max_list_items', 'Items of a list in memory')}
        ${number('/memory/archive_after_ticks', 'Archive after … ticks')}
        ${number('/memory/max_prompt_bytes', 'Memory in a prompt, in bytes')}
      </div>
    <//>
  </form>`;
}

/** The fields that it shows, as pointers. */
ResumeForm.pointers = Object.keys(RULES).filter((pointer) => pointer !== '/memory/pinned' && pointer !== '/credits/opening_credits');
