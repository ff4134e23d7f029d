/** Gives an agent credits: asks how many, says what it will have. */
import { html, useState } from '../preact.js';
import { ApiError, segment, send } from '../api.js';
import { credits } from '../format.js';
import { Button } from './button.js';
import { Dialog } from './dialog.js';
import { TextField } from './field.js';
import { Name } from './text.js';
import { say } from './toast.js';

/** The least that an account can hold, and the most that one command adds. */
const LEAST = 0.000001;
const MOST = 1_000_000_000;

/**
 * @param {{ agent: string, left: number | null, usual?: number | null, unit?: string, onClose: () => void, onDone?: () => void }} props
 *   `usual`: what is proposed, such as its `max_credits`
 */
export function TopUp({ agent, left, usual = null, unit, onClose, onDone }) {
  const [text, setText] = useState(usual ? String(usual) : '');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState(/** @type {string | null} */ (null));
  const amount = Number(text);
  const isRight = text.trim() !== '' && /^\d+(\.\d{1,6})?$/.test(text.trim()) && amount >= LEAST && amount <= MOST;
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (!isRight) {
      setFault('A number above 0, with at most six places');
      return;
    }
    setBusy(true);
    try {
      await send('POST', `/agents/${segment(agent)}/credits`, { add: amount });
      say(`${agent} gets ${credits(amount)} credits`, 'ok', 'They are there with the next tick.');
      onDone?.();
      onClose();
    } catch (error) {
      setFault(ApiError.from(error).message);
      setBusy(false);
    }
  };
  return html`<${Dialog}
    title=${html`Top up <${Name} value=${agent} />`}
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" icon="plus" busy=${busy} onClick=${submit}>Add credits<//>`}
  >
    <form class="stack" onSubmit=${submit}>
      <${TextField} label=${`Credits to add${unit ? ` (1 credit is 1 ${unit})` : ''}`} type="text" value=${text} onInput=${(/** @type {string} */ next) => { setText(next); setFault(null); }} error=${fault} autofocus
        hint=${left === null ? undefined : isRight ? `It has ${credits(left)} now, and ${credits(left + amount)} then.` : `It has ${credits(left)} now.`} />
    </form>
  <//>`;
}
