/** Says that the past is shown, and leads back. */
import { html } from './lib/preact.js';
import { Button, Icon } from './lib/components/index.js';
import { count } from './lib/format.js';
import { at } from './lib/scope.js';
import { useSignal } from './lib/store.js';
import { href, lookAt } from './router.js';

export function PastBanner() {
  const tick = useSignal(at);
  if (tick === null) return null;
  return html`<div class="past" role="status">
    <${Icon} name="history" size=${17} />
    <span>As it was after <b>tick ${count(tick)}</b>. Nothing can be changed there.</span>
    <span class="row">
      <a class="button button-small" href=${href('/timeline')}>Timeline</a>
      <${Button} small kind="primary" icon="now" onClick=${() => lookAt(null)}>Back to now<//>
    </span>
  </div>`;
}
