/** What is wrong with a draft, field by field; the server has the last word. The rules are those of `src/domain`. */

/** @typedef {import('./draft.js').Draft} Draft */

const NAME = /^[a-z][a-z0-9_]*$/;
const RESERVED = new Set(['human', 'agent_template', 'all']);
const MONEY = /^\d+(\.\d{1,6})?$/;

/**
 * @param {string} name
 * @param {Set<string>} taken
 * @returns {string | null}
 */
export function nameFault(name, taken) {
  if (!name) return 'It needs a name';
  if (name.length > 128) return 'At most 128 characters';
  if (!/^[a-z]/.test(name)) return 'It begins with a small letter from a to z';
  if (!NAME.test(name)) return 'Small letters a to z, digits and _ only';
  if (RESERVED.has(name)) return 'This name is reserved';
  return taken.has(name) ? 'There is an agent of this name already' : null;
}

/**
 * The faults of each step: by step, then by field.
 * @param {Draft} draft
 * @param {{ taken: Set<string>, models: Set<string> | null }} known
 * @returns {Record<string, Record<string, string>>}
 */
export function faultsOf(draft, known) {
  /** @type {Record<string, Record<string, string>>} */
  const faults = { start: {}, who: {}, work: {}, schedule: {}, permissions: {}, credits: {}, review: {} };
  const name = nameFault(draft.name, known.taken);
  if (draft.start !== 'blank' && !draft.base) faults.start.from = 'Choose what it begins with';
  if (name) faults.who.name = name;
  if (!draft.title.trim()) faults.who.title = 'It needs a title';
  const length = [...draft.description.trim()].length;
  if (!length) faults.who.description = 'One sentence about what it is for';
  else if (length > 200) faults.who.description = `${length} characters; at most 200`;
  if (!draft.instructions.trim()) faults.work.instructions = 'It needs to be told what to do';
  if (!draft.model) faults.work.model = 'Choose a model';
  else if (known.models && !known.models.has(draft.model)) faults.work.model = 'There is no such model here';
  if (!isBetween(draft.temperature, 0, 2)) faults.work.temperature = 'From 0 to 2';
  if (!isWhole(draft.maxTokens, 1)) faults.work.maxTokens = 'A whole number, 1 or more';
  if (!isWhole(draft.every, 1)) faults.schedule.every = 'A whole number, 1 or more';
  if (!/^-?\d{1,15}$/.test(draft.offset.trim())) faults.schedule.offset = 'A whole number';
  if (!isMoney(draft.maxCredits)) faults.credits.maxCredits = 'A number above or equal to 0, with at most six places';
  if (!isMoney(draft.softCap)) faults.credits.softCap = 'A number above or equal to 0, with at most six places';
  else if (isMoney(draft.maxCredits) && Number(draft.softCap) > Number(draft.maxCredits)) faults.credits.softCap = 'It cannot be above what the account holds';
  if (draft.maxTurnCredits.trim() && !isMoney(draft.maxTurnCredits)) faults.credits.maxTurnCredits = 'A number, or nothing';
  return faults;
}

/** @param {string} text @param {number} low @param {number} high */
function isBetween(text, low, high) {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) && value >= low && value <= high;
}

/** @param {string} text @param {number} least */
function isWhole(text, least) {
  return /^\d{1,15}$/.test(text.trim()) && Number(text) >= least;
}

/** @param {string} text */
function isMoney(text) {
  return MONEY.test(text.trim()) && Number(text) <= 1_000_000_000;
}
