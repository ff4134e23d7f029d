/** The common fields of `org.json` as a form. What the form does not know stays as it is. */
import { html } from '../../lib/preact.js';
import { Select, TextField } from '../../lib/components/index.js';
import { editJson } from '../agents/json-edit.js';
import { fieldOf } from './config-file.js';

/**
 * @typedef {{ path: string[], label: string, hint?: string, kind: 'text' | 'number' | 'span' | 'choice', options?: [string, string][], normal?: string }} Input
 */

/** @type {{ title: string, hint: string, inputs: Input[] }[]} */
const GROUPS = [
  {
    title: 'Name',
    hint: '',
    inputs: [{ path: ['name'], label: 'What people call it', kind: 'text' }],
  },
  {
    title: 'Pace',
    hint: 'What moves the clock by which agents are scheduled.',
    inputs: [
      { path: ['pace', 'every'], label: 'A tick every', kind: 'span', normal: 'only when it is asked for', hint: 'Such as 30s, 5m, 1h, 1d.' },
      { path: ['pace', 'catch_up'], label: 'Slots that nobody triggered', kind: 'choice', options: [['', 'are skipped'], ['one', 'are caught up with, once']] },
      { path: ['visibility'], label: 'Agents of one tick see', kind: 'choice', options: [['', 'what those before them said'], ['snapshot', 'closed ticks only']] },
    ],
  },
  {
    title: 'Money',
    hint: 'The ceiling on what all agents together may spend.',
    inputs: [
      { path: ['budget', 'credits'], label: 'Budget', kind: 'number', normal: 'no ceiling' },
      { path: ['budget', 'per'], label: 'It renews itself', kind: 'choice', options: [['', 'never'], ['day', 'every day (UTC)'], ['month', 'every month (UTC)']] },
      { path: ['credits', 'unit'], label: 'One credit is', kind: 'text', normal: 'USD' },
      { path: ['credits', 'cost_per_action'], label: 'Charged for a turn', kind: 'number', normal: '0.01' },
    ],
  },
  {
    title: 'Limits',
    hint: 'An agent may have its own where its resume says so.',
    inputs: [
      { path: ['limits', 'max_steps'], label: 'Model calls of one turn', kind: 'number', normal: '8' },
      { path: ['limits', 'max_turn_credits'], label: 'Credits of one turn', kind: 'number', normal: '1' },
      { path: ['limits', 'max_prompt_tokens'], label: 'Tokens of a prompt', kind: 'number', normal: '32,000' },
      { path: ['limits', 'max_outbox_age_ticks'], label: 'Unread mail expires after, in ticks', kind: 'number', normal: '100' },
      { path: ['limits', 'max_hops'], label: 'A message is passed on at most', kind: 'number', normal: '20' },
      { path: ['limits', 'max_parallel_turns'], label: 'Turns at once', kind: 'number', normal: '128' },
      { path: ['limits', 'turn_timeout'], label: 'Time of one turn', kind: 'span', normal: '15m' },
      { path: ['limits', 'call_timeout'], label: 'Time of one model call', kind: 'span', normal: '2m' },
    ],
  },
];

/** @param {{ text: string, value: any, onChange: (text: string) => void, disabled: boolean, findings: { pointer: string, message: string, expected?: string }[] }} props */
export function ConfigForm({ text, value, onChange, disabled, findings }) {
  return html`${GROUPS.map((group) => html`<fieldset key=${group.title} class="config-group">
    <legend class="sr-only">${group.title}</legend>
    <div class="config-about"><h3>${group.title}</h3>${group.hint ? html`<p class="quiet small">${group.hint}</p>` : null}</div>
    <div class="config-fields">${group.inputs.map((input) => html`<${One} key=${input.path.join('/')} input=${input} text=${text} value=${value} onChange=${onChange} disabled=${disabled}
      error=${told(findings.find((finding) => finding.pointer === `/${input.path.join('/')}`))} />`)}</div>
  </fieldset>`)}`;
}

/** @param {{ message: string, expected?: string } | undefined} finding */
function told(finding) {
  return finding ? [finding.message, finding.expected].filter(Boolean).join('; ') : null;
}

/** @param {{ input: Input, text: string, value: any, onChange: (text: string) => void, disabled: boolean, error: string | null }} props */
function One({ input, text, value, onChange, disabled, error }) {
  const found = fieldOf(value, input.path);
  const shown = found === undefined || found === null ? '' : typeof found === 'object' ? JSON.stringify(found) : String(found);
  const set = (/** @type {string} */ entered) => {
    const trimmed = entered.trim();
    if (input.path.join() === 'budget,credits' && trimmed === '') return onChange(editJson(text, '/budget', undefined));
    // What is no number is kept as text: the check then says so, rather than losing what was typed.
    const next = trimmed === '' ? undefined : input.kind === 'number' && /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : input.kind === 'text' ? entered : trimmed;
    return onChange(editJson(text, `/${input.path.join('/')}`, next));
  };
  if (input.kind === 'choice') {
    const options = (input.options ?? []).map(([one, label]) => ({ value: one, label }));
    const normal = /** @type {Record<string, string>} */ ({ catch_up: 'skip', visibility: 'ordered', per: 'total' })[input.path[input.path.length - 1]];
    const isKnown = options.some((option) => option.value === shown) || shown === normal;
    return html`<${Select} label=${input.label} value=${shown === normal ? '' : shown} disabled=${disabled || (input.path[0] === 'budget' && !value?.budget)} error=${error}
      options=${isKnown ? options : [...options, { value: shown, label: shown }]} onChange=${set} />`;
  }
  return html`<${TextField} label=${input.label} hint=${input.hint} value=${shown} placeholder=${input.normal} disabled=${disabled} error=${error} onInput=${set} />`;
}
