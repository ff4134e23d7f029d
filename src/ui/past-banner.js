/** Says that the past is shown, and leads back. */
import { html } from './lib/preact.js';
import { Button, Icon, sayError } from './lib/components/index.js';
import { get } from './lib/api.js';
import { count } from './lib/format.js';
import { at } from './lib/scope.js';
import { useSignal } from './lib/store.js';
import { isPlaying, play, stop } from './lib/timeline/player.js';
import { href, lookAt } from './router.js';

export function PastBanner() {
  const tick = useSignal(at);
  const playing = useSignal(isPlaying);
  if (tick === null) return null;
  return html`<div class="past" role="status">
    <${Icon} name="history" size=${17} />
    <span>As it was after <b>tick ${count(tick)}</b>. Nothing can be changed there.</span>
    <span class="row">
      <span class="row past-steps">
        <${Button} small icon="stepBack" label="A tick back" disabled=${tick <= 1} onClick=${() => lookAt(tick - 1)} />
        <${Button} small icon=${playing ? 'pause' : 'play'} label=${playing ? 'Stop playing' : 'Play from here'} onClick=${() => (playing ? stop() : void play())} />
        <${Button} small icon="stepForward" label="A tick on" onClick=${() => stepOn(tick)} />
      </span>
      <a class="button button-small" href=${href('/timeline')}>Timeline</a>
      <${Button} small kind="primary" icon="now" onClick=${() => lookAt(null)}>Back to now<//>
    </span>
  </div>`;
}

/**
 * The next tick; after the last one it is now.
 * @param {number} tick
 */
async function stepOn(tick) {
  try {
    const { tick: last } = await get('/status', { at: null });
    lookAt(tick + 1 >= last ? null : tick + 1);
  } catch (error) {
    sayError(error);
  }
}
