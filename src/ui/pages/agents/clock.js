/** A dial of the schedule: its fire points, and where the organisation's clock stands. */
import { html } from '../../lib/preact.js';
import { count, plural } from '../../lib/format.js';
import { firePoint, nextFires, scheduleInWords } from './fire-points.js';

const SIZE = 240;
const MIDDLE = SIZE / 2;
const RADIUS = 92;
/** A dial has at least so many positions, so that a short period shows its rhythm. */
const FEWEST = 12;
/** Beyond so many positions only some get a mark. */
const MOST_MARKS = 72;

/**
 * @param {{ schedule: import('./fire-points.js').Schedule, clock: number, small?: boolean }} props
 */
export function ScheduleClock({ schedule, clock, small = false }) {
  const period = Math.max(1, Math.floor(Number(schedule.run_every_n_ticks) || 1));
  const round = period < FEWEST ? period * Math.ceil(FEWEST / period) : period;
  const fires = firePoint(schedule);
  const here = ((clock % round) + round) % round;
  const [next] = nextFires(schedule, clock);
  const isFire = (/** @type {number} */ position) => position % period === fires;
  const step = Math.max(1, Math.ceil(round / MOST_MARKS));
  const marks = Array.from({ length: Math.ceil(round / step) }, (_, i) => i * step);
  const labelled = Math.max(1, Math.round(round / 4));
  const points = Array.from({ length: round / period }, (_, i) => fires + i * period);
  const ahead = ((next % round) + round) % round;
  const isLow = here / round > 0.25 && here / round < 0.75;
  // The number stands where the hand does not point.
  const textY = isLow ? MIDDLE - 38 : MIDDLE + 32;
  const [handX, handY] = pointAt(here, round, RADIUS - 26);
  const words = `${scheduleInWords(schedule)}; the clock stands at ${clock}, the next fire point is clock ${next}, in ${plural(next - clock, 'tick')}`;
  return html`<svg class=${`dial ${small ? 'dial-small' : ''}`} viewBox=${`0 0 ${SIZE} ${SIZE}`} role="img" aria-label=${words}>
    <circle class="dial-face" cx=${MIDDLE} cy=${MIDDLE} r=${RADIUS + 10} />
    <path class="dial-wait" d=${arc(here, ahead, round)} />
    ${marks.map((position) => {
      const [x1, y1] = pointAt(position, round, RADIUS + (position % labelled === 0 ? 2 : 5));
      const [x2, y2] = pointAt(position, round, RADIUS + 10);
      return html`<line key=${position} class="dial-mark" x1=${x1} y1=${y1} x2=${x2} y2=${y2} />`;
    })}
    ${marks
      .filter((position) => position % labelled === 0 && round - position >= labelled * 0.6)
      .map((position) => {
        const [x, y] = pointAt(position, round, RADIUS + 20);
        return html`<text key=${position} class="dial-label" x=${x} y=${y} text-anchor="middle" dominant-baseline="central">${position}</text>`;
      })}
    ${points.map((position) => {
      const [x, y] = pointAt(position, round, RADIUS - 8);
      return html`<circle key=${position} class=${`dial-fire ${position === ahead ? 'dial-fire-next' : ''} ${isFire(here) && position === here ? 'dial-fire-now' : ''}`} cx=${x} cy=${y} r=${position === ahead ? 7.5 : 5} />`;
    })}
    <line class="dial-hand" x1=${MIDDLE} y1=${MIDDLE} x2=${handX} y2=${handY} />
    <circle class="dial-pin" cx=${MIDDLE} cy=${MIDDLE} r="4.5" />
    <text class="dial-clock" x=${MIDDLE} y=${textY} text-anchor="middle">${count(clock)}</text>
    <text class="dial-label" x=${MIDDLE} y=${textY + 15} text-anchor="middle">clock now</text>
  </svg>`;
}

/**
 * Where a position lies, the first at the top.
 * @param {number} position
 * @param {number} round
 * @param {number} radius
 */
function pointAt(position, round, radius) {
  const angle = (position / round) * 2 * Math.PI - Math.PI / 2;
  return [Math.round((MIDDLE + Math.cos(angle) * radius) * 100) / 100, Math.round((MIDDLE + Math.sin(angle) * radius) * 100) / 100];
}

/**
 * The way from now to the next fire point.
 * @param {number} from
 * @param {number} to
 * @param {number} round
 */
function arc(from, to, round) {
  const radius = RADIUS - 8;
  const turn = (((to - from) % round) + round) % round || round;
  // A whole turn has the same beginning and end: it stops a little before.
  const end = turn === round ? from + round * 0.999 : from + turn;
  const [x1, y1] = pointAt(from, round, radius);
  const [x2, y2] = pointAt(end, round, radius);
  return `M${x1} ${y1}A${radius} ${radius} 0 ${turn / round > 0.5 ? 1 : 0} 1 ${x2} ${y2}`;
}
