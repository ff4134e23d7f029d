/** What a person should look at in the graph: who is reached by nobody, permissions that lead nowhere. */
import { html, useState } from '../../lib/preact.js';
import { Dialog, Icon, Name } from '../../lib/components/index.js';
import { plural } from '../../lib/format.js';

/** @type {Record<string, string>} */
const GAPS = {
  reads_nobody: 'reads this name, which no agent has:',
  sends_to_nobody: 'may write to this name, which no agent has:',
  not_read: 'may write to one that does not read it:',
  not_addressed: 'reads one that may not write to it:',
};

const KINDS = /** @type {const} */ ([
  ['unreachable', 'Cut off', 'Nobody’s mail reaches them, and theirs reaches nobody.'],
  ['mute', 'Heard by no agent', 'They hear others, and what they say is for people, or for no one.'],
  ['only_people_reach', 'Reached by people only', 'Others hear them, and no agent’s mail reaches them.'],
  ['disabled', 'Never run', 'They are switched off in their resumes.'],
]);

/**
 * @param {{ notes: import('../../lib/types.js').Graph['notes'], onChoose: (choice: import('../../lib/graph/view.js').Choice) => void }} props
 */
export function Notes({ notes, onChoose }) {
  const [isOpen, setOpen] = useState(false);
  const total = KINDS.reduce((sum, [kind]) => sum + (notes[kind]?.length ?? 0), 0) + (notes.gaps?.length ?? 0);
  if (!total) return null;
  /** @param {string} name */
  const agent = (name) => html`<button type="button" class="link" key=${name} onClick=${() => { setOpen(false); onChoose({ kind: 'agent', name }); }}><${Name} value=${name} /></button>`;
  return html`<button type="button" class="graph-notes" onClick=${() => setOpen(true)} aria-haspopup="dialog"><${Icon} name="info" size=${15} />${plural(total, 'note')}</button>
    ${isOpen
      ? html`<${Dialog} title="What to look at" onClose=${() => setOpen(false)}>
          ${KINDS.filter(([kind]) => notes[kind]?.length).map(
            ([kind, title, meaning]) => html`<section key=${kind} class="stack-tight"><h3>${title}</h3><p class="quiet">${meaning}</p><p class="row">${notes[kind].slice(0, 200).map(agent)}</p></section>`,
          )}
          ${notes.gaps?.length
            ? html`<section class="stack-tight"><h3>Permissions that lead nowhere</h3>
                <ul class="stack-tight">${notes.gaps.slice(0, 200).map((/** @type {any} */ gap, /** @type {number} */ i) => html`<li key=${i}>${agent(gap.agent)} ${GAPS[gap.gap] ?? gap.gap} <${Name} value=${gap.other} /></li>`)}</ul>
              </section>`
            : null}
        <//>`
      : null}`;
}
