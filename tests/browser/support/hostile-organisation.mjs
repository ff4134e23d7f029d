/** An organisation in which every field that a model can write is hostile. */
import { join } from 'node:path';
import { all, disguises, elsewhere, escapes, huge, markdown, markup, short, shownMarkup } from './hostile.mjs';
import { found, resume } from './organisations.mjs';

const call = (tool, args) => ({ tool, args });

/** What the agent `says`: each entry, and each field of an entry. */
const said = {
  outbox_entries: [
    { kind: 'report', to: ['human'], tags: [short('tag'), '"><b>', '\u202etag'], payload: { text: all('said') } },
    { kind: 'message', to: ['human', 'victim'], payload: { text: huge(200_000, 'huge') } },
    {
      kind: 'request',
      to: ['victim'],
      thread_id: short('thread_id'),
      reply_to: `${elsewhere}<b>`,
      meta: { [short('meta_key')]: short('meta'), __proto__x: { constructor: 1 } },
      payload: {
        text: markdown('payload_text').join('\n'),
        [short('payload_key')]: all('payload'),
        ['__proto__']: { polluted: true },
        html: markup('payload_html').join(''),
        nested: [[[{ [escapes]: disguises }]]],
        number: 1e308,
        url: `javascript:window.__pwned='payload_url'`,
      },
    },
    { kind: short('kind'), to: [short('recipient')], payload: { text: `to nobody ${short('unaddressed')}` } },
    { kind: 'message', to: ['human'], payload: { text: '' } },
    { kind: 'message', to: ['human'], payload: { text: `\n\n${'\u202e'.repeat(50)}\n` } },
    { kind: 'message', to: ['human'], payload: { text: { not: short('text_object') } } },
  ],
  notes: all('notes'),
};

const kept = {
  memory_updates: [
    { key: 'hostile', op: 'set', value: all('memory') },
    { key: 'constructor', op: 'set', value: { [short('memory_key')]: [short('memory_value'), null, 1e21], toString: 'x' } },
    { key: '__proto__', op: 'set', value: { polluted: true } },
    { key: 'huge', op: 'set', value: huge(45_000, 'memory_huge') },
    { key: 'list', op: 'append', value: short('memory_item') },
    { key: short('refused_key'), op: 'set', value: 1 },
  ],
  tool_calls: [
    call('file_write', { path: "workspace/' onload=alert(1) x='.html", text: markup('file').join('\n') }),
    call('file_write', { path: 'workspace/picture.svg', text: `<svg xmlns="http://www.w3.org/2000/svg" onload="window.__pwned='svg'"/>` }),
    call('file_write', { path: 'workspace/javascript;alert(1).md', text: all('file_markdown') }),
    call('file_write', { path: 'shared/&lt;b&gt;bold&lt;;b&gt;.js', text: "window.__pwned='file_js'" }),
    call('file_write', { path: 'shared/\u05e9\u05dc\u05d5\u05dd.exe.\u05d8\u05e7\u05e1\u05d8', text: disguises }),
    call('file_write', { path: `shared/${'a'.repeat(180)}/${'b'.repeat(180)}.txt`, text: huge(90_000, 'file_huge') }),
    call('file_write', { path: `shared/${shownMarkup('path')}`, text: 'refused' }),
    call('file_write', { path: '../../\u202eetc', text: 'refused' }),
    call('file_read', { path: short('read_path') }),
    call('file_search', { pattern: markup('pattern').join('|'), folder: 'shared' }),
    call(short('tool_name'), { [short('argument_key')]: all('argument') }),
    call('web_fetch', { url: `javascript:window.__pwned='url'` }),
  ],
};

/** The agent that the model thinks up. Its title and words are as hostile as those of people are not. */
const child = {
  name: 'spawn',
  credits: 0.5,
  resume: {
    name: 'spawn',
    title: short('title'),
    short_description: `${shownMarkup('description')}\u202e`.slice(0, 200),
    workflow_description: all('workflow'),
    instructions: all('instructions'),
    model: { key: 'desk' },
    permissions: { read_outboxes: ['mallory'], tools: [] },
  },
};

const paid = {
  invoice: all('approval_argument'),
  amount: 1,
  to: short('approval_to'),
  [short('approval_key')]: { deep: [short('approval_deep')] },
};

const rules = [
  { agent: 'mallory', when: { tick: 1, step: 0 }, answer: said },
  { agent: 'mallory', when: { tick: 2, step: 0 }, answer: kept },
  { agent: 'mallory', when: { tick: 2, step: 1 }, answer: { notes: all('notes_after') } },
  { agent: 'mallory', when: { tick: 3, step: 0 }, answer: { tool_calls: [call('create_agent', child)] } },
  { agent: 'mallory', when: { tick: 3, step: 1 }, answer: { outbox_entries: [{ to: 'spawn', payload: { text: all('to_spawn') } }] } },
  { agent: 'mallory', when: { tick: 4, step: 0 }, answer: { tool_calls: [call('pay', paid)], notes: all('notes_waiting') } },
  // Words where the engine expects JSON: they stand in the failure.
  { agent: 'mallory', when: { tick: 5, step: 0 }, fault: { garbage: all('garbage') } },
  {
    agent: 'victim',
    when: { inbox: 'not_empty' },
    answer: { outbox_entries: [{ kind: 'response', to: 'human', payload: { text: markup('answer').join('\n') } }] },
  },
  { answer: {} },
];

/** How many ticks its script has. */
export const hostileTicks = 5;

/**
 * Founds it, lives through its script, and has a person send what is hostile, too.
 * @param {string} folder
 */
export async function hostile(folder) {
  const tools = ['file_write', 'file_read', 'file_search', 'create_agent', 'web_fetch', 'memory_write', 'pay'];
  const place = await found(join(folder, 'hostile'), {
    org: { name: `The ${short('organisation')} desk` },
    tools: {
      tools: {
        pay: {
          description: markup('tool_description').join(' '),
          arguments: { type: 'object', properties: { invoice: { type: 'string' } } },
          http: { method: 'POST', url: 'http://127.0.0.1:9/pay' },
          worth: { argument: '/amount' },
        },
      },
    },
    agents: [
      resume('mallory', {
        permissions: { read_outboxes: ['*'], tools },
        // Room, and the money, for answers of half a million bytes.
        model: { key: 'desk', max_tokens: 600_000 },
        limits: { max_turn_credits: 20, max_steps: 4 },
        credits: { max_credits: 1_000, soft_cap: 1 },
      }),
      resume('victim', { schedule: { run_every_n_ticks: 1, phase_offset: 0, when: 'on_message' } }),
    ],
    rules,
  });
  // An argument of a command holds no NUL.
  await place.says('send', 'victim', all('mail').replaceAll('\u0000', ''));
  await place.ticks(hostileTicks);
  await place.says('send', 'victim', huge(100_000, 'mail_huge'));
  return place;
}
