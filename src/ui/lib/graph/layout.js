/**
 * Where agents lie: springs between those who hear each other, repulsion between all, then room for each.
 *
 * The same graph always lies the same: it starts on a spiral, and whatever needs chance is computed from numbers. It is
 * computed in slices, so that the page stays quick; a layout that was made is kept.
 */
import { hasCards } from './model.js';

/** @typedef {import('./model.js').Model} Model */
/** @typedef {{ x: Float64Array, y: Float64Array, done: boolean }} Places */

const SLICE_MS = 7;
const KEPT = 12;
/** Sizes, with the room around them. */
const CARD = { width: 196, height: 96, link: 250, charge: 1.6, gravity: 0.055 };
/** Of more than a dozen, which need to lie closer. */
const CARDS = { width: 184, height: 84, link: 205, charge: 1, gravity: 0.08 };
const DISC = { width: 46, height: 42, link: 58, charge: 1.25, gravity: 0.075 };

/** @type {Map<string, Places>} */
const kept = new Map();

/**
 * Lays the graph out.
 * @param {Model} model
 * @param {boolean} isTall whether there is more height than width
 * @param {(places: Places) => void} show called now and then, and at the end with `done`
 * @returns {() => void} gives it up
 */
export function layOut(model, isTall, show) {
  const key = `${isTall}\n${model.key}`;
  const before = kept.get(key);
  if (before) {
    show(before);
    return () => {};
  }
  let given = false;
  const work = steps(model, isTall);
  const slice = () => {
    if (given) return;
    const end = performance.now() + SLICE_MS;
    let step = work.next();
    while (!step.done && performance.now() < end) step = work.next();
    if (!step.done) {
      soon(slice);
      return;
    }
    const places = /** @type {Places} */ (step.value);
    kept.set(key, places);
    if (kept.size > KEPT) kept.delete(/** @type {string} */ (kept.keys().next().value));
    show(places);
  };
  slice();
  return () => {
    given = true;
  };
}

/**
 * Runs it after what the browser has to do now: a timer would wait four milliseconds each time.
 * @param {() => void} run
 */
function soon(run) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    run();
  };
  port2.postMessage(null);
}

/**
 * @param {Model} model
 * @param {boolean} isTall
 * @returns {Generator<void, Places, void>}
 */
function* steps(model, isTall) {
  const count = model.nodes.length;
  const size = !hasCards(model) ? DISC : count > 12 ? CARDS : CARD;
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  spiral(model, x, y, size.link);
  const vx = new Float64Array(count);
  const vy = new Float64Array(count);
  const rounds = count > 700 ? 160 : count > 150 ? 240 : 320;
  // The charge grows with the square of the length, for the picture to be the same at every scale.
  const charge = size.charge * (size.link / 30) ** 2 * 30;
  const stretch = isTall ? 0.62 : 1.6;
  let heat = 1;
  const cooling = 1 - 0.001 ** (1 / rounds);
  for (let round = 0; round < rounds; round += 1) {
    heat -= heat * cooling;
    for (const link of model.links) {
      const { a, b } = link;
      const dx = x[b] + vx[b] - x[a] - vx[a] || 1e-3;
      const dy = y[b] + vy[b] - y[a] - vy[a] || 1e-3;
      const far = Math.hypot(dx, dy);
      const degreeA = model.nodes[a].links.length;
      const degreeB = model.nodes[b].links.length;
      const pull = ((far - size.link) / far) * (heat / Math.min(degreeA, degreeB));
      const share = degreeA / (degreeA + degreeB);
      vx[b] -= dx * pull * share;
      vy[b] -= dy * pull * share;
      vx[a] += dx * pull * (1 - share);
      vy[a] += dy * pull * (1 - share);
    }
    for (let i = 0; i < count; i += 1) {
      for (let j = i + 1; j < count; j += 1) {
        const dx = x[j] - x[i] || 1e-3;
        const dy = y[j] - y[i] || 1e-3;
        const push = (charge * heat) / Math.max(dx * dx + dy * dy, 60);
        vx[i] -= dx * push;
        vy[i] -= dy * push;
        vx[j] += dx * push;
        vy[j] += dy * push;
      }
      if (count > 400 && i % 64 === 63) yield;
    }
    for (let i = 0; i < count; i += 1) {
      // Gravity keeps apart what has no links from drifting away, and fills the shape of the window.
      const weight = size.gravity * heat * (model.nodes[i].links.length ? 1 : 3);
      vx[i] = (vx[i] - (x[i] * weight) / stretch) * 0.6;
      vy[i] = (vy[i] - y[i] * weight * stretch) * 0.6;
      x[i] += vx[i];
      y[i] += vy[i];
    }
    yield;
  }
  turn(x, y, isTall);
  for (let round = 0; round < 120; round += 1) {
    if (!separate(x, y, size.width, size.height)) break;
    yield;
  }
  centre(x, y);
  return { x, y, done: true };
}

/**
 * The start: those with the most links in the middle, the others around them in the order of their names.
 * @param {Model} model
 * @param {Float64Array} x
 * @param {Float64Array} y
 * @param {number} length
 */
function spiral(model, x, y, length) {
  const order = [...model.nodes].sort((a, b) => b.links.length - a.links.length || a.index - b.index);
  order.forEach((node, rank) => {
    const radius = length * 0.55 * Math.sqrt(rank + 0.5);
    const angle = rank * Math.PI * (3 - Math.sqrt(5));
    x[node.index] = radius * Math.cos(angle);
    y[node.index] = radius * Math.sin(angle);
  });
}

/**
 * Turns the picture so that its longer axis lies along the longer side of the window.
 * @param {Float64Array} x
 * @param {Float64Array} y
 * @param {boolean} isTall
 */
function turn(x, y, isTall) {
  centre(x, y);
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < x.length; i += 1) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
  }
  const angle = -Math.atan2(2 * xy, xx - yy) / 2 + (isTall ? Math.PI / 2 : 0);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  for (let i = 0; i < x.length; i += 1) [x[i], y[i]] = [x[i] * cos - y[i] * sin, x[i] * sin + y[i] * cos];
}

/**
 * @param {Float64Array} x
 * @param {Float64Array} y
 */
function centre(x, y) {
  if (!x.length) return;
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (let i = 0; i < x.length; i += 1) {
    left = Math.min(left, x[i]);
    right = Math.max(right, x[i]);
    top = Math.min(top, y[i]);
    bottom = Math.max(bottom, y[i]);
  }
  for (let i = 0; i < x.length; i += 1) {
    x[i] -= (left + right) / 2;
    y[i] -= (top + bottom) / 2;
  }
}

/**
 * Pushes apart what overlaps, along the way that is shorter. Neighbours are found by a grid.
 * @param {Float64Array} x
 * @param {Float64Array} y
 * @param {number} width
 * @param {number} height
 * @returns {boolean} whether anything was moved
 */
function separate(x, y, width, height) {
  /** @type {Map<number, number[]>} */
  const grid = new Map();
  const cell = (/** @type {number} */ column, /** @type {number} */ row) => column * 65_536 + row;
  for (let i = 0; i < x.length; i += 1) {
    const id = cell(Math.floor(x[i] / width), Math.floor(y[i] / height));
    const there = grid.get(id);
    if (there) there.push(i);
    else grid.set(id, [i]);
  }
  let moved = false;
  for (let i = 0; i < x.length; i += 1) {
    const column = Math.floor(x[i] / width);
    const row = Math.floor(y[i] / height);
    for (let c = column - 1; c <= column + 1; c += 1) {
      for (let r = row - 1; r <= row + 1; r += 1) {
        for (const j of grid.get(cell(c, r)) ?? []) {
          if (j <= i) continue;
          const dx = x[j] - x[i];
          const dy = y[j] - y[i];
          const overX = width - Math.abs(dx);
          const overY = height - Math.abs(dy);
          if (overX <= 0.5 || overY <= 0.5) continue;
          moved = true;
          if (overX / width < overY / height) {
            const by = (overX / 2) * (dx < 0 ? -1 : 1);
            x[i] -= by;
            x[j] += by;
          } else {
            const by = (overY / 2) * (dy < 0 ? -1 : 1);
            y[i] -= by;
            y[j] += by;
          }
        }
      }
    }
  }
  return moved;
}
