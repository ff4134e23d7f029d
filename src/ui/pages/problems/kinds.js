/** Sorts of problems: how bad each is, what it is called, and what the page can do about it. */

/** @typedef {'bad' | 'warn' | 'info'} Severity */

/**
 * @typedef {Object} Problem
 * @property {string} kind
 * @property {string | null} agent
 * @property {string | null} path
 * @property {number | null} since
 * @property {string} message
 * @property {string | null} do the command that mends it or shows more
 * @property {{ kind: string, agent?: string, approval?: string, rule?: string, path?: string, tick?: number }} [action] what the API says is to be done
 */

/** @typedef {'top_up' | 'budget' | 'turn' | 'why' | 'resume' | 'model' | 'approval' | 'tick' | 'retry' | 'show_tick' | 'tools' | 'config' | 'logs'} Act */

/** @type {Record<string, { severity: Severity, title: string, acts: Act[] }>} */
const KINDS = {
  broken_resume: { severity: 'bad', title: 'Resume cannot be read', acts: ['resume'] },
  missing_resume: { severity: 'bad', title: 'Resume is missing', acts: ['resume'] },
  broken_tools: { severity: 'bad', title: 'Tools cannot be read', acts: ['tools'] },
  broken_ingress: { severity: 'bad', title: 'Something sent in cannot be read', acts: ['show_tick'] },
  unknown_model: { severity: 'bad', title: 'Model is not known', acts: ['model', 'resume'] },
  backed_off: { severity: 'bad', title: 'Left alone after failures', acts: ['turn', 'why'] },
  failing: { severity: 'bad', title: 'Turn failed', acts: ['turn', 'resume'] },
  out_of_credits: { severity: 'bad', title: 'Out of credits', acts: ['top_up'] },
  out_of_budget: { severity: 'bad', title: 'Budget is used up', acts: ['budget'] },
  stale_hold: { severity: 'bad', title: 'A runner has stopped', acts: ['tick'] },
  open_tick: { severity: 'bad', title: 'Tick is not finished', acts: ['tick'] },
  dead_letters: { severity: 'bad', title: 'Mail was given up', acts: ['show_tick'] },
  delivery_given_up: { severity: 'bad', title: 'Delivery was given up', acts: ['retry'] },
  waiting_approval: { severity: 'warn', title: 'Waits for your yes', acts: ['approval'] },
  answer_not_heard: { severity: 'warn', title: 'Answer not heard yet', acts: ['why'] },
  delivery_stuck: { severity: 'warn', title: 'Delivery does not arrive', acts: ['retry'] },
  mute: { severity: 'warn', title: 'Does not read its mail', acts: ['why', 'resume'] },
  soft_cap: { severity: 'warn', title: 'Low on credits', acts: ['top_up'] },
  top_up_refused: { severity: 'warn', title: 'Top-up was refused', acts: ['top_up'] },
  approval_refused: { severity: 'warn', title: 'Answer was refused', acts: ['approval'] },
  tools_not_accepted: { severity: 'warn', title: 'Tools are not accepted', acts: ['tools'] },
  unknown_effect: { severity: 'warn', title: 'Nobody knows whether it happened', acts: ['turn'] },
  too_many_hops: { severity: 'info', title: 'Passed on too often', acts: ['why'] },
  warning: { severity: 'info', title: 'Warning', acts: ['turn'] },
};

/** @type {[Severity, string, string][]} */
export const SEVERITIES = [
  ['bad', 'Stops work', 'Nothing goes on here until somebody acts.'],
  ['warn', 'Needs a look', 'Work goes on, or waits for you.'],
  ['info', 'Good to know', 'Nothing has to be done.'],
];

/**
 * @param {Problem} problem
 * @returns {{ severity: Severity, title: string, acts: Act[] }}
 */
export function kindOf(problem) {
  const known = KINDS[problem.kind];
  if (known) return known;
  const word = problem.kind.replaceAll('_', ' ');
  return { severity: 'warn', title: word.charAt(0).toUpperCase() + word.slice(1), acts: problem.agent ? ['why'] : problem.since ? ['show_tick'] : [] };
}

/** @type {Record<string, Act>} */
const REMEDIES = {
  edit_resume: 'resume',
  inspect_agent: 'turn',
  explain_agent: 'why',
  answer_approval: 'approval',
  retry_delivery: 'retry',
  edit_config: 'config',
  test_models: 'model',
  accept_tools: 'tools',
  run_tick: 'tick',
  show_tick: 'show_tick',
  show_logs: 'logs',
};

/**
 * What can be done: first what the API says, then what else its sort suggests.
 * @param {Problem} problem
 * @returns {Act[]}
 */
export function actsOf(problem) {
  const { action, agent } = problem;
  const first = action?.kind === 'top_up' ? (agent ? 'top_up' : 'budget') : REMEDIES[action?.kind ?? ''];
  return [...new Set([...(first ? [first] : []), ...kindOf(problem).acts])];
}

/**
 * What tells problems apart.
 * @param {Problem} problem
 */
export function idOf(problem) {
  return [problem.kind, problem.agent, problem.path, problem.since, problem.message].join('\n');
}

/**
 * The JSON pointer that a message about a file names, such as `/model/temperature`.
 * @param {Problem} problem
 * @returns {string | null}
 */
export function pointerOf(problem) {
  return /(?:^|\s)(\/[a-z_]+(?:\/[a-z0-9_-]+)*)(?=[\s:,]|$)/.exec(problem.message)?.[1] ?? null;
}
