/**
 * The picture of the graph: moved by mouse, touch and keys. What is chosen is its owner's to keep.
 *
 * It is a canvas, which says nothing to a screen reader: a line beside it tells what is chosen, and the page has the same
 * graph as a table.
 */
import { html, useEffect, useMemo, useRef, useState } from '../preact.js';
import { Button } from '../components/button.js';
import { doingOf } from '../components/badge.js';
import { count, plural } from '../format.js';
import { line } from '../text.js';
import { neighbour } from './geometry.js';
import { linkBetween } from './model.js';
import { Stage } from './stage.js';
import { onTraffic } from './traffic.js';

/** @typedef {{ kind: 'agent', name: string } | { kind: 'edge', from: string, to: string } | null} Choice */

/**
 * @param {{
 *   model: import('./model.js').Model, doing: Map<string, string>, choice: Choice, onChoose: (choice: Choice) => void,
 *   found?: Set<string> | null, onOpen?: () => void, scrolls?: boolean, children?: any,
 * }} props `onOpen`: Enter on what is chosen; `scrolls`: the page around it scrolls, so that the wheel is left to it
 */
export function GraphView(props) {
  const { model, scrolls = false } = props;
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [isReady, setReady] = useState(false);
  const stage = useMemo(() => new Stage(), []);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!canvas.current || !box.current) return undefined;
    return stage.mount(canvas.current, box.current, scrolls);
  }, []);
  useEffect(() => stage.setModel(model, () => setReady(true)), [model.key]);
  useEffect(() => onTraffic((messages, ms) => stage.fly(messages, ms)), []);

  const chosen = useMemo(() => chosenIn(model, props.choice), [model, props.choice]);
  useEffect(() => {
    const found = props.found ? new Set([...props.found].flatMap((name) => model.byName.get(name)?.index ?? [])) : null;
    stage.show({ model, doing: props.doing, node: chosen.node, link: chosen.link, found });
  }, [model, props.doing, chosen, props.found]);
  useEffect(() => {
    if (chosen.node !== null) stage.reveal(chosen.node);
  }, [chosen.node, isReady]);

  stage.onPress = (node, link) => {
    if (node !== null) props.onChoose({ kind: 'agent', name: model.nodes[node].name });
    else if (link !== null) props.onChoose(edgeChoice(model, link));
    else props.onChoose(null);
  };

  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (event.target !== box.current) return;
    const { key } = event;
    if (key === 'ArrowUp' || key === 'ArrowDown' || key === 'ArrowLeft' || key === 'ArrowRight') {
      if (event.shiftKey) stage.pan(key);
      else {
        const next = chosen.node === null ? stage.first() : neighbour(stage.scene, chosen.node, key);
        if (next !== null) props.onChoose({ kind: 'agent', name: model.nodes[next].name });
      }
    } else if (key === '+' || key === '=') stage.zoom(1.25);
    else if (key === '-') stage.zoom(0.8);
    else if (key === '0') stage.fit();
    else if (key === 'Enter' && props.choice) latest.current.onOpen?.();
    else if (key === 'Escape' && props.choice) props.onChoose(null);
    else return;
    event.preventDefault();
  };

  return html`<div class="graph">
    <div
      class="graph-box"
      ref=${box}
      tabindex="0"
      role="application"
      aria-roledescription="graph"
      aria-label=${`Who may read whom: ${plural(model.nodes.length, 'agent')}, ${plural(model.permissions, 'permission')}. Arrows go from agent to agent, Enter opens, plus and minus zoom, 0 fits.`}
      onKeyDown=${keys}
    >
      <canvas ref=${canvas} class=${`graph-canvas ${isReady ? 'is-ready' : ''} ${scrolls ? 'is-within' : ''}`}></canvas>
    </div>
    ${isReady ? null : html`<p class="graph-wait" role="status">Laying out ${count(model.nodes.length)} agents…</p>`}
    <div class="graph-tools" role="group" aria-label="View of the graph">
      <${Button} small icon="plus" label="Closer" onClick=${() => stage.zoom(1.35)} />
      <${Button} small icon="minus" label="Further" onClick=${() => stage.zoom(0.74)} />
      <${Button} small icon="fit" label="Show all" onClick=${() => stage.fit()} />
    </div>
    <p class="sr-only" role="status" aria-live="polite">${spoken(model, props.choice, props.doing)}</p>
    ${props.children}
  </div>`;
}

/**
 * @param {import('./model.js').Model} model
 * @param {Choice} choice
 */
function chosenIn(model, choice) {
  if (choice?.kind === 'agent') return { node: model.byName.get(choice.name)?.index ?? null, link: null };
  if (choice?.kind === 'edge') return { node: null, link: linkBetween(model, choice.from, choice.to)?.index ?? null };
  return { node: null, link: null };
}

/**
 * @param {import('./model.js').Model} model
 * @param {number} index
 * @returns {Choice}
 */
function edgeChoice(model, index) {
  const link = model.links[index];
  const [from, to] = link.forward ? [link.a, link.b] : [link.b, link.a];
  return { kind: 'edge', from: model.nodes[from].name, to: model.nodes[to].name };
}

/**
 * What is chosen, in words.
 * @param {import('./model.js').Model} model
 * @param {Choice} choice
 * @param {Map<string, string>} doing
 */
function spoken(model, choice, doing) {
  if (choice?.kind === 'edge') return `${line(choice.to, 60)} hears ${line(choice.from, 60)}`;
  const node = choice ? model.byName.get(choice.name) : undefined;
  if (!node) return '';
  const links = node.links.map((index) => model.links[index]);
  const hears = links.filter((link) => (link.a === node.index ? link.back : link.forward)).length;
  const heard = links.filter((link) => (link.a === node.index ? link.forward : link.back)).length;
  return `${line(node.name, 60)}, ${line(node.title, 60)}: ${doingOf(doing.get(node.name) ?? node.doing).word}; hears ${hears}, is heard by ${heard}`;
}
