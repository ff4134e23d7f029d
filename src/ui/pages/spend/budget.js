/** Adds credits to the budget of the present window. */
import { html, useRef, useState } from '../../lib/preact.js';
import { Button, Dialog, TextField, say } from '../../lib/components/index.js';
import { ApiError, send } from '../../lib/api.js';
import { credits } from '../../lib/format.js';
import { newKey } from '../messages/sending.js';

/** @param {{ budget: { left: number, credits: number, window: string } | null, onClose: () => void, onDone: () => void }} props */
export function BudgetTopUp({ budget, onClose, onDone }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState(/** @type {string | null} */ (null));
  // The same amount that is tried again is given once.
  const key = useRef({ of: '', key: '' });
  const amount = Number(text);
  const isRight = /^\d+(\.\d{1,6})?$/.test(text.trim()) && amount > 0;
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (!isRight) {
      setFault('A number above 0, with at most six places');
      return;
    }
    if (key.current.of !== text) key.current = { of: text, key: newKey() };
    setBusy(true);
    try {
      await send('POST', '/credits', { add: amount }, { headers: { 'Idempotency-Key': key.current.key } });
      say(`The budget gets ${credits(amount)} credits more`, 'ok', 'With the next tick, in this window alone.');
      onDone();
      onClose();
    } catch (error) {
      setFault(ApiError.from(error).message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title="Top up the budget" onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" icon="plus" busy=${busy} onClick=${submit}>Add credits<//>`}>
    <form class="stack" onSubmit=${submit}>
      <p>All agents together may spend more in this window. To change the budget itself, edit the organisation in the settings.</p>
      <${TextField} label="Credits to add" value=${text} error=${fault} autofocus onInput=${(/** @type {string} */ next) => { setText(next); setFault(null); }}
        hint=${budget ? (isRight ? `${credits(budget.left)} are left now, and ${credits(budget.left + amount)} then.` : `${credits(budget.left)} are left now.`) : undefined} />
    </form>
  <//>`;
}
