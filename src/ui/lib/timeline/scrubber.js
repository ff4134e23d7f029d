/**
 * The slider over all ticks: above, all of them; below, those around the chosen one, a bar each. By mouse, finger and keys
 * (arrows: one, page: ten, home and end).
 */
import { html, useEffect, useRef, useState } from '../preact.js';
import { count, credits, plural, time } from '../format.js';
import { onTheme, paletteOf } from '../graph/palette.js';
import { paintStrip, tickAt } from './bars.js';

/** A bar of the lower strip has this room, in pixels. */
const BAR = 11;

/**
 * @param {{
 *   ticks: import('./ticks.js').Ticks, last: number, value: number, isPresent: boolean, measure: import('./bars.js').Measure, onChange: (tick: number) => void,
 * }} props `last`: the latest tick there is
 */
export function Scrubber({ ticks, last, value, isPresent, measure, onChange }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [width, setWidth] = useState(0);
  const [held, setHeld] = useState(/** @type {number | null} */ (null));
  const [hover, setHover] = useState(/** @type {number | null} */ (null));
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watcher = new ResizeObserver(() => setWidth(element.clientWidth));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  const shown = held ?? value;
  const room = Math.max(8, Math.floor(width / BAR));
  const isLong = last > room;
  // The window moves only when the chosen tick comes near its edge, so that a bar stays under the pointer.
  const window = useRef({ from: 1 });
  const margin = Math.floor(room / 6);
  if (isLong) {
    const { from } = window.current;
    const to = from + room - 1;
    if (shown < from || shown > to) window.current.from = shown - Math.floor(room / 2);
    else if (held === null && shown < from + margin) window.current.from = shown - margin;
    else if (held === null && shown > to - margin) window.current.from = shown + margin - room + 1;
    window.current.from = Math.max(1, Math.min(last - room + 1, window.current.from));
  } else window.current.from = 1;
  const near = { from: window.current.from, to: isLong ? window.current.from + room - 1 : Math.max(last, 1) };

  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    const moves = { ArrowLeft: value - 1, ArrowDown: value - 1, ArrowRight: value + 1, ArrowUp: value + 1, PageDown: value - 10, PageUp: value + 10, Home: 1, End: last };
    const to = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.max(1, Math.min(last, to));
    if (next !== value) onChange(next);
  };
  const told = ticks.lines.get(shown);
  const words = told
    ? `tick ${count(shown)}, ${time(told.time)}: ${plural(told.ok + told.failed, 'turn')}, ${plural(told.messages, 'message')}, ${credits(told.cost_credits)} credits${told.failed ? `, ${count(told.failed)} failed` : ''}`
    : `tick ${count(shown)}`;
  const pointed = hover !== null ? ticks.lines.get(hover) : undefined;
  const strip = { ticks, measure, value: shown, hover, width, onHover: setHover, onHold: setHeld, onChange, isHeld: held !== null };
  return html`<div
    class="scrubber"
    ref=${box}
    role="slider"
    tabindex="0"
    aria-label="Tick that is looked at"
    aria-valuemin="1"
    aria-valuemax=${Math.max(last, 1)}
    aria-valuenow=${shown}
    aria-valuetext=${isPresent && held === null ? `now, ${words}` : words}
    onKeyDown=${keys}
  >
    ${isLong ? html`<${Strip} ...${strip} from=${1} to=${last} height=${44} window=${[near.from, near.to]} />` : null}
    <${Strip} ...${strip} from=${near.from} to=${near.to} height=${78} window=${null} />
    <div class="scrubber-scale" aria-hidden="true"><span>${count(near.from)}</span>
      <span class="scrubber-told">${pointed ? `tick ${count(hover)} · ${time(pointed.time)} · ${plural(pointed.ok + pointed.failed, 'turn')} · ${plural(pointed.messages, 'message')} · ${credits(pointed.cost_credits)}${pointed.failed ? ` · ${count(pointed.failed)} failed` : ''}` : ''}</span>
      <span>${count(near.to)}</span></div>
  </div>`;
}

/**
 * @param {{
 *   ticks: import('./ticks.js').Ticks, from: number, to: number, width: number, height: number, measure: import('./bars.js').Measure, value: number, hover: number | null,
 *   window: [number, number] | null, isHeld: boolean, onHover: (tick: number | null) => void, onHold: (tick: number | null) => void, onChange: (tick: number) => void,
 * }} props
 */
function Strip(props) {
  const { width, height } = props;
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [themes, setThemes] = useState(0);
  useEffect(() => onTheme(() => requestAnimationFrame(() => setThemes((n) => n + 1))), []);
  const colours = useRef(/** @type {import('../graph/palette.js').Palette | null} */ (null));
  useEffect(() => {
    colours.current = canvas.current && paletteOf(canvas.current);
  }, [themes]);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || !width || !colours.current) return;
    const density = Math.min(devicePixelRatio || 1, 2);
    if (element.width !== Math.round(width * density)) {
      element.width = Math.round(width * density);
      element.height = Math.round(height * density);
    }
    context.setTransform(density, 0, 0, density, 0, 0);
    paintStrip(context, { ...props, colours: colours.current });
  });
  /** @param {PointerEvent} event */
  const there = (event) => tickAt(props, event.clientX - /** @type {Element} */ (event.currentTarget).getBoundingClientRect().left);
  return html`<canvas
    ref=${canvas}
    class="strip"
    style=${{ height: `${height}px` }}
    onPointerDown=${(/** @type {any} */ event) => {
      if (event.button > 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      props.onHold(there(event));
    }}
    onPointerMove=${(/** @type {any} */ event) => {
      const tick = there(event);
      if (tick !== props.hover) props.onHover(tick);
      if (props.isHeld && event.currentTarget.hasPointerCapture(event.pointerId) && tick !== props.value) props.onHold(tick);
    }}
    onPointerUp=${(/** @type {any} */ event) => {
      if (!props.isHeld) return;
      props.onHold(null);
      props.onChange(there(event));
    }}
    onPointerCancel=${() => props.onHold(null)}
    onPointerLeave=${() => props.onHover(null)}
  ></canvas>`;
}
