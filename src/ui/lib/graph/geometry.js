/** What lies under a point of the picture, and how it is made to fit. */
import { CARD_HEIGHT, CARD_WIDTH, discRadius, isCardScale } from './painter.js';

/** @typedef {import('./painter.js').Scene} Scene */

/** How near a point must be to a link, in CSS pixels. */
const NEAR = 7;
export const LEAST_SCALE = 0.06;
export const MOST_SCALE = 3;

/**
 * The agent at a point of the canvas.
 * @param {Scene} scene
 * @param {number} px
 * @param {number} py
 * @returns {number | null}
 */
export function nodeAt(scene, px, py) {
  const { view, model } = scene;
  const wx = (px - view.left) / view.scale;
  const wy = (py - view.top) / view.scale;
  const isCard = isCardScale(scene);
  let best = /** @type {number | null} */ (null);
  let nearest = Infinity;
  for (const { index, ...node } of model.nodes) {
    const dx = Math.abs(scene.x[index] - wx);
    const dy = Math.abs(scene.y[index] - wy);
    // A finger is no needle: small discs are hit a little beside, too.
    const radius = Math.max(discRadius({ index, ...node }, view.scale), 14 / view.scale);
    const isIn = isCard ? dx <= CARD_WIDTH / 2 && dy <= CARD_HEIGHT / 2 : Math.hypot(dx, dy) <= radius;
    if (isIn && dx + dy < nearest) {
      best = index;
      nearest = dx + dy;
    }
  }
  return best;
}

/**
 * The link at a point of the canvas.
 * @param {Scene} scene
 * @param {number} px
 * @param {number} py
 * @returns {number | null}
 */
export function linkAt(scene, px, py) {
  const { view, model, x, y } = scene;
  let best = /** @type {number | null} */ (null);
  let nearest = NEAR;
  for (const link of model.links) {
    const ax = x[link.a] * view.scale + view.left;
    const ay = y[link.a] * view.scale + view.top;
    const bx = x[link.b] * view.scale + view.left;
    const by = y[link.b] * view.scale + view.top;
    if (Math.min(ax, bx) - NEAR > px || Math.max(ax, bx) + NEAR < px || Math.min(ay, by) - NEAR > py || Math.max(ay, by) + NEAR < py) continue;
    const long = (bx - ax) ** 2 + (by - ay) ** 2 || 1;
    const share = Math.max(0, Math.min(1, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / long));
    const far = Math.hypot(px - ax - share * (bx - ax), py - ay - share * (by - ay));
    if (far < nearest) {
      best = link.index;
      nearest = far;
    }
  }
  return best;
}

/**
 * The view that shows everything.
 * @param {{ x: Float64Array, y: Float64Array }} places
 * @param {number} width
 * @param {number} height what is free of it: the legend is not drawn over
 * @returns {Scene['view']}
 */
export function fitted({ x, y }, width, height) {
  if (!x.length) return { scale: 1, left: width / 2, top: height / 2 };
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
  const room = 28;
  const wide = right - left + CARD_WIDTH + 2 * room;
  const high = bottom - top + CARD_HEIGHT + 3 * room;
  const scale = Math.max(LEAST_SCALE, Math.min(width / wide, height / high, 1.25));
  return { scale, left: width / 2 - ((left + right) / 2) * scale, top: height / 2 - ((top + bottom) / 2) * scale };
}

/**
 * The agent next to another in a direction, as arrows on a keyboard choose it.
 * @param {Scene} scene
 * @param {number} from
 * @param {'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight'} key
 * @returns {number | null}
 */
export function neighbour(scene, from, key) {
  const { x, y, model } = scene;
  const [ux, uy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key];
  let best = /** @type {number | null} */ (null);
  let least = Infinity;
  for (const node of model.nodes) {
    if (node.index === from) continue;
    const dx = x[node.index] - x[from];
    const dy = y[node.index] - y[from];
    const ahead = dx * ux + dy * uy;
    if (ahead <= 1) continue;
    const aside = Math.abs(dx * uy) + Math.abs(dy * ux);
    const cost = ahead + 2.2 * aside;
    if (cost < least) {
      best = node.index;
      least = cost;
    }
  }
  return best;
}
