/** Asks for the key. */
import { html, useState } from '../../lib/preact.js';
import { Button, TextField } from '../../lib/components/index.js';
import { ApiError } from '../../lib/api.js';
import { signIn } from '../../lib/session.js';

export default function SignIn() {
  const [entered, setEntered] = useState('');
  const [fault, setFault] = useState(/** @type {string | null} */ (null));
  const [busy, setBusy] = useState(false);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(entered);
    } catch (error) {
      setFault(ApiError.from(error).message);
      setBusy(false);
    }
  };
  return html`<form class="card" onSubmit=${submit}>
    <div class="card-body">
      <h1 id="page-title">Sign in</h1>
      <${TextField} label="Key" type="password" value=${entered} onInput=${setEntered} error=${fault} required autofocus />
      <${Button} kind="primary" type="submit" busy=${busy}>Enter<//>
    </div>
  </form>`;
}
