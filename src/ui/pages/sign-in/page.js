/** Asks for the key, says what keys are, and why one does not open. */
import { html, useEffect, useState } from '../../lib/preact.js';
import { Button, Icon, TextField } from '../../lib/components/index.js';
import { ApiError } from '../../lib/api.js';
import { key } from '../../lib/key.js';
import { keyNeeded, learn, signIn, statusError } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';

const ROLES = /** @type {const} */ ([
  ['Viewer', 'sees everything, changes nothing'],
  ['Operator', 'also sends messages, answers what agents ask, tops up, pauses, runs ticks'],
  ['Admin', 'also edits agents and the organisation'],
]);

export default function SignIn() {
  const needed = useSignal(keyNeeded);
  const hadKey = Boolean(useSignal(key));
  const [entered, setEntered] = useState('');
  const [fault, setFault] = useState(/** @type {string | null} */ (hadKey && needed ? 'The key that this tab had opens nothing any more.' : null));
  const [busy, setBusy] = useState(false);
  const [waitS, setWaitS] = useState(needed?.retryAfterS ?? 0);
  useEffect(() => {
    if (waitS <= 0) return undefined;
    const timer = setTimeout(() => setWaitS(waitS - 1), 1_000);
    return () => clearTimeout(timer);
  }, [waitS]);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (waitS > 0 || busy) return;
    if (!entered.trim()) {
      setFault('Enter a key');
      return;
    }
    setBusy(true);
    setFault(null);
    try {
      statusError.value = null;
      await signIn(entered);
      // Another failure than a wrong key leaves nobody signed in either.
      const failure = /** @type {ApiError | null} */ (statusError.peek());
      if (failure) throw failure;
    } catch (error) {
      const failure = ApiError.from(error);
      setFault(sentenceOf(failure));
      setWaitS(failure.retryAfterS ?? 0);
    } finally {
      setBusy(false);
    }
  };
  const isWaiting = waitS > 0;
  return html`<div class="sign-in">
    <header class="sign-in-head">
      <img src="icon.svg" alt="" width="40" height="40" />
      <h1 id="page-title" tabindex="-1">Sign in to LeMMing</h1>
      <p class="quiet">This server asks for a key.</p>
    </header>
    <form class="card sign-in-form" onSubmit=${submit} novalidate>
      <div class="card-body stack">
        <${TextField} label="Key" type="password" mono value=${entered} onInput=${(/** @type {string} */ next) => { setEntered(next); setFault(null); }}
          error=${isWaiting ? null : fault} required autofocus autocomplete="current-password"
          hint="It stays in this tab, and goes when you close it." />
        ${isWaiting ? html`<p class="sign-in-wait" role="status"><${Icon} name="clock" size=${16} />Too many keys were tried. Again in ${waitS} s.</p>` : null}
        <${Button} kind="primary" type="submit" busy=${busy} disabled=${isWaiting} class="sign-in-button">Sign in<//>
      </div>
    </form>
    <section class="sign-in-about" aria-labelledby="roles">
      <h2 id="roles">What a key allows</h2>
      <dl class="sign-in-roles">${ROLES.map(([role, what]) => html`<div key=${role}><dt>${role}</dt><dd>${what}</dd></div>`)}</dl>
      <p class="quiet small">You have none? Who runs the server makes one: <code>lemming keys add NAME --role operator</code></p>
      ${needed && !hadKey ? null : html`<button type="button" class="link small" onClick=${() => void learn()}>Look whether a key is still needed</button>`}
    </section>
  </div>`;
}

/** @param {ApiError} failure */
function sentenceOf(failure) {
  if (failure.status === 401) return 'This key opens nothing here. Is it complete?';
  if (failure.status === 403) return 'This key is known, and not for this organisation.';
  if (failure.status === 429) return 'Too many keys were tried.';
  if (failure.isUnreachable) return 'The server does not answer. The key was not tried.';
  return failure.hint ? `${failure.message}; ${failure.hint}` : failure.message;
}
