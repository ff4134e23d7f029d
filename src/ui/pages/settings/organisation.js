/** `org.json`: the common fields as a form, all of it as JSON, and a look at what changes before it is saved. */
import { html, useState } from '../../lib/preact.js';
import { Button, Card, Failure, Icon, Loading, TextArea } from '../../lib/components/index.js';
import { loadStatus, may } from '../../lib/session.js';
import { useFile } from './config-file.js';
import { ConfigForm } from './config-form.js';
import { SaveDialog } from './save-dialog.js';

export function OrganisationTab() {
  const file = useFile('/config');
  const [isRaw, setRaw] = useState(false);
  const [isReview, setReview] = useState(false);
  const [findings, setFindings] = useState(/** @type {any[]} */ ([]));
  const canEdit = may('edit');
  if (!file.saved) return file.error ? html`<${Failure} error=${file.error} onRetry=${() => file.reload()} />` : html`<${Loading} label="org.json" rows=${6} />`;
  const showsRaw = isRaw || Boolean(file.fault);
  return html`<${Card}
    title="Organisation"
    hint=${canEdit ? html`Kept in <code>org.json</code>. A change takes effect with the next tick.` : html`Kept in <code>org.json</code>. Only who may edit can change it.`}
    actions=${html`<div class="row row-tight" role="group" aria-label="Show as">
      <${Button} small pressed=${!showsRaw} disabled=${Boolean(file.fault)} onClick=${() => setRaw(false)}>Form<//><${Button} small pressed=${showsRaw} onClick=${() => setRaw(true)}>JSON<//></div>`}
  >
    ${showsRaw
      ? html`<${TextArea} label="org.json" mono rows=${22} value=${file.text} disabled=${!canEdit} onInput=${(/** @type {string} */ text) => { file.setText(text); setFindings([]); }} error=${file.fault} />`
      : html`<${ConfigForm} text=${file.text} value=${file.value} disabled=${!canEdit} findings=${findings} onChange=${(/** @type {string} */ text) => { file.setText(text); setFindings([]); }} />`}
    ${canEdit
      ? html`<div class=${`save-bar ${file.isChanged ? 'save-bar-open' : ''}`}>
          <span class="grow" role="status">${file.isChanged ? html`<${Icon} name="edit" size=${15} /> Not saved yet` : ''}</span>
          <${Button} kind="ghost" disabled=${!file.isChanged} onClick=${() => file.setText(file.saved?.before ?? '')}>Undo<//>
          <${Button} kind="primary" disabled=${!file.isChanged || Boolean(file.fault)} onClick=${() => setReview(true)}>Look and save…<//>
        </div>`
      : null}
    ${isReview ? html`<${SaveDialog} file=${file} name="org.json" onClose=${(/** @type {any[]} */ found) => { setReview(false); setFindings(found); void loadStatus(); }} />` : null}
  <//>`;
}
