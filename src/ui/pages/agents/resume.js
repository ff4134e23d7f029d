/** The resume of an agent: to read, or to edit as a form or as JSON, with a review before it is saved. */
import { html, useEffect, useMemo, useState } from '../../lib/preact.js';
import { Badge, Button, Card, Failure, Icon, Loading, TextArea, say } from '../../lib/components/index.js';
import { ApiError, ask, segment } from '../../lib/api.js';
import { onEvents } from '../../lib/live.js';
import { at as pastTick, org } from '../../lib/scope.js';
import { may } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { visible } from '../../lib/text.js';
import { plural } from '../../lib/format.js';
import { editJson } from './json-edit.js';
import { Conflict } from './resume-conflict.js';
import { ResumeForm } from './resume-form.js';
import { Review } from './resume-review.js';
import { check } from './resume-rules.js';
import { ResumeView } from './resume-view.js';

/**
 * @typedef {Object} Read
 * @property {string} text
 * @property {any} data null where the text is no JSON
 * @property {string | null} etag
 */

/**
 * What is being written, by organisation and agent: another tab or page does not lose it.
 * @type {Map<string, { base: Read, text: string, mode: 'form' | 'json' }>}
 */
const drafts = new Map();

/** @param {string} text */
export function parsed(text) {
  try {
    return { data: JSON.parse(text), fault: null };
  } catch (error) {
    return { data: null, fault: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * @param {string} name
 * @param {{ at?: number | null }} [options]
 * @returns {Promise<Read>}
 */
export async function readResume(name, options = {}) {
  const answer = await ask(`/agents/${segment(name)}/resume`, { ...options, headers: { 'Cache-Control': 'no-cache' } });
  const text = await answer.text();
  return { text, data: parsed(text).data, etag: answer.headers.get('ETag') };
}

/** @param {{ agent: any, reload: () => void }} props */
export function ResumeTab({ agent, reload }) {
  const tick = useSignal(pastTick);
  const which = useSignal(org);
  const id = `${which}\n${agent.name}`;
  const [base, setBase] = useState(/** @type {Read | null} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [round, setRound] = useState(0);
  const [isStale, setStale] = useState(false);
  const canEdit = may('edit');
  useEffect(() => {
    let current = true;
    readResume(agent.name).then(
      (read) => {
        if (!current) return;
        setError(null);
        const draft = drafts.get(id);
        // A draft is of the version that it was begun from.
        if (draft && tick === null) {
          setBase(draft.base);
          setStale(draft.base.etag !== read.etag);
        } else {
          setBase(read);
          setStale(false);
        }
      },
      (failure) => current && setError(ApiError.from(failure)),
    );
    return () => {
      current = false;
    };
  }, [id, tick, round]);
  useEffect(() => (tick === null ? onEvents(['tick_closed', 'reset'], () => !drafts.has(id) && setRound((n) => n + 1)) : undefined), [id, tick]);
  if (base === null) {
    return error ? html`<${Failure} error=${error} onRetry=${() => setRound(round + 1)} />` : html`<${Card}><${Loading} label="The resume" rows=${7} /><//>`;
  }
  if (!canEdit) return html`<${ResumeView} read=${base} agent=${agent} />`;
  return html`<${Editor}
    key=${`${id}\n${base.etag}\n${base.text}`}
    id=${id}
    agent=${agent}
    base=${base}
    isStale=${isStale}
    onSaved=${() => {
      drafts.delete(id);
      setRound(round + 1);
      reload();
    }}
    onRebase=${(/** @type {Read} */ read, /** @type {string} */ text) => {
      drafts.set(id, { base: read, text, mode: drafts.get(id)?.mode ?? 'form' });
      setStale(false);
      setBase(read);
    }}
  />`;
}

/**
 * @param {{ id: string, agent: any, base: Read, isStale: boolean, onSaved: () => void, onRebase: (read: Read, text: string) => void }} props
 */
function Editor({ id, agent, base, isStale, onSaved, onRebase }) {
  const kept = drafts.get(id);
  const begin = base.text;
  const [text, setText] = useState(kept?.text ?? begin);
  const [mode, setMode] = useState(/** @type {'form' | 'json'} */ (base.data === null ? 'json' : (kept?.mode ?? 'form')));
  const [told, setTold] = useState(/** @type {{ text: string, findings: import('./resume-rules.js').Finding[] } | null} */ (null));
  const [dialog, setDialog] = useState(/** @type {'review' | 'conflict' | null} */ (null));
  const { data, fault } = useMemo(() => parsed(text), [text]);
  const isChanged = text !== begin;
  useEffect(() => {
    if (isChanged) drafts.set(id, { base, text, mode });
    else drafts.delete(id);
  }, [text, mode]);
  useEffect(() => {
    if (!isChanged) return undefined;
    const warn = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [isChanged]);

  const own = useMemo(() => (data === null && fault ? [] : check(data, agent.name)), [data]);
  // What the server found holds for the text that it was shown.
  const theirs = told?.text === text ? told.findings.filter((finding) => !own.some((one) => one.pointer === finding.pointer)) : [];
  const findings = [...own, ...theirs];
  const errors = findings.filter((finding) => finding.severity === 'error').length;
  const isForm = mode === 'form' && data !== null && typeof data === 'object' && !Array.isArray(data);

  return html`<div class="resume">
    ${isStale
      ? html`<p class="stale" role="status"><${Icon} name="info" size=${15} /> The resume changed after you began.
          <button type="button" class="link" onClick=${() => setDialog('conflict')}>See what changed</button></p>`
      : null}
    <div class="resume-bar">
      <div class="segmented" role="group" aria-label="Edit as">
        <${Button} small pressed=${isForm} disabled=${data === null} onClick=${() => setMode('form')}>Form<//>
        <${Button} small pressed=${!isForm} onClick=${() => setMode('json')}>JSON<//>
      </div>
      <p class="grow quiet small" role="status">
        ${fault ? 'This is no JSON yet.' : errors ? `${plural(errors, 'error')} to mend` : isChanged ? 'Changed, not saved' : 'Saved'}
      </p>
      ${isChanged ? html`<${Button} kind="ghost" onClick=${() => { setText(begin); setTold(null); }}>Undo changes<//>` : null}
      <${Button} kind="primary" icon="diff" disabled=${!isChanged || Boolean(fault) || own.some((finding) => finding.severity === 'error')} onClick=${() => setDialog('review')}>Review changes<//>
    </div>
    <${FindingList} findings=${findings.filter((finding) => !isForm || !hasField(finding.pointer))} />
    ${isForm
      ? html`<${ResumeForm} value=${data} name=${agent.name} findings=${findings} onField=${(/** @type {string} */ pointer, /** @type {unknown} */ next) => setText((old) => editJson(old, pointer, next))} />`
      : html`<${Card}>
          <${TextArea} label="The resume as JSON" mono rows=${30} value=${text} onInput=${setText} error=${fault} hint="Fields that this page does not know stay as they are." />
        <//>`}
    ${dialog === 'review'
      ? html`<${Review}
          agent=${agent}
          base=${base}
          text=${text}
          onClose=${() => setDialog(null)}
          onFindings=${(/** @type {any[]} */ found) => setTold({ text, findings: found })}
          onConflict=${() => setDialog('conflict')}
          onSaved=${() => {
            say('Saved: it holds from the next tick on');
            onSaved();
          }}
        />`
      : null}
    ${dialog === 'conflict'
      ? html`<${Conflict} agent=${agent} base=${base} mine=${data} onClose=${() => setDialog(null)} onReapply=${onRebase} />`
      : null}
  </div>`;
}

/** Whether the form shows it beside a field. @param {string} pointer */
function hasField(pointer) {
  return ResumeForm.pointers.some((known) => pointer === known || pointer.startsWith(`${known}/`));
}

/** @param {{ findings: import('./resume-rules.js').Finding[] }} props */
export function FindingList({ findings }) {
  if (!findings.length) return null;
  return html`<ul class="findings" aria-label="What is wrong">
    ${findings.map(
      (finding, i) => html`<li key=${i} class=${`finding finding-${finding.severity === 'error' ? 'error' : 'warning'}`}>
        <${Badge} tone=${finding.severity === 'error' ? 'bad' : 'warn'}>${finding.severity === 'error' ? 'error' : 'warning'}<//>
        <span>${finding.pointer ? html`<code>${visible(finding.pointer)}</code> ` : null}${visible(finding.message)}${finding.expected ? html`; <span class="quiet">${visible(finding.expected)}</span>` : null}</span>
      </li>`,
    )}
  </ul>`;
}
