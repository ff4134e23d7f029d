/**
 * What a resume may say: the rules of `src/domain/resume.rs` that a form can check before the server is asked. The
 * server checks everything again, also what only it knows (which agents, models and tools there are).
 */

/** @typedef {{ severity: 'error' | 'warning', pointer: string, message: string, expected?: string }} Finding */

/**
 * @typedef {Object} Rule
 * @property {'text' | 'number' | 'integer' | 'boolean' | 'names' | 'list' | 'choice'} type
 * @property {boolean} [required]
 * @property {number} [min]
 * @property {number} [max]
 * @property {number} [longest] in characters
 * @property {string[]} [choices]
 */

/** @type {Record<string, Rule>} */
export const RULES = {
  '/name': { type: 'text', required: true },
  '/title': { type: 'text', required: true },
  '/short_description': { type: 'text', required: true, longest: 200 },
  '/workflow_description': { type: 'text' },
  '/instructions': { type: 'text', required: true },
  '/model/key': { type: 'text', required: true },
  '/model/temperature': { type: 'number', min: 0, max: 2 },
  '/model/max_tokens': { type: 'integer', min: 1 },
  '/permissions/read_outboxes': { type: 'names' },
  '/permissions/send_outboxes': { type: 'names' },
  '/permissions/tools': { type: 'list' },
  '/schedule/run_every_n_ticks': { type: 'integer', min: 1 },
  '/schedule/phase_offset': { type: 'integer' },
  '/schedule/when': { type: 'choice', choices: ['always', 'on_message'] },
  '/credits/max_credits': { type: 'number', min: 0 },
  '/credits/opening_credits': { type: 'number', min: 0 },
  '/credits/soft_cap': { type: 'number', min: 0 },
  '/credits/soft_cap_model': { type: 'text' },
  '/limits/max_steps': { type: 'integer', min: 1 },
  '/limits/max_turn_credits': { type: 'number', min: 0 },
  '/limits/max_prompt_tokens': { type: 'integer', min: 1 },
  '/memory/max_list_items': { type: 'integer', min: 1 },
  '/memory/archive_after_ticks': { type: 'integer', min: 1 },
  '/memory/max_prompt_bytes': { type: 'integer', min: 1 },
  '/memory/pinned': { type: 'list' },
  '/enabled': { type: 'boolean' },
};

const OBJECTS = ['/model', '/permissions', '/schedule', '/credits', '/limits', '/memory'];

/**
 * The value at a pointer of one or two steps; undefined where there is none.
 * @param {any} value
 * @param {string} pointer
 */
export function at(value, pointer) {
  let here = value;
  for (const step of pointer.split('/').slice(1)) {
    if (here === null || typeof here !== 'object' || Array.isArray(here)) return undefined;
    here = Object.hasOwn(here, step) ? here[step] : undefined;
  }
  return here;
}

/**
 * What is wrong with a resume, as far as a page can tell.
 * @param {any} resume
 * @param {string} name of its folder
 * @returns {Finding[]}
 */
export function check(resume, name) {
  /** @type {Finding[]} */
  const findings = [];
  const error = (/** @type {string} */ pointer, /** @type {string} */ message) => findings.push({ severity: 'error', pointer, message });
  if (resume === null || typeof resume !== 'object' || Array.isArray(resume)) {
    error('', 'A resume is a JSON object.');
    return findings;
  }
  for (const pointer of OBJECTS) {
    const value = at(resume, pointer);
    if (value !== undefined && (value === null || typeof value !== 'object' || Array.isArray(value))) error(pointer, 'This must be an object.');
  }
  for (const [pointer, rule] of Object.entries(RULES)) {
    const wrong = fault(at(resume, pointer), rule);
    if (wrong) error(pointer, wrong);
  }
  if (typeof resume.name === 'string' && resume.name !== name) error('/name', `It must be the name of its folder: ${name}.`);
  const max = at(resume, '/credits/max_credits');
  const opening = at(resume, '/credits/opening_credits');
  if (typeof max === 'number' && typeof opening === 'number' && opening > max) error('/credits/opening_credits', 'It cannot be above the maximum.');
  return findings;
}

/**
 * @param {unknown} value
 * @param {Rule} rule
 * @returns {string | null}
 */
function fault(value, rule) {
  if (value === undefined) return rule.required ? 'This is required.' : null;
  switch (rule.type) {
    case 'text':
      if (typeof value !== 'string') return 'This must be a text.';
      if (rule.required && !value.trim()) return 'This is required.';
      if (rule.longest && [...value].length > rule.longest) return `At most ${rule.longest} characters.`;
      return null;
    case 'number':
    case 'integer':
      if (typeof value !== 'number' || !Number.isFinite(value)) return 'This must be a number.';
      if (rule.type === 'integer' && !Number.isSafeInteger(value)) return 'This must be a whole number.';
      if (rule.min !== undefined && value < rule.min) return `At least ${rule.min}.`;
      if (rule.max !== undefined && value > rule.max) return `At most ${rule.max}.`;
      return null;
    case 'boolean':
      return typeof value === 'boolean' ? null : 'This must be true or false.';
    case 'choice':
      return rule.choices?.includes(/** @type {string} */ (value)) ? null : `One of ${rule.choices?.join(', ')}.`;
    case 'names':
      if (value === '*') return null;
      return isTexts(value) ? null : 'This must be a list of names, or "*".';
    case 'list':
      return isTexts(value) ? null : 'This must be a list of names.';
    default:
      return null;
  }
}

/** @param {unknown} value */
function isTexts(value) {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
