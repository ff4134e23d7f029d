/** The canvas of the graph: its view, its pointer, its clock. */
import { flightsOf } from './flights.js';
import { LEAST_SCALE, MOST_SCALE, fitted, linkAt, nodeAt } from './geometry.js';
import { layOut } from './layout.js';
import { paint } from './painter.js';
import { onTheme, paletteOf } from './palette.js';

const MOVE_MS = 320;

/**
 * @typedef {{ model: import('./model.js').Model, doing: Map<string, string>, node: number | null, link: number | null, found: Set<number> | null }} Shown
 */

/** The canvas with its view, its pointer and its clock; draws only when something changed. */
export class Stage {
  constructor() {
    /** @type {import('./painter.js').Scene} */
    this.scene = {
      model: { key: '', nodes: [], links: [], byName: new Map(), permissions: 0 },
      x: new Float64Array(),
      y: new Float64Array(),
      view: { scale: 1, left: 0, top: 0 },
      width: 1,
      height: 1,
      density: 1,
      colours: /** @type {any} */ ({}),
      doing: new Map(),
      flights: [],
      node: null,
      link: null,
      hoverNode: null,
      hoverLink: null,
      found: null,
      now: 0,
      isCalm: matchMedia('(prefers-reduced-motion: reduce)').matches,
    };
    /** @type {(node: number | null, link: number | null) => void} */
    this.onPress = () => {};
    /** @type {HTMLCanvasElement | null} */
    this.canvas = null;
    this.frame = 0;
    this.isMoved = false;
    /** @type {{ begin: number, view: import('./painter.js').Scene['view'], to: import('./painter.js').Scene['view'] } | null} */
    this.glide = null;
    /** @type {{ begin: number, x: Float64Array, y: Float64Array, toX: Float64Array, toY: Float64Array } | null} */
    this.shift = null;
    /** @type {Map<string, [number, number]>} */
    this.lastPlaces = new Map();
    this.laidOut = '';
    /** What was asked to be shown last; it may be of a graph that is still being laid out.
     * @type {Shown | null} */
    this.shown = null;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} box
   * @param {boolean} scrolls
   * @returns {() => void}
   */
  mount(canvas, box, scrolls) {
    this.canvas = canvas;
    this.scene.colours = paletteOf(canvas);
    this.resize();
    const watcher = new ResizeObserver(() => this.resize());
    watcher.observe(canvas);
    const endTheme = onTheme(() => {
      // The style sheets have the new theme a moment later.
      requestAnimationFrame(() => {
        this.scene.colours = paletteOf(canvas);
        this.draw();
      });
    });
    const endPointer = this.followPointer(canvas, box, scrolls);
    return () => {
      watcher.disconnect();
      endTheme();
      endPointer();
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.canvas = null;
    };
  }

  resize() {
    const { canvas, scene } = this;
    if (!canvas) return;
    const { clientWidth, clientHeight } = canvas;
    if (!clientWidth || !clientHeight) return;
    scene.density = Math.min(window.devicePixelRatio || 1, 2);
    scene.width = clientWidth;
    scene.height = clientHeight;
    canvas.width = Math.round(clientWidth * scene.density);
    canvas.height = Math.round(clientHeight * scene.density);
    if (!this.isMoved) this.fit(false);
    this.paintNow();
  }

  /**
   * @param {import('./model.js').Model} model
   * @param {() => void} ready
   */
  setModel(model, ready) {
    const isTall = this.scene.height > this.scene.width * 1.15;
    return layOut(model, isTall, (places) => {
      const { scene } = this;
      const isFirst = this.laidOut === '';
      const before = this.lastPlaces;
      scene.model = model;
      this.laidOut = model.key;
      scene.flights = [];
      scene.hoverNode = null;
      scene.hoverLink = null;
      if (scene.node !== null && scene.node >= model.nodes.length) scene.node = null;
      if (scene.link !== null && scene.link >= model.links.length) scene.link = null;
      const x = places.x.slice();
      const y = places.y.slice();
      if (!isFirst && !scene.isCalm) {
        // Who was there before moves to its new place.
        for (const node of model.nodes) {
          const place = before.get(node.name);
          if (place) [x[node.index], y[node.index]] = place;
        }
        this.shift = { begin: performance.now(), x: x.slice(), y: y.slice(), toX: places.x, toY: places.y };
      } else {
        this.shift = null;
      }
      scene.x = x;
      scene.y = y;
      this.lastPlaces = new Map(model.nodes.map((node) => [node.name, [places.x[node.index], places.y[node.index]]]));
      if (isFirst || !this.isMoved) this.glideTo(fitted(places, scene.width, this.freeHeight()), !isFirst);
      if (this.shown) this.show(this.shown);
      ready();
      this.draw();
    });
  }

  /** @param {Shown} shown */
  show(shown) {
    const { scene } = this;
    this.shown = shown;
    scene.doing = shown.doing;
    if (shown.model.key === this.laidOut) {
      scene.model = shown.model;
      scene.node = shown.node;
      scene.link = shown.link;
      scene.found = shown.found;
    }
    this.draw();
  }

  /**
   * @param {import('./traffic.js').Sent[]} messages
   * @param {number} ms
   */
  fly(messages, ms) {
    const { scene } = this;
    if (!scene.model.nodes.length || document.hidden) return;
    const begin = performance.now();
    const gap = messages.length > 1 ? Math.min(160, (ms * 0.35) / messages.length) : 0;
    messages.forEach((message, i) => scene.flights.push(...flightsOf(scene.model, message, begin + i * gap, ms - gap * messages.length * 0.5)));
    scene.flights = scene.flights.slice(-600);
    this.draw();
  }

  /** The agent that arrows begin with: the one with the most links. */
  first() {
    const { nodes } = this.scene.model;
    if (!nodes.length) return null;
    return nodes.reduce((best, node) => (node.links.length > best.links.length ? node : best)).index;
  }

  /** @param {boolean} [slowly] */
  fit(slowly = true) {
    this.isMoved = false;
    const { scene } = this;
    const places = this.shift ? { x: this.shift.toX, y: this.shift.toY } : scene;
    this.glideTo(fitted(places, scene.width, this.freeHeight()), slowly);
  }

  /** How much of the height nothing lies over. */
  freeHeight() {
    const legend = this.canvas?.closest('.graph')?.querySelector('.legend');
    const taken = legend instanceof HTMLElement ? legend.offsetHeight + 8 : 0;
    return Math.max(80, this.scene.height - taken);
  }

  /** @param {number} by */
  zoom(by) {
    this.zoomAt(this.scene.width / 2, this.scene.height / 2, by);
  }

  /**
   * @param {number} px
   * @param {number} py
   * @param {number} by
   */
  zoomAt(px, py, by) {
    const { view } = this.scene;
    const scale = Math.max(LEAST_SCALE, Math.min(MOST_SCALE, view.scale * by));
    const ratio = scale / view.scale;
    this.isMoved = true;
    this.glide = null;
    this.scene.view = { scale, left: px - (px - view.left) * ratio, top: py - (py - view.top) * ratio };
    this.draw();
  }

  /** @param {string} key */
  pan(key) {
    const { view } = this.scene;
    const step = 60;
    this.isMoved = true;
    this.scene.view = {
      ...view,
      left: view.left + (key === 'ArrowLeft' ? step : key === 'ArrowRight' ? -step : 0),
      top: view.top + (key === 'ArrowUp' ? step : key === 'ArrowDown' ? -step : 0),
    };
    this.draw();
  }

  /**
   * Brings an agent into sight, if it is not.
   * @param {number} index
   */
  reveal(index) {
    const { scene } = this;
    if (index >= scene.x.length) return;
    const { view } = scene;
    const px = scene.x[index] * view.scale + view.left;
    const py = scene.y[index] * view.scale + view.top;
    const room = 36;
    if (px > room && px < scene.width - room && py > room && py < scene.height - room) return;
    this.isMoved = true;
    const scale = Math.max(view.scale, 0.5);
    this.glideTo({ scale, left: scene.width / 2 - scene.x[index] * scale, top: scene.height / 2 - scene.y[index] * scale }, true);
  }

  /**
   * @param {import('./painter.js').Scene['view']} to
   * @param {boolean} slowly
   */
  glideTo(to, slowly) {
    if (slowly && !this.scene.isCalm) this.glide = { begin: performance.now(), view: this.scene.view, to };
    else {
      this.glide = null;
      this.scene.view = to;
    }
    this.draw();
  }

  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paintNow();
    });
  }

  paintNow() {
    const { canvas, scene } = this;
    const context = canvas?.getContext('2d');
    if (!context) return;
    const now = performance.now();
    scene.now = now;
    const eased = (/** @type {number} */ begin) => 1 - (1 - Math.min(1, (now - begin) / MOVE_MS)) ** 3;
    if (this.glide) {
      const { view, to, begin } = this.glide;
      const share = eased(begin);
      const mix = (/** @type {'scale' | 'left' | 'top'} */ name) => view[name] + (to[name] - view[name]) * share;
      scene.view = { scale: mix('scale'), left: mix('left'), top: mix('top') };
      if (share >= 1) this.glide = null;
    }
    if (this.shift) {
      const { begin, x, y, toX, toY } = this.shift;
      const share = eased(begin);
      for (let i = 0; i < x.length; i += 1) {
        scene.x[i] = x[i] + (toX[i] - x[i]) * share;
        scene.y[i] = y[i] + (toY[i] - y[i]) * share;
      }
      if (share >= 1) this.shift = null;
    }
    scene.flights = scene.flights.filter((flight) => now - flight.begin <= flight.duration);
    paint(context, scene);
    const isThinking = !scene.isCalm && scene.model.nodes.some((node) => (scene.doing.get(node.name) ?? node.doing) === 'thinking');
    if (this.glide || this.shift || scene.flights.length || isThinking) this.draw();
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} box
   * @param {boolean} scrolls
   * @returns {() => void}
   */
  followPointer(canvas, box, scrolls) {
    /** @type {Map<number, { x: number, y: number }>} */
    const down = new Map();
    let travelled = 0;
    const place = (/** @type {MouseEvent} */ event) => {
      const frame = canvas.getBoundingClientRect();
      return { x: event.clientX - frame.left, y: event.clientY - frame.top };
    };
    /** @param {PointerEvent} event */
    const press = (event) => {
      if (event.button > 0) return;
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, place(event));
      if (down.size === 1) travelled = 0;
      box.focus({ preventScroll: true });
    };
    /** @param {PointerEvent} event */
    const move = (event) => {
      const here = place(event);
      const before = down.get(event.pointerId);
      if (!before) {
        this.hover(here);
        return;
      }
      const others = [...down].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const { view } = this.scene;
      travelled += Math.abs(here.x - before.x) + Math.abs(here.y - before.y);
      if (others.length) {
        const [other] = others;
        const ratio = Math.hypot(here.x - other.x, here.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
        this.zoomAt((here.x + other.x) / 2, (here.y + other.y) / 2, ratio);
      } else if (travelled > 4) {
        this.isMoved = true;
        this.glide = null;
        this.scene.view = { ...view, left: view.left + here.x - before.x, top: view.top + here.y - before.y };
        canvas.classList.add('is-held');
        this.draw();
      }
      down.set(event.pointerId, here);
    };
    /** @param {PointerEvent} event */
    const release = (event) => {
      const here = place(event);
      const was = down.delete(event.pointerId);
      canvas.classList.remove('is-held');
      if (!was || down.size || travelled > 6 || event.type === 'pointercancel') return;
      const node = nodeAt(this.scene, here.x, here.y);
      this.onPress(node, node === null ? linkAt(this.scene, here.x, here.y) : null);
    };
    /** @param {WheelEvent} event */
    const wheel = (event) => {
      if (scrolls && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const here = place(event);
      const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      this.zoomAt(here.x, here.y, Math.exp(-Math.max(-240, Math.min(240, step)) * 0.0018));
    };
    /** @param {MouseEvent} event */
    const twice = (event) => {
      const here = place(event);
      if (nodeAt(this.scene, here.x, here.y) === null) this.zoomAt(here.x, here.y, 1.6);
    };
    const leave = () => this.hover(null);
    canvas.addEventListener('pointerdown', press);
    canvas.addEventListener('pointermove', move);
    canvas.addEventListener('pointerup', release);
    canvas.addEventListener('pointercancel', release);
    canvas.addEventListener('pointerleave', leave);
    canvas.addEventListener('wheel', wheel, { passive: false });
    canvas.addEventListener('dblclick', twice);
    return () => {
      canvas.removeEventListener('pointerdown', press);
      canvas.removeEventListener('pointermove', move);
      canvas.removeEventListener('pointerup', release);
      canvas.removeEventListener('pointercancel', release);
      canvas.removeEventListener('pointerleave', leave);
      canvas.removeEventListener('wheel', wheel);
      canvas.removeEventListener('dblclick', twice);
    };
  }

  /** @param {{ x: number, y: number } | null} here */
  hover(here) {
    const { scene } = this;
    const node = here ? nodeAt(scene, here.x, here.y) : null;
    const link = here && node === null ? linkAt(scene, here.x, here.y) : null;
    if (node === scene.hoverNode && link === scene.hoverLink) return;
    scene.hoverNode = node;
    scene.hoverLink = link;
    this.canvas?.classList.toggle('is-over', node !== null || link !== null);
    this.draw();
  }
}
