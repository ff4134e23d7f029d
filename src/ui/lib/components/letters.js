/** Two letters that stand for a name. */
import { visible } from '../text.js';

/**
 * `researcher` → RE, `agent_7` → A7, `day.planner` → DP.
 * @param {string} name
 */
export function lettersOf(name) {
  const parts = visible(name)
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
  const first = [...(parts[0] ?? '?')];
  const last = [...(parts[parts.length - 1] ?? '')];
  if (parts.length < 2) return first.slice(0, 2).join('').toUpperCase();
  const end = last.every((letter) => letter >= '0' && letter <= '9') ? last[last.length - 1] : last[0];
  return `${first[0]}${end}`.toUpperCase();
}
