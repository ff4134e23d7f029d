/** Draws the graph on a canvas: links, flights, agents, names; as much of each as the scale lets one see. */
import { doingOf } from '../components/badge.js';
import { SHAPES } from '../components/shapes.js';
import { hue } from '../components/agent-chip.js';
import { lettersOf } from '../components/letters.js';
import { line } from '../text.js';
import { hasCards } from './model.js';

/**
 * @typedef {Object} Scene
 * @property {import('./model.js').Model} model
 * @property {Float64Array} x
 * @property {Float64Array} y
 * @property {{ scale: number, left: number, top: number }} view screen = world × scale + offset
 * @property {number} width in CSS pixels
 * @property {number} height
 * @property {number} density device pixels for a CSS pixel
 * @property {import('./palette.js').Palette} colours
 * @property {Map<string, string>} doing what agents do, as far as it differs from the model
 * @property {import('./flights.js').Flight[]} flights
 * @property {number | null} node chosen
 * @property {number | null} link chosen
 * @property {number | null} hoverNode
 * @property {number | null} hoverLink
 * @property {Set<number> | null} found what a search found; null: nothing is searched
 * @property {number} now
 * @property {boolean} isCalm without motion
 */

export const CARD_WIDTH = 160;
export const CARD_HEIGHT = 50;
/** Below this scale the words on a card could not be read. */
const CARD_SCALE = 0.5;
const MOST_LINKS_QUIET = 9_000;
const HUES = [230, 260, 290, 325, 350, 15, 38, 70, 130, 160, 185, 205];
const shapes = new Map(Object.entries(SHAPES).map(([name, path]) => [name, new Path2D(path)]));

/** @param {Scene} scene */
export function isCardScale(scene) {
  return hasCards(scene.model) && scene.view.scale >= CARD_SCALE;
}

/**
 * How large a disc is, in world units: more links, larger.
 * @param {import('./model.js').Node} node
 * @param {number} scale
 */
export function discRadius(node, scale) {
  const weight = Math.sqrt(node.links.length);
  return Math.max(10 + Math.min(9, weight * 1.3), (node.leastRadius + Math.min(4, weight / 2)) / scale);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 */
export function paint(context, scene) {
  const { view, density } = scene;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, scene.width, scene.height);
  paintDots(context, scene);
  context.setTransform(density * view.scale, 0, 0, density * view.scale, density * view.left, density * view.top);
  const near = neighbourhood(scene);
  paintLinks(context, scene, near);
  paintFlights(context, scene);
  if (isCardScale(scene)) paintCards(context, scene, near);
  else paintDiscs(context, scene, near);
}

/**
 * A quiet grid of dots, so that one sees the picture move.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 */
function paintDots(context, { view, width, height, colours }) {
  let step = 28 * view.scale;
  while (step < 16) step *= 2;
  while (step > 48) step /= 2;
  context.fillStyle = colours.line;
  for (let x = ((view.left % step) + step) % step; x < width; x += step) {
    for (let y = ((view.top % step) + step) % step; y < height; y += step) context.fillRect(x, y, 1.3, 1.3);
  }
}

/**
 * Who stands out because something is chosen or found; null: nobody does.
 * @param {Scene} scene
 * @returns {Set<number> | null}
 */
function neighbourhood({ model, node, link, found }) {
  if (node !== null) {
    const near = new Set([node]);
    for (const index of model.nodes[node].links) {
      near.add(model.links[index].a);
      near.add(model.links[index].b);
    }
    return near;
  }
  if (link !== null) return new Set([model.links[link].a, model.links[link].b]);
  return found;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Set<number> | null} near
 */
function paintLinks(context, scene, near) {
  const { model, x, y, view, colours } = scene;
  const isDense = model.links.length > 600;
  const isChosen = (/** @type {import('./model.js').Link} */ link) =>
    link.index === scene.link || link.index === scene.hoverLink || (scene.node !== null && (link.a === scene.node || link.b === scene.node));
  // In a thicket lines are hints; each is drawn only as strongly as the whole can bear.
  const every = Math.ceil(model.links.length / MOST_LINKS_QUIET);
  context.lineCap = 'round';
  context.strokeStyle = colours['line-strong'];
  context.fillStyle = colours['line-strong'];
  context.lineWidth = (isDense ? 0.9 : 1.4) / Math.max(view.scale, 0.35);
  context.globalAlpha = near ? 0.22 : isDense ? 0.45 : 1;
  context.beginPath();
  for (const link of model.links) {
    if (link.index % every || isChosen(link) || !isSeen(scene, link)) continue;
    context.moveTo(x[link.a], y[link.a]);
    context.lineTo(x[link.b], y[link.b]);
  }
  context.stroke();
  if (!isDense || view.scale > 0.8) {
    for (const link of model.links) if (link.index % every === 0 && !isChosen(link) && isSeen(scene, link)) arrows(context, scene, link, 11);
  }
  context.globalAlpha = 1;
  for (const link of model.links) {
    if (!isChosen(link)) continue;
    const isIt = link.index === scene.link;
    context.strokeStyle = colours.accent;
    context.fillStyle = colours.accent;
    context.globalAlpha = scene.link !== null && !isIt ? 0.5 : 1;
    context.lineWidth = (isIt ? 2.6 : 1.8) / Math.max(view.scale, 0.35);
    context.beginPath();
    context.moveTo(x[link.a], y[link.a]);
    context.lineTo(x[link.b], y[link.b]);
    context.stroke();
    arrows(context, scene, link, 11);
  }
  context.globalAlpha = 1;
}

/**
 * @param {Scene} scene
 * @param {import('./model.js').Link} link
 */
function isSeen({ x, y, view, width, height }, { a, b }) {
  const left = Math.min(x[a], x[b]) * view.scale + view.left;
  const right = Math.max(x[a], x[b]) * view.scale + view.left;
  const top = Math.min(y[a], y[b]) * view.scale + view.top;
  const bottom = Math.max(y[a], y[b]) * view.scale + view.top;
  return right > 0 && left < width && bottom > 0 && top < height;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {import('./model.js').Link} link
 * @param {number} size
 */
function arrows(context, scene, link, size) {
  if (link.forward) arrow(context, scene, link.a, link.b, size);
  if (link.back) arrow(context, scene, link.b, link.a, size);
}

/**
 * The head of an arrow, where the line meets the edge of the agent.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} from
 * @param {number} to
 * @param {number} size
 */
function arrow(context, scene, from, to, size) {
  const [endX, endY] = rim(scene, from, to, 3);
  const angle = Math.atan2(scene.y[to] - scene.y[from], scene.x[to] - scene.x[from]);
  const long = size / Math.max(scene.view.scale, 0.45);
  context.beginPath();
  context.moveTo(endX, endY);
  context.lineTo(endX - long * Math.cos(angle - 0.42), endY - long * Math.sin(angle - 0.42));
  context.lineTo(endX - long * Math.cos(angle + 0.42), endY - long * Math.sin(angle + 0.42));
  context.fill();
}

/**
 * Where the line from one agent meets the edge of another.
 * @param {Scene} scene
 * @param {number} from
 * @param {number} to
 * @param {number} gap
 * @returns {[number, number]}
 */
export function rim(scene, from, to, gap) {
  const { x, y } = scene;
  const dx = x[from] - x[to];
  const dy = y[from] - y[to];
  const far = Math.hypot(dx, dy) || 1;
  let reach = discRadius(scene.model.nodes[to], scene.view.scale) + gap;
  if (isCardScale(scene)) {
    const wide = CARD_WIDTH / 2 + gap;
    const high = CARD_HEIGHT / 2 + gap;
    reach = Math.min(wide / Math.max(Math.abs(dx) / far, 1e-6), high / Math.max(Math.abs(dy) / far, 1e-6));
  }
  reach = Math.min(reach, far / 2);
  return [x[to] + (dx / far) * reach, y[to] + (dy / far) * reach];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 */
function paintFlights(context, scene) {
  const { flights, now, colours, x, y, view } = scene;
  const unit = 1 / Math.max(view.scale, 0.4);
  for (const flight of flights) {
    const share = (now - flight.begin) / flight.duration;
    if (share < 0 || share > 1) continue;
    const colour = flight.tone === 'warn' ? colours['fill-warn'] : colours['fill-accent'];
    const start = flight.from === null ? outside(scene, /** @type {number} */ (flight.to)) : [x[flight.from], y[flight.from]];
    const end = flight.to === null ? outside(scene, /** @type {number} */ (flight.from)) : [x[flight.to], y[flight.to]];
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = 2.4 * unit;
    const glow = Math.sin(Math.PI * share);
    if (scene.isCalm) {
      context.globalAlpha = glow;
      segment(context, start, end, 0, 1);
    } else {
      // It starts and lands softly, with a tail behind it.
      const at = share < 0.5 ? 2 * share * share : 1 - (2 - 2 * share) ** 2 / 2;
      context.globalAlpha = 0.25 * glow;
      segment(context, start, end, 0, 1);
      context.globalAlpha = 0.8;
      segment(context, start, end, Math.max(0, at - 0.14), at);
      context.globalAlpha = 1;
      const px = start[0] + (end[0] - start[0]) * at;
      const py = start[1] + (end[1] - start[1]) * at;
      context.beginPath();
      context.arc(px, py, 5 * unit, 0, 2 * Math.PI);
      context.fill();
      context.globalAlpha = 0.22;
      context.beginPath();
      context.arc(px, py, 11 * unit, 0, 2 * Math.PI);
      context.fill();
    }
  }
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[]} start
 * @param {number[]} end
 * @param {number} from
 * @param {number} to
 */
function segment(context, start, end, from, to) {
  context.beginPath();
  context.moveTo(start[0] + (end[0] - start[0]) * from, start[1] + (end[1] - start[1]) * from);
  context.lineTo(start[0] + (end[0] - start[0]) * to, start[1] + (end[1] - start[1]) * to);
  context.stroke();
}

/**
 * Where people are: outside, above the agent.
 * @param {Scene} scene
 * @param {number} index
 */
function outside({ x, y }, index) {
  return [x[index] - 36, y[index] - 130];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Set<number> | null} near
 */
function paintCards(context, scene, near) {
  const { model, x, y, colours } = scene;
  for (const node of model.nodes) {
    const left = x[node.index] - CARD_WIDTH / 2;
    const top = y[node.index] - CARD_HEIGHT / 2;
    const state = doingOf(scene.doing.get(node.name) ?? node.doing);
    const isChosen = node.index === scene.node;
    // What is dimmed is still opaque: no line shows through it.
    context.fillStyle = colours.back;
    context.beginPath();
    context.roundRect(left, top, CARD_WIDTH, CARD_HEIGHT, 11);
    context.fill();
    context.globalAlpha = near && !near.has(node.index) ? 0.32 : 1;
    if (state.word === 'thinking') pulse(context, scene, left, top);
    context.shadowColor = colours.isDark ? 'rgb(0 0 0 / 45%)' : 'rgb(18 24 40 / 10%)';
    context.shadowBlur = 12;
    context.shadowOffsetY = 3;
    context.fillStyle = colours.surface;
    context.beginPath();
    context.roundRect(left, top, CARD_WIDTH, CARD_HEIGHT, 11);
    context.fill();
    context.shadowColor = 'transparent';
    context.lineWidth = isChosen || node.index === scene.hoverNode ? 2 : 1.2;
    context.strokeStyle = isChosen ? colours.accent : node.index === scene.hoverNode ? colours['text-3'] : borderOf(state.tone, colours);
    context.stroke();
    const shade = HUES[hue(node.name)];
    context.fillStyle = colours.isDark ? `hsl(${shade} 32% 22%)` : `hsl(${shade} 45% 92%)`;
    context.beginPath();
    context.roundRect(left + 9, top + 9, 32, 32, 9);
    context.fill();
    context.fillStyle = colours.isDark ? `hsl(${shade} 75% 84%)` : `hsl(${shade} 55% 27%)`;
    context.font = `680 12.5px ${colours.font}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(letters(node.name), left + 25, top + 25.5);
    context.textAlign = 'left';
    context.fillStyle = colours.text;
    context.font = `600 13px ${colours.font}`;
    context.fillText(fit(context, line(node.name, 40), CARD_WIDTH - 60), left + 50, top + 17.5);
    context.fillStyle = colours[state.tone];
    context.font = `500 11px ${colours.font}`;
    glyph(context, state.shape, left + 50, top + 28.5, 9.5);
    context.fillText(fit(context, state.word, CARD_WIDTH - 76), left + 64, top + 34);
  }
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} left
 * @param {number} top
 */
function pulse(context, { colours, now, isCalm }, left, top) {
  const share = isCalm ? 0.4 : (now % 1_500) / 1_500;
  const alpha = context.globalAlpha;
  context.globalAlpha = alpha * (1 - share) * 0.55;
  context.fillStyle = colours['fill-accent'];
  context.beginPath();
  context.roundRect(left - 10 * share, top - 10 * share, CARD_WIDTH + 20 * share, CARD_HEIGHT + 20 * share, 11 + 9 * share);
  context.fill();
  context.globalAlpha = alpha;
}

/**
 * @param {string} tone
 * @param {import('./palette.js').Palette} colours
 */
function borderOf(tone, colours) {
  if (tone === 'bad') return colours['fill-bad'];
  if (tone === 'warn') return colours['fill-warn'];
  if (tone === 'accent') return colours['fill-accent'];
  return colours['line-strong'];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Set<number> | null} near
 */
function paintDiscs(context, scene, near) {
  const { model, x, y, view, colours, now, isCalm } = scene;
  const order = orderOf(model);
  for (const node of order) {
    const px = x[node.index] * view.scale + view.left;
    const py = y[node.index] * view.scale + view.top;
    if (px < -40 || py < -40 || px > scene.width + 40 || py > scene.height + 40) continue;
    const state = doingOf(scene.doing.get(node.name) ?? node.doing);
    const radius = discRadius(node, view.scale);
    const isChosen = node.index === scene.node;
    context.globalAlpha = near && !near.has(node.index) ? 0.25 : 1;
    if (state.word === 'thinking') {
      const share = isCalm ? 0.4 : (now % 1_500) / 1_500;
      const alpha = context.globalAlpha;
      context.globalAlpha = alpha * (1 - share) * 0.6;
      context.fillStyle = colours['fill-accent'];
      context.beginPath();
      context.arc(x[node.index], y[node.index], radius + 10 * share, 0, 2 * Math.PI);
      context.fill();
      context.globalAlpha = alpha;
    }
    context.beginPath();
    context.arc(x[node.index], y[node.index], radius, 0, 2 * Math.PI);
    context.fillStyle = colours.surface;
    context.fill();
    context.fillStyle = colours[/** @type {'ok-soft'} */ (`${state.tone}-soft`)];
    context.fill();
    context.lineWidth = (isChosen || node.index === scene.hoverNode ? 3 : 1.5) / Math.max(0.4, Math.min(1, view.scale));
    context.strokeStyle = isChosen ? colours.accent : colours[/** @type {'fill-ok'} */ (`fill-${state.tone}`)];
    context.stroke();
    context.fillStyle = colours[state.tone];
    if (radius * view.scale > 5.2) glyph(context, state.shape, x[node.index] - radius * 0.5, y[node.index] - radius * 0.5, radius);
  }
  context.globalAlpha = 1;
  paintNames(context, scene, near, order);
}

/** @type {WeakMap<import('./model.js').Model, import('./model.js').Node[]>} */
const orders = new WeakMap();

/**
 * Those with few links first: the others are drawn over them.
 * @param {import('./model.js').Model} model
 */
function orderOf(model) {
  let order = orders.get(model);
  if (!order) {
    order = [...model.nodes].sort((a, b) => a.links.length - b.links.length);
    orders.set(model, order);
  }
  return order;
}

/** @type {Map<string, number>} */
const widths = new Map();

/**
 * How wide a name is in the font that is set. Measuring is what takes longest, and names come again.
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 */
function widthOf(context, name) {
  const key = `${context.font}\n${name}`;
  let width = widths.get(key);
  if (width === undefined) {
    width = context.measureText(name).width;
    if (widths.size > 20_000) widths.clear();
    widths.set(key, width);
  }
  return width;
}

/**
 * Names below discs, those of the best linked first, as long as none covers another.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {Set<number> | null} near
 * @param {import('./model.js').Node[]} order the best linked last
 */
function paintNames(context, scene, near, order) {
  const { x, y, view, colours, density } = scene;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.lineJoin = 'round';
  /** @type {Map<string, [number, number, number][]>} */
  const taken = new Map();
  const first = order.filter((node) => node.index === scene.node || node.index === scene.hoverNode);
  let drawn = 0;
  // From afar only those with many links are named: a thicket of names would hide the picture.
  const most = near || view.scale > 0.7 ? 260 : Math.round(14 + 90 * view.scale);
  for (const node of [...first, ...order.toReversed()]) {
    const isFirst = node.index === scene.node || node.index === scene.hoverNode;
    if (drawn >= most + first.length) break;
    if (near && !near.has(node.index) && !isFirst) continue;
    const px = x[node.index] * view.scale + view.left;
    const py = y[node.index] * view.scale + view.top + discRadius(node, view.scale) * view.scale + 3;
    if (px < -60 || py < -20 || px > scene.width + 60 || py > scene.height) continue;
    context.font = `${isFirst ? 650 : 540} 11.5px ${colours.font}`;
    const name = line(node.name, 26);
    const half = widthOf(context, name) / 2 + 4;
    const row = Math.floor(py / 15);
    const rows = [row - 1, row, row + 1];
    const isTaken = rows.some((r) => (taken.get(String(r)) ?? []).some(([left, right, top]) => Math.abs(top - py) < 14 && px - half < right && px + half > left));
    if (isTaken) continue;
    const there = taken.get(String(row)) ?? [];
    there.push([px - half, px + half, py]);
    taken.set(String(row), there);
    context.lineWidth = 3.5;
    context.strokeStyle = colours.back;
    context.strokeText(name, px, py);
    context.fillStyle = isFirst ? colours.text : colours['text-2'];
    context.fillText(name, px, py);
    drawn += 1;
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} shape
 * @param {number} left
 * @param {number} top
 * @param {number} size
 */
function glyph(context, shape, left, top, size) {
  const path = shapes.get(shape);
  if (!path) return;
  context.save();
  context.translate(left, top);
  context.scale(size / 12, size / 12);
  context.fill(path, 'evenodd');
  context.restore();
}

/** @type {Map<string, string>} */
const initials = new Map();

/** @param {string} name */
function letters(name) {
  let found = initials.get(name);
  if (found === undefined) {
    found = lettersOf(name);
    initials.set(name, found);
  }
  return found;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} width
 */
function fit(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length - 1;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return `${text.slice(0, length)}…`;
}
