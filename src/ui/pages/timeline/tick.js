/** The whole of one tick: what asked for it, who ran and who did not, what was said, what it cost, what went wrong. */
import { html } from '../../lib/preact.js';
import { AgentChip, Badge, Button, Card, Line, LinkButton, Loaded, MessageLine, Name, Stat, Stats, Status, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, credits, duration, plural, tokens, words } from '../../lib/format.js';
import { useKept } from '../../lib/kept.js';
import { useResource } from '../../lib/resource.js';
import { visible } from '../../lib/text.js';
import { href } from '../../router.js';

const MOST = 100;

/**
 * @param {{ tick: number, isOpen: boolean, isShown: boolean, last: number, onGo: (tick: number) => void }} props
 *   `isShown`: the rest of the dashboard shows this moment, too
 */
export function TickCard({ tick, isOpen, isShown, last, onGo }) {
  const detail = useKept(useResource(`/ticks/${tick}`, { live: isOpen ? ['turn_committed', 'turn_failed', 'tick_closed'] : null, concerns: (event) => event.tick === tick }));
  return html`<${Card}
    class="tick"
    title=${`Tick ${count(tick)}`}
    actions=${html`${isShown ? null : html`<${Button} small icon="history" onClick=${() => onGo(tick)}>${tick >= last ? 'See now' : 'See everything as it was then'}<//>`}
      <${LinkButton} small icon="diff" href=${href('/diff', { from: Math.max(0, tick - 1), to: tick })}>What it changed<//>`}
  >
    <${Loaded} of=${detail} rows=${5}>${(/** @type {any} */ found) => html`<${Detail} tick=${found} />`}<//>
  <//>`;
}

/** @param {{ tick: any }} props */
function Detail({ tick }) {
  const turns = tick.turns ?? [];
  const failed = turns.filter((/** @type {any} */ turn) => turn.status && turn.status !== 'ok').length;
  return html`<div class="stack">
    <div class="row"><${Status} status=${tick.state} /><${Time} value=${tick.time} /><span class="quiet">clock ${count(tick.clock)}</span><span class="quiet">· ${trigger(tick.trigger)}</span></div>
    <${Stats}>
      <${Stat} label="Turns" value=${count(turns.length)} note=${failed ? `${count(failed)} failed` : null} tone=${failed ? 'bad' : undefined} />
      <${Stat} label="Messages" value=${count(tick.messages?.length ?? 0)} />
      <${Stat} label="Cost" value=${credits(tick.cost_credits)} />
    <//>
    ${(tick.problems ?? []).map(
      (/** @type {any} */ problem, /** @type {number} */ i) => html`<p key=${i} class="tick-problem"><${Badge} tone="bad">${words(visible(problem.kind ?? problem.code ?? 'problem'))}<//> <${Line} value=${problem.message ?? problem.text ?? JSON.stringify(problem)} max=${300} /></p>`,
    )}
    <section class="stack-tight"><h3>Who ran</h3>
      ${turns.length ? html`<ul class="tick-turns">${turns.slice(0, MOST).map((/** @type {any} */ turn) => html`<${Turn} key=${turn.agent} tick=${tick.tick} turn=${turn} />`)}</ul>` : html`<p class="quiet">Nobody was due.</p>`}
      ${turns.length > MOST ? html`<p class="quiet">${plural(turns.length - MOST, 'more turn')}</p>` : null}
    </section>
    ${tick.skipped?.length
      ? html`<section class="stack-tight"><h3>Who did not, and why</h3>
          <ul class="tick-turns">${tick.skipped.slice(0, MOST).map((/** @type {any} */ one) => html`<li key=${one.agent} class="tick-turn"><${AgentChip} name=${one.agent} /><span class="quiet">${words(visible(one.reason))}</span></li>`)}</ul>
        </section>`
      : null}
    <section><h3>What was said</h3>
      ${tick.messages?.length
        ? html`${tick.messages.slice(0, MOST).map((/** @type {any} */ message) => html`<${MessageLine} key=${message.id} message=${message} />`)}
            ${tick.messages.length > MOST ? html`<p class="quiet">${plural(tick.messages.length - MOST, 'more message')}</p>` : null}`
        : html`<p class="quiet">Nothing.</p>`}
    </section>
    ${Object.keys(tick.created ?? {}).length
      ? html`<section class="stack-tight"><h3>Who was made</h3><ul>${Object.entries(tick.created).map(([name, by]) => html`<li key=${name}><${AgentChip} name=${name} /> <span class="quiet">by <${Name} value=${by} /></span></li>`)}</ul></section>`
      : null}
    ${tick.files?.length
      ? html`<section class="stack-tight"><h3>Files that were written</h3>
          <ul class="stack-tight">${tick.files.slice(0, MOST).map((/** @type {any} */ file, /** @type {number} */ i) => html`<li key=${i}><code><${Line} value=${file.path} max=${120} /></code>${file.agent ? html` <span class="quiet">by <${Name} value=${file.agent} /></span>` : null}</li>`)}</ul></section>`
      : null}
  </div>`;
}

/** @param {{ tick: number, turn: any }} props */
function Turn({ tick, turn }) {
  return html`<li class="tick-turn">
    <${AgentChip} name=${turn.agent} />
    <${Status} status=${turn.status ?? 'running'} />
    <span class="quiet tick-facts">
      ${turn.because ? html`<span>${words(visible(turn.because))}</span>` : null}
      ${turn.input_tokens !== undefined ? html`<span class="nums">${tokens((turn.input_tokens ?? 0) + (turn.output_tokens ?? 0))} tokens</span>` : null}
      ${turn.duration_ms !== undefined ? html`<span class="nums">${duration(turn.duration_ms)}</span>` : null}
      <span class="nums">${credits(turn.cost_credits)}</span>
    </span>
    <a href=${href(`/ticks/${tick}/turns/${segment(turn.agent)}`)}>Turn</a>
  </li>`;
}

/** @param {any} asked */
function trigger(asked) {
  const kind = asked?.kind ? words(visible(asked.kind)) : 'unknown';
  return kind === 'invocation' ? 'asked for by a person or a program' : `asked for by ${kind}`;
}
