/** Writes or changes a memory, as text or as JSON. */
import { html, useState } from '../../lib/preact.js';
import { Button, Dialog, Select, TextArea, TextField, say } from '../../lib/components/index.js';
import { ApiError, segment, send } from '../../lib/api.js';

/** A key as the format has it. */
const KEY = /^[A-Za-z0-9_-]{1,128}$/;

/** @param {{ agent: any, row: any | null, onClose: () => void, onDone: () => void }} props */
export function MemoryEdit({ agent, row, onClose, onDone }) {
  const isText = row ? typeof row.value === 'string' : true;
  const [key, setKey] = useState(row?.key ?? '');
  const [kind, setKind] = useState(isText ? 'text' : 'json');
  const [text, setText] = useState(row ? (isText ? row.value : JSON.stringify(row.value, null, 2)) : '');
  const [error, setError] = useState(/** @type {{ at: 'key' | 'value', message: string } | null} */ (null));
  const [busy, setBusy] = useState(false);
  const save = async () => {
    if (!KEY.test(key)) return setError({ at: 'key', message: 'Letters, digits, _ and -, at most 128.' });
    let value = /** @type {unknown} */ (text);
    if (kind === 'json') {
      try {
        value = JSON.parse(text);
      } catch (fault) {
        return setError({ at: 'value', message: fault instanceof Error ? fault.message : String(fault) });
      }
    }
    setBusy(true);
    try {
      await send('PUT', `/agents/${segment(agent.name)}/memory/${segment(key)}`, { value });
      say(`${key} changes with the next tick`);
      onDone();
      onClose();
    } catch (failure) {
      const { message, hint } = ApiError.from(failure);
      setError({ at: 'value', message: [message, hint].filter(Boolean).join('; ') });
      setBusy(false);
    }
  };
  return html`<${Dialog}
    title=${row ? 'Change a memory' : 'Write a memory'}
    wide
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" busy=${busy} onClick=${save}>Save<//>`}
  >
    <p class="quiet">It takes effect with the next tick, before its turns.</p>
    <div class="form-grid">
      <${TextField} label="Key" mono value=${key} disabled=${Boolean(row)} autofocus=${!row} error=${error?.at === 'key' ? error.message : null} onInput=${(/** @type {string} */ next) => { setKey(next); setError(null); }} />
      <${Select} label="The value is" value=${kind} options=${[{ value: 'text', label: 'Text' }, { value: 'json', label: 'JSON' }]} onChange=${setKind} />
    </div>
    <${TextArea} label="Value" mono=${kind === 'json'} rows=${14} value=${text} error=${error?.at === 'value' ? error.message : null} onInput=${(/** @type {string} */ next) => { setText(next); setError(null); }} />
  <//>`;
}
