/** A look at what changes in a file before it is saved. */
import { html, useEffect, useState } from '../../lib/preact.js';
import { Badge, Button, Dialog, DiffView, Icon, Loading, say } from '../../lib/components/index.js';
import { ApiError } from '../../lib/api.js';
import { visible } from '../../lib/text.js';

/**
 * What changes, what the server says of it, and the button that saves it.
 * @param {{ file: import('./config-file.js').File, name: string, onClose: (findings: any[]) => void }} props
 */
export function SaveDialog({ file, name, onClose }) {
  const [checked, setChecked] = useState(/** @type {{ findings: any[] } | null} */ (null));
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const etag = file.saved?.etag;
  useEffect(() => {
    let current = true;
    setChecked(null);
    setFailure(null);
    file.put(true).then(
      (answer) => current && setChecked({ findings: answer?.findings ?? [] }),
      (error) => current && setFailure(ApiError.from(error)),
    );
    return () => {
      current = false;
    };
  }, [etag]);
  const save = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await file.put(false);
      say(`${name} is saved`, 'ok', 'It takes effect with the next tick.');
      file.reload();
      onClose([]);
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
    onClose=${() => onClose(findings)}
    actions=${html`<${Button} onClick=${() => onClose(findings)}>Go on editing<//>
      ${isStale
        ? html`<${Button} kind="primary" icon="refresh" onClick=${() => file.reload(true)}>Compare with what is there now<//>`
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
