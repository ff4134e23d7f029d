/**
 * The organisations that the tests look at. Their models are scripts, so that the same words stand on every page in
 * every run.
 */
import { join } from 'node:path';
import { Place } from './place.mjs';

/** Prices that are seen on pages: with none, every amount would be 0. */
const model = {
  provider: 'scripted',
  model_name: 'rules',
  price: { input: 0.5, output: 2 },
  provider_config: { script: 'config/script.json' },
};

/**
 * A resume with what every agent here has in common.
 * @param {string} name
 * @param {Record<string, unknown>} differing
 */
export function resume(name, differing = {}) {
  return {
    name,
    title: `The ${name.replaceAll('_', ' ')}`,
    short_description: 'Does what it is told.',
    instructions: 'Do what you are told.',
    model: { key: 'desk', temperature: 0.2, max_tokens: 2_048 },
    permissions: { read_outboxes: ['*'], tools: [] },
    schedule: { run_every_n_ticks: 1, phase_offset: 0, when: 'always' },
    credits: { max_credits: 5, soft_cap: 1 },
    ...differing,
  };
}

/**
 * Founds an organisation of files: those that people write.
 * @param {string} store
 * @param {{ org?: object, tools?: object, agents: Record<string, any>[], rules: object[] }} files
 */
export async function found(store, { org = {}, tools, agents, rules }) {
  const place = new Place(store);
  await place.write('org.json', { format: 1, name: 'Test', ...org });
  await place.write('config/models.json', { desk: model });
  await place.write('config/script.json', { rules });
  if (tools) await place.write('config/tools.json', tools);
  for (const agent of agents) await place.write(`agents/${agent.name}/resume.json`, agent);
  return place;
}

const questions = [
  'Should we move our nightly backups to object storage?',
  'Should we rewrite the billing service in another language?',
  'Is it time to hire a second support engineer?',
  'Should we close the old office in spring?',
];

/**
 * The example organisation after a life of some twenty ticks: questions, briefs, a call that waits for a person, a
 * pause, a top-up.
 * @param {string} folder
 */
export async function desk(folder) {
  const place = new Place(join(folder, 'desk'));
  await place.says('bootstrap');
  await asksBeforeItPays(place);
  for (const question of questions) {
    await place.says('send', 'editor', question);
    await place.ticks(4);
  }
  await place.says('send', 'treasurer', 'Please pay invoice 17.');
  await place.ticks(2);
  await place.says('top-up', 'writer', '0.25');
  await place.says('pause', 'critic');
  await place.ticks(1);
  return place;
}

/**
 * Gives the desk a treasurer, who calls a tool that may not be called twice: its calls wait for a person's yes.
 * @param {Place} place
 */
async function asksBeforeItPays(place) {
  const script = await place.read('config/script.json');
  const call = { tool: 'pay', args: { invoice: '17', amount: 120, to: 'Paper & Sons' } };
  script.rules.unshift(
    { agent: 'treasurer', when: { from: 'human', text_contains: 'pay' }, answer: { tool_calls: [call], notes: 'It is due.' } },
    { agent: 'treasurer', when: { inbox: 'empty' }, answer: { notes: 'Nothing to pay.' } },
  );
  await place.write('config/script.json', script);
  await place.write('config/tools.json', {
    tools: {
      pay: {
        description: 'Pays an invoice.',
        arguments: {
          type: 'object',
          properties: { invoice: { type: 'string' }, amount: { type: 'number' }, to: { type: 'string' } },
          required: ['invoice', 'amount', 'to'],
        },
        // Nothing listens there: whoever says yes sees that the call failed, and nothing is paid.
        http: { method: 'POST', url: 'http://127.0.0.1:9/pay' },
        worth: { argument: '/amount' },
      },
    },
  });
  const treasurer = resume('treasurer', {
    title: 'Treasurer',
    short_description: 'Pays what is due, after a person has said yes.',
    permissions: { read_outboxes: ['editor'], send_outboxes: ['editor'], tools: ['pay'] },
    schedule: { run_every_n_ticks: 1, phase_offset: 0, when: 'on_message' },
  });
  await place.write('agents/treasurer/resume.json', treasurer);
}

/**
 * Five hundred agents in fifty teams: members report to their lead, leads to the chair. One tick.
 * @param {string} folder
 */
export async function crowd(folder) {
  const agents = [resume('chair', { permissions: { read_outboxes: leads(), tools: [] } })];
  for (const lead of leads()) {
    const members = Array.from({ length: 9 }, (_, i) => `${lead}_m${i}`);
    agents.push(resume(lead, { permissions: { read_outboxes: [...members, 'chair'], send_outboxes: ['chair', ...members], tools: [] } }));
    for (const member of members) {
      agents.push(resume(member, { permissions: { read_outboxes: [lead], send_outboxes: [lead], tools: [] } }));
    }
  }
  const rules = [{ answer: { outbox_entries: [{ kind: 'status', payload: { text: 'All is well with {{ agent }} in tick {{ tick }}.' } }] } }];
  const place = await found(join(folder, 'crowd'), { org: { name: 'The crowd' }, agents: agents.slice(0, 500), rules });
  await place.ticks(1);
  return place;
}

function leads() {
  return Array.from({ length: 50 }, (_, i) => `team${String(i).padStart(2, '0')}`);
}

/**
 * An organisation without agents and ticks.
 * @param {string} folder
 */
export function empty(folder) {
  return found(join(folder, 'empty'), { org: { name: 'Nobody yet' }, agents: [], rules: [] });
}
