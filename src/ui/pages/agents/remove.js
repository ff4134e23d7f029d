/** Puts an agent away, and brings it back. */
import { html, useState } from '../../lib/preact.js';
import { Button, Confirm, Name, say, sayError } from '../../lib/components/index.js';
import { ApiError, segment, send } from '../../lib/api.js';
import { may } from '../../lib/session.js';
import { visible } from '../../lib/text.js';
import { navigate } from '../../router.js';

/**
 * Whether the agent was put away.
 * @param {any} agent as the API tells of it, or null
 */
export function isRemoved(agent) {
  return Boolean(agent?.broken?.startsWith('the agent is removed'));
}

/** @param {{ name: string, onClose: () => void }} props */
export function RemoveAgent({ name, onClose }) {
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [busy, setBusy] = useState(false);
  const path = `/agents/${segment(name)}`;
  const remove = async () => {
    setBusy(true);
    try {
      await send('DELETE', path);
      say(`${name} is removed. Its page brings it back.`);
      onClose();
      navigate('/agents');
    } catch (failure) {
      setError(ApiError.from(failure));
      setBusy(false);
    }
  };
  return html`<${Confirm} title="Remove this agent?" confirm="Remove" danger busy=${busy} onClose=${onClose} onConfirm=${remove}>
    <div class="stack">
      <p><${Name} value=${name} /> takes no more turns, and nobody can write to it. What it said, kept and did stays, and so do its balance and unread mail: its page can bring it back.</p>
      ${error ? html`<p class="finding finding-error" role="alert"><span>${visible(error.message)}${error.hint ? html`: ${visible(error.hint)}` : null}</span></p>` : null}
    </div>
  <//>`;
}

/**
 * Brings an agent back that was removed.
 * @param {{ name: string, onDone: () => void }} props
 */
export function BringBack({ name, onDone }) {
  const [busy, setBusy] = useState(false);
  if (!may('edit')) return null;
  const restore = async () => {
    setBusy(true);
    try {
      await send('POST', `/agents/${segment(name)}/restore`, {});
      say(`${name} is back`);
      onDone();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<${Button} icon="history" busy=${busy} onClick=${restore}>Bring it back<//>`;
}
