/** The first step: with what it begins. */
import { html, useState } from '../../lib/preact.js';
import { Failure, Icon, Loaded, Loading, Name, Select } from '../../lib/components/index.js';
import { ApiError, get, segment, send } from '../../lib/api.js';
import { line } from '../../lib/text.js';
import { useWholeList } from '../../lib/whole-list.js';
import { beginWith, blank } from './draft.js';

/** @typedef {import('./draft.js').Draft} Draft */

const WAYS = /** @type {const} */ ([
  ['blank', 'plus', 'Blank', 'You say everything.'],
  ['agent', 'copy', 'Like another agent', 'A copy of a resume, with a name, an account and a memory of its own.'],
  ['template', 'file', 'From a template', 'An agent that somebody has thought through.'],
]);

/** @param {{ draft: Draft, setDraft: (draft: Draft) => void, agents: import('../../lib/types.js').Agent[], fault?: string }} props */
export function StartStep({ draft, setDraft, agents, fault }) {
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  /** @param {Draft['start']} start */
  const begin = (start) => {
    setFailure(null);
    if (start !== draft.start) setDraft({ ...(draft.base ? { ...blank(), name: draft.name } : draft), start, from: '', base: null });
  };
  /** @param {string} from */
  const take = async (from) => {
    const next = { ...draft, from, base: null };
    setDraft(next);
    setFailure(null);
    if (!from) return;
    setBusy(true);
    try {
      const resume = draft.start === 'agent' ? await get(`/agents/${segment(from)}/resume`, { at: null }) : await resumeOfTemplate(from, new Set(agents.map((agent) => agent.name)));
      setDraft(beginWith(next, resume));
    } catch (error) {
      setFailure(ApiError.from(error));
    } finally {
      setBusy(false);
    }
  };
  return html`
    <fieldset class="ways">
      <legend class="sr-only">With what it begins</legend>
      ${WAYS.map(([id, icon, title, about]) => html`<label key=${id} class=${`way ${draft.start === id ? 'way-chosen' : ''}`}>
        <input type="radio" name="start" class="sr-only" checked=${draft.start === id} onChange=${() => begin(id)} />
        <span class="way-icon"><${Icon} name=${icon} /></span>
        <span><b>${title}</b><span class="way-about">${about}</span></span>
      </label>`)}
    </fieldset>
    ${draft.start === 'agent'
      ? html`<${Select} label="Like which agent" value=${draft.from} onChange=${take} error=${fault}
          options=${[{ value: '', label: agents.length ? 'Choose one' : 'There is none yet' }, ...agents.map((agent) => ({ value: agent.name, label: line(`${agent.name} – ${agent.title}`, 90) }))]} />`
      : null}
    ${draft.start === 'template' ? html`<${Templates} chosen=${draft.from} onChoose=${take} fault=${fault} />` : null}
    ${busy ? html`<${Loading} label="Its resume" rows=${2} />` : null}
    ${failure ? html`<${Failure} error=${failure} compact onRetry=${() => take(draft.from)} />` : null}
    ${draft.base && !busy ? html`<p class="way-taken" role="status"><${Icon} name="check" size=${16} /> It begins as <b><${Name} value=${draft.base.title ?? draft.from} /></b>. Everything can be changed in the next steps.</p>` : null}
  `;
}

/**
 * The resume of `template/agent`: what the API would write, asked for without writing it.
 * @param {string} from
 * @param {Set<string>} taken names of agents
 */
async function resumeOfTemplate(from, taken) {
  let name = from.split('/')[1];
  while (taken.has(name)) name += '_';
  const answer = await send('POST', '/agents', { from, name }, { query: { dry_run: true } });
  const change = answer.changes?.find((/** @type {any} */ one) => one.path === `agents/${name}/resume.json`);
  const text = String(change?.difference ?? '')
    .split('\n')
    .filter((one) => one.startsWith('+'))
    .map((one) => one.slice(1))
    .join('\n');
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError({ code: 'not_found', message: `the resume of ${from} cannot be read` });
  }
}

/** @param {{ chosen: string, onChoose: (from: string) => void, fault?: string }} props */
function Templates({ chosen, onChoose, fault }) {
  const templates = useWholeList('/templates', 'templates');
  return html`<${Loaded} of=${templates} rows=${3}>
    ${(/** @type {{ items: any[] }} */ all) => html`<fieldset class="templates">
      <legend class="field-label">Which agent of which template</legend>
      ${fault ? html`<p class="field-error" role="alert">${fault}</p>` : null}
      ${all.items.filter((template) => !template.broken).map((template) => html`<div key=${template.name} class="template">
        <p><b><${Name} value=${template.name} /></b> <span class="quiet small">${line(template.description, 200)}</span></p>
        <div class="row">${template.agents.map((/** @type {string} */ agent) => {
          const from = `${template.name}/${agent}`;
          return html`<label key=${from} class=${`pick ${chosen === from ? 'pick-chosen' : ''}`}>
            <input type="radio" name="template" class="sr-only" checked=${chosen === from} onChange=${() => onChoose(from)} /><${Name} value=${agent} />
          </label>`;
        })}</div>
      </div>`)}
    </fieldset>`}
  <//>`;
}
