/** What a change of a resume does, as the server sees it, before it is saved. */
import { html, useEffect, useState } from '../../lib/preact.js';
import { Button, Dialog, Failure, Loading } from '../../lib/components/index.js';
import { ApiError, segment, send } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { FindingList } from './resume.js';
import { ResumeDiff } from './resume-diff.js';

/**
 * @param {{
 *   agent: any, base: import('./resume.js').Read, text: string, onClose: () => void, onSaved: () => void, onConflict: () => void,
 *   onFindings: (findings: import('./resume-rules.js').Finding[]) => void,
 * }} props
 */
export function Review({ agent, base, text, onClose, onSaved, onConflict, onFindings }) {
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const path = `/agents/${segment(agent.name)}/resume`;
  const ifMatch = base.etag ?? undefined;
  /** @param {unknown} thrown */
  const failed = (thrown) => {
    const failure = ApiError.from(thrown);
    if (failure.status === 412) return onConflict();
    if (failure.findings.length) onFindings(failure.findings);
    else if (failure.pointer !== undefined) onFindings([{ severity: 'error', pointer: failure.pointer, message: failure.message, expected: failure.hint }]);
    setError(failure);
    setBusy(false);
  };
  useEffect(() => {
    let current = true;
    send('PUT', path, undefined, { text, ifMatch, query: { dry_run: true } }).then(
      (found) => {
        if (!current) return;
        setAnswer(found ?? {});
        onFindings(found?.findings ?? []);
      },
      (thrown) => current && failed(thrown),
    );
    return () => {
      current = false;
    };
  }, []);
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      await send('PUT', path, undefined, { text, ifMatch });
      onSaved();
    } catch (thrown) {
      failed(thrown);
    }
  };
  const findings = answer?.findings ?? [];
  const errors = findings.filter((/** @type {any} */ finding) => finding.severity === 'error').length;
  return html`<${Dialog}
    title="Review changes"
    wide
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Go on editing<//>
      <${Button} kind="primary" icon="check" busy=${busy} disabled=${!answer || errors > 0} onClick=${save}>Save the resume<//>`}
  >
    ${error ? html`<${Failure} error=${error} compact />` : answer ? null : html`<${Loading} label="The server looks at it" rows=${2} />`}
    ${answer
      ? html`<p role="status" class=${errors ? 'tone-bad' : ''}>
            ${errors ? `The server found ${plural(errors, 'error')}: it cannot be saved like this.` : findings.length ? `It can be saved, with ${plural(findings.length, 'warning')}.` : 'The server found nothing wrong.'}
          </p>
          <${FindingList} findings=${findings} />`
      : null}
    <${ResumeDiff} before=${base.text} after=${text} label="What changes in the resume" />
  <//>`;
}
