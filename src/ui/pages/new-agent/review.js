/** The last step: what would be written, what the server finds wrong with it, and the button that makes it. */
import { html, useEffect, useState } from '../../lib/preact.js';
import { Badge, Button, Card, DiffView, Failure, Icon, Loading, Name } from '../../lib/components/index.js';
import { ApiError, send } from '../../lib/api.js';
import { visible } from '../../lib/text.js';
import { resumeOf } from './draft.js';

/** @typedef {import('./draft.js').Draft} Draft */

/**
 * Asks the server to check the resume without writing it.
 * @param {Draft} draft
 * @param {boolean} isReady
 */
function useFindings(draft, isReady) {
  const [state, setState] = useState(/** @type {{ findings: any[] | null, error: ApiError | null }} */ ({ findings: null, error: null }));
  const resume = JSON.stringify(resumeOf(draft));
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!isReady) return undefined;
    let current = true;
    setState({ findings: null, error: null });
    send('POST', '/agents', { resume: JSON.parse(resume) }, { query: { dry_run: true } }).then(
      (answer) => current && setState({ findings: answer?.findings ?? [], error: null }),
      (error) => {
        if (!current) return;
        const failure = ApiError.from(error);
        // What is wrong with the resume is no failure of the check.
        setState(failure.findings.length ? { findings: failure.findings, error: null } : { findings: null, error: failure });
      },
    );
    return () => {
      current = false;
    };
  }, [resume, isReady, round]);
  return { ...state, again: () => setRound((n) => n + 1) };
}

/**
 * @param {{ draft: Draft, open: { step: string, title: string, faults: string[] }[], onStep: (step: string) => void, onReady: (isReady: boolean) => void, failure: ApiError | null }} props
 *   `onReady`: whether it can be made
 */
export function ReviewStep({ draft, open, onStep, onReady, failure }) {
  const isReady = open.length === 0;
  const checked = useFindings(draft, isReady);
  const resume = resumeOf(draft);
  const [isDiff, setDiff] = useState(draft.base !== null);
  const text = JSON.stringify(resume, null, 2);
  const isGood = isReady && checked.findings !== null && !checked.findings.some(isError);
  useEffect(() => onReady(isGood), [isGood]);
  return html`
    ${open.length
      ? html`<div class="review-open" role="alert"><p><${Icon} name="problems" size=${16} /> <b>Something is missing</b></p>
          <ul>${open.map((one) => html`<li key=${one.step}><button type="button" class="link" onClick=${() => onStep(one.step)}>${one.title}</button>: ${one.faults.map((fault) => visible(fault)).join('; ')}</li>`)}</ul></div>`
      : null}
    ${isReady
      ? checked.error
        ? html`<${Failure} error=${checked.error} compact onRetry=${checked.again} />`
        : checked.findings === null
          ? html`<${Loading} label="It is being checked" rows=${2} />`
          : html`<${Findings} findings=${checked.findings} />`
      : null}
    <${Card} level=${3} title=${html`<code>agents/<${Name} value=${draft.name || '…'} />/resume.json</code>`} hint="Exactly this is written. Its account opens with the next tick."
      actions=${draft.base ? html`<div class="row row-tight" role="group" aria-label="Show">
        <${Button} small pressed=${isDiff} onClick=${() => setDiff(true)}>What differs<//><${Button} small pressed=${!isDiff} onClick=${() => setDiff(false)}>All of it<//></div>` : null}>
      ${isDiff && draft.base
        ? html`<${DiffView} before=${JSON.stringify(draft.base, null, 2)} after=${text} label=${`What differs from ${draft.from}`} />`
        : html`<pre class="review-json" tabindex="0" role="group" aria-label="The resume"><code dir="auto">${visible(text)}</code></pre>`}
    <//>
    ${failure ? html`<${Failure} error=${failure} compact />` : null}
  `;
}

/** @param {any} finding */
function isError(finding) {
  return finding.severity === 'error';
}

/** @param {{ findings: any[] }} props */
function Findings({ findings }) {
  if (!findings.length) return html`<p class="review-good" role="status"><${Icon} name="check" size=${16} /> Checked: nothing is wrong with it.</p>`;
  return html`<ul class="review-findings" aria-label="What was found">
    ${findings.map((finding, i) => html`<li key=${i}><${Badge} tone=${isError(finding) ? 'bad' : 'warn'}>${isError(finding) ? 'wrong' : 'look'}<//>
      <span>${finding.pointer ? html`<code>${visible(finding.pointer)}</code> ` : null}${visible(finding.message)}${finding.expected ? html` <span class="quiet">${visible(finding.expected)}</span>` : null}</span></li>`)}
  </ul>`;
}
