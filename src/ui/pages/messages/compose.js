/** A person writes: to whom, what kind, how important, and the text. */
import { html, useRef, useState } from '../../lib/preact.js';
import { AgentChip, Button, Dialog, Failure, Line, Name, Select, TextArea, say } from '../../lib/components/index.js';
import { ApiError } from '../../lib/api.js';
import { line } from '../../lib/text.js';
import { KINDS } from './filters.js';
import { newKey, sendMessage } from './sending.js';

/**
 * @param {{ names: string[], onClose: () => void, answers?: import('../../lib/types.js').Message, onSent?: (sent: any) => void }} props
 *   `answers`: the message that is answered
 */
export function Compose({ names, onClose, answers, onSent }) {
  const [to, setTo] = useState(/** @type {string[]} */ (answers && answers.from !== 'human' ? [answers.from] : []));
  const [isEveryone, setEveryone] = useState(false);
  const [entered, setEntered] = useState('');
  const [kind, setKind] = useState(answers?.kind === 'request' ? 'response' : 'message');
  const [importance, setImportance] = useState('normal');
  const [text, setText] = useState('');
  const [faults, setFaults] = useState(/** @type {{ to?: string, text?: string }} */ ({}));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const key = useRef({ of: '', key: '' });
  const add = (/** @type {string} */ name) => {
    if (!name) return;
    if (!names.includes(name)) return setFaults({ ...faults, to: `No agent is called ${line(name, 60)}.` });
    setFaults({ ...faults, to: undefined });
    if (!to.includes(name)) setTo([...to, name]);
    setEntered('');
  };
  const submit = async () => {
    const pending = entered.trim();
    const all = pending && names.includes(pending) && !to.includes(pending) ? [...to, pending] : to;
    const wrong = {
      to: isEveryone || all.length ? undefined : 'Choose whom it is for.',
      text: text.trim() ? undefined : 'Write something.',
    };
    setFaults(wrong);
    if (wrong.to || wrong.text) return;
    const draft = { recipients: isEveryone ? null : all, text: text.trim(), kind, importance, reply_to: answers?.id };
    // The same draft keeps its key, so that a second try sends nothing twice.
    const written = JSON.stringify(draft);
    if (key.current.of !== written) key.current = { of: written, key: newKey() };
    setBusy(true);
    setError(null);
    try {
      const sent = await sendMessage(draft, key.current.key);
      say('Sent: it is read in the next tick');
      onSent?.(sent);
      onClose();
    } catch (failure) {
      setError(ApiError.from(failure));
      setBusy(false);
    }
  };
  return html`<${Dialog}
    title=${answers ? 'Answer' : 'Write a message'}
    wide
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" icon="send" busy=${busy} onClick=${submit}>Send<//>`}
  >
    ${answers ? html`<blockquote class="answered"><span class="quiet small"><${Name} value=${answers.from} /> wrote</span><p><${Line} value=${answers.text} max=${300} /></p></blockquote>` : null}
    <div class="field" role="group" aria-labelledby="compose-to">
      <span class="field-label" id="compose-to">To</span>
      <div class="compose-to">
        ${isEveryone
          ? html`<span class="picked">everyone</span>`
          : to.map((name) => html`<span key=${name} class="picked"><${AgentChip} name=${name} plain /><button type="button" class="picked-off" aria-label=${`Take away ${line(name, 60)}`} onClick=${() => setTo(to.filter((other) => other !== name))}>×</button></span>`)}
        ${isEveryone
          ? null
          : html`<input class="input compose-name" list="compose-names" aria-label="Add an agent" placeholder=${to.length ? 'Another agent' : 'An agent'} autocomplete="off" value=${entered} autofocus=${!answers}
              aria-invalid=${faults.to ? 'true' : undefined}
              onInput=${(/** @type {any} */ event) => { const next = event.target.value; if (names.includes(next) && event.inputType !== 'insertText' && event.inputType !== 'deleteContentBackward') add(next); else setEntered(next); }}
              onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Enter' || event.key === ',') { event.preventDefault(); add(entered.trim()); } else if (event.key === 'Backspace' && !entered) setTo(to.slice(0, -1)); }} />
            <datalist id="compose-names">${names.filter((name) => !to.includes(name)).slice(0, 1000).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>`}
        <label class="check compose-all"><input type="checkbox" checked=${isEveryone} onChange=${(/** @type {any} */ event) => setEveryone(event.target.checked)} /><span>Everyone</span></label>
      </div>
      ${isEveryone ? html`<p class="field-hint">Every agent reads it, and thinks about it: that costs ${names.length > 1 ? `up to ${names.length} turns` : 'a turn'}.</p>` : null}
      ${faults.to ? html`<p class="field-error" role="alert">${faults.to}</p>` : null}
    </div>
    <div class="form-grid">
      <${Select} label="Kind" value=${kind} options=${KINDS.map((one) => ({ value: one, label: one }))} onChange=${setKind} />
      <${Select} label="Importance" value=${importance} options=${['normal', 'high', 'critical'].map((one) => ({ value: one, label: one }))} onChange=${setImportance} />
    </div>
    <${TextArea} label="Text" rows=${7} value=${text} error=${faults.text} hint="Ctrl+Enter sends it." onInput=${(/** @type {string} */ next) => { setText(next); setFaults((old) => ({ ...old, text: undefined })); }}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void submit(); } }} />
    ${error ? html`<${Failure} error=${error} compact />` : null}
  <//>`;
}
