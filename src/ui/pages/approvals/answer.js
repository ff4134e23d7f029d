/** The three ways to answer, each with a confirmation that says exactly what will be done. */
import { html, useMemo, useState } from '../../lib/preact.js';
import { Button, Dialog, DiffView, Name, TextArea, say } from '../../lib/components/index.js';
import { ApiError, segment, send } from '../../lib/api.js';
import { parseExact, pretty } from '../../lib/exact-json.js';
import { credits } from '../../lib/format.js';
import { visible } from '../../lib/text.js';
import { ExactJson, Hash } from './exact.js';

/** @typedef {import('./reading.js').Approval} Approval */
/** @typedef {'approve' | 'change' | 'deny'} Way */

const MOST_REASON = 2_000;

/**
 * @param {{ approval: Approval, way: Way, onClose: () => void, onDone: () => void }} props
 */
export function AnswerDialog({ approval, way, onClose, onDone }) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState(/** @type {ApiError | null} */ (null));
  /** @param {Record<string, unknown>} body @param {string} done */
  const answer = async (body, done) => {
    setBusy(true);
    setFault(null);
    try {
      await send('POST', `/approvals/${segment(approval.id)}`, { ...body, arguments_sha256: approval.arguments_sha256 });
      say(done, 'ok', 'It takes effect with the next tick.');
      onDone();
    } catch (error) {
      setFault(ApiError.from(error));
      setBusy(false);
    }
  };
  const shared = { approval, busy, fault, answer, onClose };
  if (way === 'approve') return html`<${Approve} ...${shared} />`;
  return way === 'deny' ? html`<${Deny} ...${shared} />` : html`<${Change} ...${shared} />`;
}

/** @param {{ fault: ApiError | null }} props */
function Fault({ fault }) {
  if (!fault) return null;
  return html`<p class="answer-fault" role="alert"><b>${visible(fault.message)}</b>${fault.hint ? html`<span>${visible(fault.hint)}</span>` : null}</p>`;
}

/** @typedef {{ approval: Approval, busy: boolean, fault: ApiError | null, answer: (body: Record<string, unknown>, done: string) => void, onClose: () => void }} Shared */

/** @param {Shared} props */
function Approve({ approval, busy, fault, answer, onClose }) {
  return html`<${Dialog}
    title="Approve this call?"
    wide
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//>
      <${Button} kind="primary" icon="check" busy=${busy} onClick=${() => answer({ verdict: 'approved' }, 'The call is approved')}>Approve exactly this<//>`}
  >
    <p><b><${Name} value=${approval.agent} /></b> will call <code class="answer-tool"><${Name} value=${approval.tool} /></code> once, with exactly these arguments:</p>
    <${ExactJson} value=${approval.arguments} label="Arguments of the call" />
    <p class="row small"><${Hash} sha=${approval.arguments_sha256} />
      ${approval.worth_credits !== null ? html`<span class="quiet">worth ${credits(approval.worth_credits)} credits</span>` : null}</p>
    <${Fault} fault=${fault} />
  <//>`;
}

/** @param {Shared} props */
function Deny({ approval, busy, fault, answer, onClose }) {
  const [reason, setReason] = useState('');
  const isLong = reason.length > MOST_REASON;
  const submit = () => answer({ verdict: 'denied', ...(reason.trim() ? { reason: reason.trim() } : {}) }, 'The call is denied');
  return html`<${Dialog}
    title="Deny this call?"
    wide
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//>
      <${Button} kind="danger" icon="close" busy=${busy} disabled=${isLong} onClick=${submit}>Deny<//>`}
  >
    <p><code class="answer-tool"><${Name} value=${approval.tool} /></code> is not called, and <b><${Name} value=${approval.agent} /></b> is told so in its next turn.</p>
    <${TextArea} label="Why not" rows=${3} value=${reason} onInput=${setReason}
      hint="The agent reads it, and may ask again for something better. It may be left empty." error=${isLong ? `At most ${MOST_REASON} characters` : null} />
    <details class="answer-asked"><summary>What was asked</summary><${ExactJson} value=${approval.arguments} label="Arguments that were asked for" isShort /></details>
    <${Fault} fault=${fault} />
  <//>`;
}

/** @param {Shared} props */
function Change({ approval, busy, fault, answer, onClose }) {
  const before = useMemo(() => pretty(approval.arguments), [approval]);
  const [text, setText] = useState(before);
  const [isReview, setReview] = useState(false);
  const read = useMemo(() => readArguments(text), [text]);
  const after = read.fault ? before : pretty(read.value);
  const isSame = !read.fault && after === before;
  if (isReview && !read.fault) {
    return html`<${Dialog}
      title="Approve the changed call?"
      wide
      onClose=${onClose}
      actions=${html`<${Button} icon="edit" onClick=${() => setReview(false)}>Change again<//>
        <${Button} kind="primary" icon="check" busy=${busy} onClick=${() => answer({ verdict: 'approved', arguments: read.value }, 'The changed call is approved')}>Approve exactly this<//>`}
    >
      <p><b><${Name} value=${approval.agent} /></b> will call <code class="answer-tool"><${Name} value=${approval.tool} /></code> once, with exactly these arguments <b>instead of those it asked for</b>:</p>
      <${ExactJson} value=${read.value} label="Arguments of the call" />
      <${DiffView} before=${before} after=${after} label="What differs from what was asked" />
      <${Fault} fault=${fault} />
    <//>`;
  }
  return html`<${Dialog}
    title="Approve with changes"
    wide
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//>
      <${Button} kind="primary" disabled=${Boolean(read.fault) || isSame} onClick=${() => setReview(true)}>Look at what changes<//>`}
  >
    <p>The arguments of <code class="answer-tool"><${Name} value=${approval.tool} /></code> as <b><${Name} value=${approval.agent} /></b> asked for them. Change them here.</p>
    <${TextArea} label="Arguments, as a JSON object" mono rows=${14} value=${text} onInput=${setText} error=${read.fault}
      hint=${isSame ? 'Nothing is changed yet.' : read.fault ? undefined : 'This is a JSON object.'} />
    ${isSame || read.fault ? null : html`<${DiffView} before=${before} after=${after} label="What differs from what was asked" />`}
  <//>`;
}

/**
 * @param {string} text
 * @returns {{ value: any, fault: string | null }}
 */
function readArguments(text) {
  try {
    const value = parseExact(text);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return { value: null, fault: 'Arguments are a JSON object: { … }' };
    return { value, fault: null };
  } catch (error) {
    return { value: null, fault: `This is no JSON: ${error instanceof Error ? error.message : ''}` };
  }
}
