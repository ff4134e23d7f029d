/**
 * When an agent runs: it is at a fire point where `(clock + (offset % N)) % N` is 0, remainders never negative.
 * The same rule as `src/domain/schedule.rs`.
 */

/** @typedef {{ run_every_n_ticks: number, phase_offset?: number, when?: string }} Schedule */

/**
 * @param {number} value
 * @param {number} period
 */
function remainder(value, period) {
  return ((value % period) + period) % period;
}

/**
 * The clocks after `clock` at which the schedule fires, the next first.
 * @param {Schedule} schedule
 * @param {number} clock
 * @param {number} [many]
 * @returns {number[]}
 */
export function nextFires(schedule, clock, many = 1) {
  const period = Math.max(1, Math.floor(schedule.run_every_n_ticks || 1));
  const first = clock + 1 + remainder(-(clock + 1) - remainder(schedule.phase_offset ?? 0, period), period);
  return Array.from({ length: many }, (_, i) => first + i * period);
}

/**
 * Where within its period the agent fires: 0 to N − 1.
 * @param {Schedule} schedule
 */
export function firePoint(schedule) {
  const period = Math.max(1, Math.floor(schedule.run_every_n_ticks || 1));
  return remainder(-remainder(schedule.phase_offset ?? 0, period), period);
}

/**
 * A schedule in words: every 6 ticks, only with unread mail.
 * @param {Schedule | null | undefined} schedule
 */
export function scheduleInWords(schedule) {
  if (!schedule) return '';
  const every = schedule.run_every_n_ticks === 1 ? 'every tick' : `every ${schedule.run_every_n_ticks} ticks`;
  return schedule.when === 'on_message' ? `${every}, with mail` : every;
}
