/** Gives an agent credits. */
import { html, useRef, useState } from '../../lib/preact.js';
import { Button, Dialog, Name, TextField, say } from '../../lib/components/index.js';
import { ApiError, segment, send } from '../../lib/api.js';
import { credits } from '../../lib/format.js';
import { newKey } from '../messages/sending.js';

/** @param {{ agent: any, onClose: () => void, onDone: () => void }} props */
export function TopUp({ agent, onClose, onDone }) {
  const room = agent.max_credits ? Math.max(0, agent.max_credits - (agent.credits_left ?? 0)) : null;
  const [amount, setAmount] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  // The same amount that is tried again is given once.
  const key = useRef({ of: '', key: '' });
  const value = Number(amount);
  const isValid = amount.trim() !== '' && Number.isFinite(value) && value > 0;
  const after = Math.min((agent.credits_left ?? 0) + (isValid ? value : 0), agent.max_credits ?? Infinity);
  const give = async () => {
    if (!isValid) return setError(new ApiError({ code: 'invalid', message: 'Give a number above 0.' }));
    if (key.current.of !== amount) key.current = { of: amount, key: newKey() };
    setBusy(true);
    try {
      await send('POST', `/agents/${segment(agent.name)}/credits`, { add: value }, { headers: { 'Idempotency-Key': key.current.key } });
      say(room !== null && value > room ? `${agent.name} is filled up to ${credits(agent.max_credits)} credits with the next tick` : `${agent.name} gets ${credits(value)} credits with the next tick`);
      onDone();
      onClose();
    } catch (failure) {
      setError(ApiError.from(failure));
      setBusy(false);
    }
  };
  return html`<${Dialog}
    title="Top up credits"
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="primary" busy=${busy} onClick=${give}>Top up<//>`}
  >
    <p><${Name} value=${agent.name} /> has ${credits(agent.credits_left)}${agent.max_credits ? ` of at most ${credits(agent.max_credits)}` : ''} credits.</p>
    <form class="stack" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); void give(); }}>
      <${TextField} label="Credits to add" type="number" min="0" step="any" required autofocus value=${amount} error=${error ? error.message : null}
        onInput=${(/** @type {string} */ text) => { setAmount(text); setError(null); }} hint=${isValid ? `It then has ${credits(after)}.` : room === 0 ? 'Its account is full: no top-up lifts it above its maximum.' : undefined} />
      ${room ? html`<div class="row"><${Button} small onClick=${() => setAmount(String(Number(room.toFixed(6))))}>Fill up (${credits(room)})<//></div>` : null}
    </form>
  <//>`;
}
