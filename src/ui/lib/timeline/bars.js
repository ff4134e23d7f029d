/** Draws the bars of ticks: all of them, many to a column, and those around the chosen one. */

/** @typedef {import('./ticks.js').Ticks} Ticks */
/** @typedef {'turns' | 'messages' | 'cost'} Measure */

/**
 * @typedef {Object} Strip
 * @property {Ticks} ticks
 * @property {number} from the first tick of the strip
 * @property {number} to the last one
 * @property {Measure} measure
 * @property {number} width
 * @property {number} height
 * @property {import('../graph/palette.js').Palette} colours
 * @property {number} value the chosen tick
 * @property {number | null} hover
 * @property {[number, number] | null} window what the other strip shows
 */

/**
 * @param {import('../types.js').TickLine} line
 * @param {Measure} measure
 */
function valueOf(line, measure) {
  if (measure === 'messages') return line.messages;
  if (measure === 'cost') return line.cost_credits;
  return line.ok + line.failed;
}

/**
 * Where the middle of a tick lies.
 * @param {Pick<Strip, 'from' | 'to' | 'width'>} strip
 * @param {number} tick
 */
export function middleOf({ from, to, width }, tick) {
  return ((tick - from + 0.5) / (to - from + 1)) * width;
}

/**
 * Which tick lies there.
 * @param {Pick<Strip, 'from' | 'to' | 'width'>} strip
 * @param {number} x
 */
export function tickAt({ from, to, width }, x) {
  return Math.max(from, Math.min(to, from + Math.floor((x / width) * (to - from + 1))));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Strip} strip
 */
export function paintStrip(context, strip) {
  const { ticks, from, to, width, height, colours, value, hover, measure } = strip;
  context.clearRect(0, 0, width, height);
  const floor = height - 1;
  const span = to - from + 1;
  const columns = Math.min(span, Math.floor(width / 3));
  const step = width / columns;
  const wide = Math.max(1.5, Math.min(step * 0.72, 14));
  const values = new Float64Array(columns);
  const failures = new Float64Array(columns);
  const known = new Uint8Array(columns);
  const open = new Uint8Array(columns);
  for (let tick = from; tick <= to; tick += 1) {
    const line = ticks.lines.get(tick);
    if (!line) continue;
    const column = Math.min(columns - 1, Math.floor(((tick - from) / span) * columns));
    known[column] = 1;
    values[column] = Math.max(values[column], valueOf(line, measure));
    failures[column] = Math.max(failures[column], line.failed);
    if (line.state !== 'closed') open[column] = 1;
  }
  const top = values.reduce((most, one) => Math.max(most, one), 0) || 1;
  if (strip.window) {
    const [a, b] = strip.window;
    context.fillStyle = colours['accent-soft'];
    const left = ((a - from) / span) * width;
    context.fillRect(left, 0, Math.max(6, ((b - a + 1) / span) * width), height);
  }
  if (hover !== null) {
    context.fillStyle = colours.line;
    const column = Math.floor(((hover - from) / span) * columns);
    context.fillRect(column * step, 0, step, height);
  }
  const chosen = Math.floor(((value - from) / span) * columns);
  for (let i = 0; i < columns; i += 1) {
    const x = i * step + (step - wide) / 2;
    if (!known[i]) {
      context.fillStyle = colours.line;
      context.fillRect(x, floor - 2, wide, 2);
      continue;
    }
    // A root lets small ticks be seen beside large ones.
    const high = Math.max(values[i] > 0 ? 3 : 1.5, Math.sqrt(values[i] / top) * (height - 12));
    const isAfter = i > chosen;
    context.globalAlpha = isAfter ? 0.42 : 1;
    context.fillStyle = open[i] ? colours['fill-info'] : values[i] > 0 ? colours['fill-accent'] : colours['fill-quiet'];
    context.fillRect(x, floor - high, wide, high);
    if (failures[i] > 0) {
      const share = measure === 'turns' ? Math.max(3, high * Math.min(1, failures[i] / Math.max(values[i], 1))) : 4;
      context.fillStyle = colours['fill-bad'];
      context.fillRect(x, floor - share, wide, share);
      context.beginPath();
      context.arc(x + wide / 2, 4, Math.min(2.4, Math.max(1.4, wide / 2)), 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  }
  const x = middleOf(strip, value);
  context.fillStyle = colours.text;
  context.fillRect(x - 0.75, 0, 1.5, height);
  context.beginPath();
  context.moveTo(x - 5, 0);
  context.lineTo(x + 5, 0);
  context.lineTo(x, 6);
  context.fill();
}
