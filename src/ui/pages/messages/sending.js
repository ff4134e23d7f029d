/** Sends a message once, however often it has to be tried. */
import { send } from '../../lib/api.js';

/**
 * @typedef {Object} Draft
 * @property {string[] | null} recipients null: everyone
 * @property {string} text
 * @property {string} [kind]
 * @property {string} [importance]
 * @property {string} [reply_to]
 */

/** A key that stays with a draft while it is tried again. */
export function newKey() {
  return crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {Draft} draft
 * @param {string} key of the draft: the server takes a message with the same key once
 * @returns {Promise<any>} the mail as it waits
 */
export async function sendMessage(draft, key) {
  /** @type {Record<string, unknown>} */
  const body = { recipients: draft.recipients, text: draft.text };
  if (draft.kind && draft.kind !== 'message') body.kind = draft.kind;
  if (draft.importance && draft.importance !== 'normal') body.importance = draft.importance;
  if (draft.reply_to) body.reply_to = draft.reply_to;
  const answer = await send('POST', '/messages', body, { headers: { 'Idempotency-Key': key } });
  return answer?.sent ?? answer;
}
