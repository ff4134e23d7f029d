/** The calls that agents ask about, read with their numbers exact, and kept fresh. */
import { useWholeList } from '../../lib/whole-list.js';

/** @typedef {'approved' | 'denied' | 'expired'} Verdict */

/**
 * @typedef {Object} Approval
 * @property {string} id
 * @property {'waiting' | 'answered' | 'settled' | 'given_up'} standing
 * @property {string} agent
 * @property {number} tick
 * @property {string} tool
 * @property {string | null} permission
 * @property {unknown} arguments null where they were given up
 * @property {string} arguments_sha256
 * @property {number | null} worth_credits
 * @property {string | null} purpose
 * @property {string | null} asked_at
 * @property {string} expires_at
 * @property {{ command: string, by: unknown, sent_at: string, approves: boolean }[]} sent
 * @property {{ verdict: Verdict, tick: number, at: string | null, by: unknown, arguments: unknown, reason: string | null } | null} answer
 * @property {{ outcome: 'made' | 'not_made' | 'unknown', tick: number | null, ok: boolean | null, result: unknown } | null} end
 */

/**
 * @param {'waiting' | 'all'} state `all`: what was answered in the last ticks as well
 */
export function useApprovals(state) {
  const read = useWholeList('/approvals', 'approvals', { query: { state }, live: ['tick_closed', 'turn_committed', 'problem'], exact: true });
  return { ...read, data: /** @type {Approval[] | null} */ (read.data?.items ?? null) };
}
