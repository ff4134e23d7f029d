/** The timeline: every tick there was, each of which can be gone back to, played, and looked into. */
import { html, useEffect, useMemo, useRef, useState } from '../../lib/preact.js';
import { Button, Card, Empty, Failure, LinkButton, Loading, PageHead } from '../../lib/components/index.js';
import { count, plural } from '../../lib/format.js';
import { useDoing } from '../../lib/graph/doing.js';
import { modelOf } from '../../lib/graph/model.js';
import { GraphView } from '../../lib/graph/view.js';
import { useKept } from '../../lib/kept.js';
import { useResource } from '../../lib/resource.js';
import { useRoster } from '../../lib/roster.js';
import { at } from '../../lib/scope.js';
import { useSignal } from '../../lib/store.js';
import { SPEEDS, isPlaying, play, showTick, speed, stop } from '../../lib/timeline/player.js';
import { Scrubber } from '../../lib/timeline/scrubber.js';
import { readEarlier, useTicks } from '../../lib/timeline/ticks.js';
import { href, lookAt, navigate } from '../../router.js';
import { TickCard } from './tick.js';
import { TickTable } from './table.js';

const MEASURES = /** @type {const} */ ([
  ['turns', 'Turns'],
  ['messages', 'Messages'],
  ['cost', 'Cost'],
]);

/** @param {{ params: Record<string, string> }} props */
export default function Timeline({ params }) {
  const past = useSignal(at);
  const playing = useSignal(isPlaying);
  const ticks = useTicks();
  const [measure, setMeasure] = useState(/** @type {import('../../lib/timeline/bars.js').Measure} */ ('turns'));
  const { last } = ticks;
  const asked = /^\d{1,12}$/.test(params.tick ?? '') ? Number(params.tick) : null;
  const value = Math.max(1, Math.min(asked ?? past ?? last, Math.max(last, 1)));
  const shown = useRef(value);
  useEffect(() => {
    // A tick that is gone to shows its messages; while it plays, the player does.
    if (shown.current !== value && past !== null && !isPlaying.peek()) void showTick(value);
    shown.current = value;
  }, [value, past]);

  /** @param {number} tick */
  const go = (tick) => {
    // The latest tick is the present, unless another is still open.
    const next = tick >= last ? null : tick;
    if (asked !== null) {
      lookAt(next);
      navigate('/timeline', {}, { replace: true });
    } else lookAt(next);
  };
  if (last === 0) {
    return html`<div class="page"><${PageHead} title="Timeline" />
      ${ticks.error ? html`<${Failure} error=${ticks.error} onRetry=${() => readEarlier()} />` : ticks.isWhole ? html`<${Empty} icon="timeline" title="No tick has run yet">Each tick lets the agents that are due take one turn. <code>lemming tick</code> runs one.<//>` : html`<${Loading} label="The ticks" rows=${6} />`}
    </div>`;
  }
  const isPresent = past === null && (asked === null || asked >= last);
  return html`<div class="page timeline">
    <${PageHead}
      title="Timeline"
      hint=${html`${plural(last, 'tick')}${ticks.isReading ? html` <span class="quiet">· reading ${count(ticks.lines.size)}…</span>` : null}`}
      actions=${html`<${LinkButton} icon="diff" href=${href('/diff', { from: Math.max(0, value - 1), to: value })}>What changed<//>`}
    />
    <${Card}>
      <div class="stack">
        <div class="player" role="group" aria-label="Playing the past">
          <div class="row row-tight">
            <${Button} icon="stepBack" label="A tick back" disabled=${value <= 1} onClick=${() => go(value - 1)} />
            <${Button} kind="primary" icon=${playing ? 'pause' : 'play'} onClick=${() => (playing ? stop() : start(asked, last))}>${playing ? 'Pause' : 'Play'}<//>
            <${Button} icon="stepForward" label="A tick on" disabled=${isPresent} onClick=${() => go(value + 1)} />
          </div>
          <${Speed} />
          <${GoTo} value=${value} last=${last} onGo=${go} />
          <div class="row row-tight player-measure" role="group" aria-label="What the bars show">
            ${MEASURES.map(([id, title]) => html`<${Button} key=${id} small pressed=${measure === id} onClick=${() => setMeasure(id)}>${title}<//>`)}
          </div>
        </div>
        <${Scrubber} ticks=${ticks} last=${last} value=${value} isPresent=${isPresent} measure=${measure} onChange=${go} />
        <ul class="timeline-legend" aria-label="Bars">
          <li><i class="swatch back-accent"></i>${MEASURES.find(([id]) => id === measure)?.[1]}</li>
          <li><i class="swatch back-bad"></i>failed turns</li>
          <li><i class="swatch back-info"></i>open</li>
          ${!ticks.isWhole && !ticks.isReading ? html`<li><button type="button" class="link" onClick=${() => readEarlier()}>Read earlier ticks</button></li>` : null}
        </ul>
      </div>
    <//>
    ${ticks.error ? html`<${Failure} compact error=${ticks.error} onRetry=${() => readEarlier()} />` : null}
    <div class="timeline-body">
      <${Replay} tick=${value} isPast=${past !== null || asked !== null} />
      <${TickCard} tick=${value} isOpen=${ticks.lines.get(value)?.state !== 'closed'} isShown=${asked === null} onGo=${go} last=${last} />
    </div>
    <${TickTable} ticks=${ticks} value=${value} onGo=${go} />
  </div>`;
}

/**
 * @param {number | null} asked
 * @param {number} last
 */
function start(asked, last) {
  if (asked !== null) {
    lookAt(asked >= last ? null : asked);
    navigate('/timeline', {}, { replace: true });
  }
  void play();
}

function Speed() {
  const now = useSignal(speed);
  return html`<label class="player-field"><span>Speed</span>
    <select class="input" value=${String(now)} onChange=${(/** @type {any} */ event) => (speed.value = Number(event.target.value))}>
      ${SPEEDS.map((one) => html`<option key=${one} value=${String(one)} selected=${one === now}>${one}×</option>`)}
    </select>
  </label>`;
}

/** @param {{ value: number, last: number, onGo: (tick: number) => void }} props */
function GoTo({ value, last, onGo }) {
  const [entered, setEntered] = useState(/** @type {string | null} */ (null));
  const leave = () => {
    const tick = Number(entered);
    if (entered !== null && Number.isInteger(tick) && tick >= 1 && tick <= last && tick !== value) onGo(tick);
    setEntered(null);
  };
  return html`<label class="player-field"><span>Tick</span>
    <input class="input nums" type="number" min="1" max=${last} value=${entered ?? String(value)} onInput=${(/** @type {any} */ event) => setEntered(event.target.value)}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === 'Enter' && leave()} onBlur=${leave} />
    <span class="quiet nums">of ${count(last)}</span>
  </label>`;
}

/**
 * The graph, over which messages fly again. In the past an agent is shown as it came out of its turn in that tick.
 * @param {{ tick: number, isPast: boolean }} props
 */
function Replay({ tick, isPast }) {
  const graph = useKept(useResource('/org-graph', { live: ['tick_closed'] }));
  const roster = useRoster();
  const live = useDoing();
  const detail = useResource(isPast ? `/ticks/${tick}` : null);
  const doing = useMemo(
    () => (detail.data ? new Map(detail.data.turns.map((/** @type {any} */ turn) => [turn.agent, turn.status === 'ok' ? 'done' : 'failed'])) : live),
    [detail.data, live],
  );
  const [choice, setChoice] = useState(/** @type {import('../../lib/graph/view.js').Choice} */ (null));
  const model = useMemo(() => (graph.data && roster.agents ? modelOf(graph.data, roster.agents) : null), [graph.data, roster.agents]);
  const error = graph.error ?? roster.error;
  return html`<section class="timeline-graph" aria-label="Messages of the tick, over the graph">
    ${model
      ? html`<${GraphView} model=${model} doing=${doing} choice=${choice} onChoose=${setChoice} scrolls
          onOpen=${() => choice?.kind === 'agent' && navigate('/', { agent: choice.name })} />`
      : error
        ? html`<${Failure} compact error=${error} onRetry=${() => { graph.reload(); roster.reload(); }} />`
        : html`<${Loading} label="The graph" />`}
  </section>`;
}
