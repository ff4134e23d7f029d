/** `org.json`: the common fields as a form, all of it as JSON, and a look at what changes before it is saved. */
import { html, useState } from '../../lib/preact.js';
import { Badge, Button, Card, Dialog, DiffView, Failure, Icon, Loading, TextArea, say } from '../../lib/components/index.js';
import { ApiError } from '../../lib/api.js';
import { loadStatus, may } from '../../lib/session.js';
import { visible } from '../../lib/text.js';
import { useFile } from './config-file.js';
import { ConfigForm } from './config-form.js';

export function OrganisationTab() {
  const file = useFile('/config');
  const [isRaw, setRaw] = useState(false);
  const [isReview, setReview] = useState(false);
  const [fault, setFault] = useState(/** @type {ApiError | null} */ (null));
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
      ? html`<${TextArea} label="org.json" mono rows=${22} value=${file.text} disabled=${!canEdit} onInput=${(/** @type {string} */ text) => { file.setText(text); setFault(null); }} error=${file.fault} />`
      : html`<${ConfigForm} text=${file.text} value=${file.value} disabled=${!canEdit} fault=${fault} onChange=${(/** @type {string} */ text) => { file.setText(text); setFault(null); }} />`}
    ${canEdit
      ? html`<div class="save-bar ${file.isChanged ? 'save-bar-open' : ''}">
          <span class="grow" role="status">${file.isChanged ? html`<${Icon} name="edit" size=${15} /> Not saved yet` : ''}</span>
          <${Button} kind="ghost" disabled=${!file.isChanged} onClick=${() => file.setText(file.saved?.before ?? '')}>Undo<//>
          <${Button} kind="primary" disabled=${!file.isChanged || Boolean(file.fault)} onClick=${() => setReview(true)}>Look and save…<//>
        </div>`
      : null}
    ${isReview ? html`<${SaveDialog} file=${file} name="org.json" onClose=${(/** @type {ApiError | null} */ failure) => { setReview(false); setFault(failure); void loadStatus(); }} />` : null}
  <//>`;
}

/**
 * What changes, what the server says of it, and the button that saves it.
 * @param {{ file: import('./config-file.js').File, name: string, onClose: (failure: ApiError | null) => void }} props
 */
function SaveDialog({ file, name, onClose }) {
  const [checked, setChecked] = useState(/** @type {{ findings: any[] } | null} */ (null));
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [isStarted, setStarted] = useState(false);
  const check = async () => {
    setFailure(null);
    try {
      const answer = await file.put(true);
      setChecked({ findings: answer?.findings ?? [] });
    } catch (error) {
      setFailure(ApiError.from(error));
    }
  };
  if (!isStarted) {
    setStarted(true);
    void check();
  }
  const save = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await file.put(false);
      say(`${name} is saved`, 'ok', 'It takes effect with the next tick.');
      file.reload();
      onClose(null);
    } catch (error) {
      setFailure(ApiError.from(error));
      setBusy(false);
    }
  };
  const isStale = failure?.status === 412;
  const findings = failure?.findings.length ? failure.findings : checked?.findings ?? [];
  const errors = findings.filter((finding) => finding.severity === 'error');
  return html`<${Dialog}
    title=${`Save ${name}?`}
    wide
    onClose=${() => onClose(failure)}
    actions=${html`<${Button} onClick=${() => onClose(failure)}>Go on editing<//>
      ${isStale
        ? html`<${Button} kind="primary" icon="refresh" onClick=${() => { file.reload(true); setChecked(null); setFailure(null); setStarted(false); }}>Compare with what is there now<//>`
        : html`<${Button} kind="primary" busy=${busy} disabled=${!checked || errors.length > 0} onClick=${save}>Save<//>`}`}
  >
    <${DiffView} before=${file.saved?.before ?? ''} after=${file.text} label=${`What changes in ${name}`} />
    ${checked || findings.length
      ? findings.length
        ? html`<ul class="findings">${findings.map((finding, i) => html`<li key=${i}><${Badge} tone=${errors.includes(finding) ? 'bad' : 'warn'}>${errors.includes(finding) ? 'wrong' : 'look'}<//> <span>${finding.pointer ? html`<code>${visible(finding.pointer)}</code> ` : null}${visible(finding.message)}${finding.expected ? html` <span class="quiet">${visible(finding.expected)}</span>` : null}</span></li>`)}</ul>`
        : failure ? null : html`<p class="good" role="status"><${Icon} name="check" size=${16} /> Checked: nothing is wrong with it.</p>`
      : null}
    ${!checked && !failure ? html`<${Loading} label="It is being checked" rows=${2} />` : null}
    ${failure
      ? isStale
        ? html`<p class="bad" role="alert"><b>Somebody else has changed ${name} meanwhile.</b> What you entered is kept.</p>`
        : html`<div class="bad" role="alert"><b dir="auto">${visible(failure.message)}</b>${failure.pointer ? html` <code>${visible(failure.pointer)}</code>` : null}${failure.hint ? html`<p dir="auto">${visible(failure.hint)}</p>` : null}</div>`
      : null}
  <//>`;
}
