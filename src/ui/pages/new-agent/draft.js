/**
 * What was entered so far. It is kept in the tab (`sessionStorage`), by organisation, so that a reload or a look at another
 * page loses nothing; it goes once the agent is made.
 */
import { useEffect, useState } from '../../lib/preact.js';
import { org } from '../../lib/scope.js';

/**
 * @typedef {Object} Draft
 * @property {'blank' | 'agent' | 'template'} start
 * @property {string} from the agent, or `template/agent`
 * @property {Record<string, any> | null} base the resume that it begins with
 * @property {string} name
 * @property {string} title
 * @property {string} description
 * @property {string} instructions
 * @property {string} model
 * @property {string} temperature
 * @property {string} maxTokens
 * @property {string} every
 * @property {string} offset
 * @property {'always' | 'on_message'} when
 * @property {boolean} readsAll
 * @property {string[]} reads
 * @property {'anyone' | 'named'} sendsTo
 * @property {string[]} sends
 * @property {string[]} tools
 * @property {string} maxCredits
 * @property {string} softCap
 * @property {string} maxTurnCredits
 * @property {boolean} enabled
 */

/** @returns {Draft} */
export function blank() {
  return {
    start: 'blank', from: '', base: null,
    name: '', title: '', description: '', instructions: '',
    model: '', temperature: '0.2', maxTokens: '2048',
    every: '1', offset: '0', when: 'always',
    readsAll: false, reads: [], sendsTo: 'anyone', sends: [], tools: [],
    maxCredits: '10', softCap: '2', maxTurnCredits: '', enabled: true,
  };
}

/**
 * The draft of an agent that begins with another's resume. Its name is its own.
 * @param {Draft} draft
 * @param {Record<string, any>} resume
 * @returns {Draft}
 */
export function beginWith(draft, resume) {
  const fresh = blank();
  const text = (/** @type {unknown} */ value, /** @type {string} */ otherwise) => (typeof value === 'string' ? value : value === undefined || value === null ? otherwise : String(value));
  const names = (/** @type {unknown} */ value) => (Array.isArray(value) ? value.filter((one) => typeof one === 'string' && one !== '*') : []);
  const permissions = resume.permissions ?? {};
  const sends = permissions.send_outboxes;
  return {
    ...fresh,
    start: draft.start, from: draft.from, name: draft.name, base: resume,
    title: text(resume.title, ''), description: text(resume.short_description, ''), instructions: text(resume.instructions, ''),
    model: text(resume.model?.key, draft.model), temperature: text(resume.model?.temperature, fresh.temperature), maxTokens: text(resume.model?.max_tokens, fresh.maxTokens),
    every: text(resume.schedule?.run_every_n_ticks, '1'), offset: text(resume.schedule?.phase_offset, '0'), when: resume.schedule?.when === 'on_message' ? 'on_message' : 'always',
    readsAll: Array.isArray(permissions.read_outboxes) && permissions.read_outboxes.includes('*'), reads: names(permissions.read_outboxes),
    sendsTo: Array.isArray(sends) && !sends.includes('*') ? 'named' : 'anyone', sends: names(sends), tools: names(permissions.tools),
    maxCredits: text(resume.credits?.max_credits, fresh.maxCredits), softCap: text(resume.credits?.soft_cap, fresh.softCap),
    maxTurnCredits: text(resume.limits?.max_turn_credits, ''), enabled: resume.enabled !== false,
  };
}

/**
 * The resume as it would be written. What the form does not ask for stays as it was in the one that it begins with.
 * @param {Draft} draft
 * @returns {Record<string, any>}
 */
export function resumeOf(draft) {
  const base = /** @type {Record<string, any>} */ (structuredClone(draft.base ?? {}));
  const { opening_credits: _, ...credits } = base.credits ?? {};
  /** @type {Record<string, any>} */
  const resume = {
    $schema: '../../schemas/resume.schema.json',
    ...base,
    name: draft.name,
    title: draft.title.trim(),
    short_description: draft.description.trim(),
    instructions: draft.instructions,
    model: { ...base.model, key: draft.model, temperature: Number(draft.temperature), max_tokens: Number(draft.maxTokens) },
    permissions: {
      ...base.permissions,
      read_outboxes: draft.readsAll ? ['*'] : draft.reads,
      ...(draft.sendsTo === 'named' ? { send_outboxes: draft.sends } : {}),
      tools: draft.tools,
    },
    schedule: { ...base.schedule, run_every_n_ticks: Number(draft.every), phase_offset: Number(draft.offset), when: draft.when },
    credits: { ...credits, max_credits: Number(draft.maxCredits), soft_cap: Number(draft.softCap) },
    limits: { ...base.limits, ...(draft.maxTurnCredits.trim() ? { max_turn_credits: Number(draft.maxTurnCredits) } : {}) },
    enabled: draft.enabled,
  };
  if (draft.sendsTo === 'anyone') delete resume.permissions.send_outboxes;
  if (!draft.maxTurnCredits.trim()) delete resume.limits.max_turn_credits;
  if (!Object.keys(resume.limits).length) delete resume.limits;
  if (draft.enabled) delete resume.enabled;
  return resume;
}

function slot() {
  return `lemming.new-agent.${org.peek() ?? ''}`;
}

/** @returns {Draft} */
function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(slot()) ?? 'null');
    if (found && typeof found === 'object') return { ...blank(), ...found };
  } catch {
    // What cannot be read is as good as nothing.
  }
  return blank();
}

/** The draft, kept while it is written. */
export function useDraft() {
  const [draft, setDraft] = useState(kept);
  useEffect(() => {
    try {
      sessionStorage.setItem(slot(), JSON.stringify(draft));
    } catch {
      // A browser that keeps nothing keeps the draft as long as the page is open.
    }
  }, [draft]);
  const forget = () => {
    setDraft(blank());
    try {
      sessionStorage.removeItem(slot());
    } catch {
      // As above.
    }
  };
  /** @param {Partial<Draft>} patch */
  const change = (patch) => setDraft((old) => ({ ...old, ...patch }));
  return { draft, change, setDraft, forget };
}
