/** What differs between two resumes: field by field, or as the file has it. */
import { html, useMemo, useState } from '../../lib/preact.js';
import { Button, DiffView, JsonView } from '../../lib/components/index.js';
import { plural } from '../../lib/format.js';
import { visible } from '../../lib/text.js';
import { parsed } from './resume.js';
import { changesOf } from './resume-merge.js';

/** @param {{ before: string, after: string, label: string }} props texts of the file */
export function ResumeDiff({ before, after, label }) {
  const old = useMemo(() => parsed(before), [before]);
  const next = useMemo(() => parsed(after), [after]);
  const canCompare = old.fault === null && next.fault === null;
  const [isFile, setFile] = useState(false);
  const changes = useMemo(() => (canCompare ? [...changesOf(old.data, next.data)] : []), [old, next]);
  if (!canCompare) return html`<${DiffView} before=${before} after=${after} label=${label} />`;
  return html`<section class="stack-tight" aria-label=${label}>
    <div class="row">
      <p class="grow quiet small">${changes.length ? plural(changes.length, 'field changes', 'fields change') : before === after ? 'Nothing changes.' : 'Only spaces and lines of the file change.'}</p>
      <div class="segmented" role="group" aria-label="Show what changes">
        <${Button} small pressed=${!isFile} onClick=${() => setFile(false)}>Fields<//>
        <${Button} small pressed=${isFile} onClick=${() => setFile(true)}>File<//>
      </div>
    </div>
    ${isFile
      ? html`<${DiffView} before=${before} after=${after} label=${label} />`
      : html`<ul class="field-changes">
          ${changes.map(([pointer, change]) => html`<li key=${pointer} class="field-change">
            <code class="field-change-name">${visible(pointer || 'the whole')}</code>
            <${Change} before=${change.before} after=${change.after} name=${pointer} />
          </li>`)}
        </ul>`}
  </section>`;
}

/** @param {{ before: unknown, after: unknown, name: string }} props */
function Change({ before, after, name }) {
  // Texts of several lines are compared line by line, as people wrote them.
  if (typeof before === 'string' && typeof after === 'string' && (before.includes('\n') || after.includes('\n'))) {
    return html`<${DiffView} before=${before} after=${after} label=${`What changes in ${visible(name)}`} />`;
  }
  return html`<div class="field-sides">
    <div class="field-side field-side-old"><span class="small quiet">before</span><${Side} value=${before} name=${`${visible(name)} before`} /></div>
    <div class="field-side field-side-new"><span class="small quiet">after</span><${Side} value=${after} name=${`${visible(name)} after`} /></div>
  </div>`;
}

/** @param {{ value: unknown, name: string }} props */
function Side({ value, name }) {
  if (value === undefined) return html`<span class="quiet">not there</span>`;
  if (typeof value === 'object' && value !== null) return html`<${JsonView} value=${value} open=${2} label=${name} />`;
  return html`<span class="field-value" dir="auto">${typeof value === 'string' ? visible(value) : JSON.stringify(value)}</span>`;
}
