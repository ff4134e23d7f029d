/**
 * A thousand agents and a hundred thousand messages. The API's answers are made up here, page by page, so that what
 * is looked at is the dashboard alone: how many elements it makes, and how long it keeps the browser busy.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { open, settled, visit } from './support/browser.mjs';
import { desk } from './support/organisations.mjs';
import { staged } from './support/stage.mjs';

const AGENTS = 1_000;
const MESSAGES = 100_000;
const TICKS = 20_000;
/** More elements than that at once stall a browser sooner or later. */
const ELEMENTS = 5_000;

const name = (/** @type {number} */ i) => `agent_${String(i).padStart(4, '0')}`;
const states = ['idle', 'idle', 'idle', 'done', 'due', 'thinking', 'failed', 'paused'];

const agents = Array.from({ length: AGENTS }, (_, i) => ({
  name: name(i),
  title: `Worker ${i}`,
  short_description: 'Does what it is told.',
  enabled: true,
  paused: false,
  broken: null,
  credits_left: 1,
  max_credits: 2,
  soft_cap: 0.5,
  below_soft_cap: false,
  unread: i % 4,
  failures: 0,
  turns: 10,
  last_turn: { tick: TICKS, clock: TICKS, status: 'ok' },
  doing: states[i % states.length],
  model: 'desk',
  schedule: { run_every_n_ticks: 1 + (i % 6), phase_offset: i % 6, when: 'always' },
  reads: [name((i + 1) % AGENTS)],
  sends: null,
  tools: [],
}));

const edges = agents.flatMap((agent, i) => [
  { from: name((i + 1) % AGENTS), to: agent.name, both: false },
  { from: name(Math.floor(i / 30) * 30), to: agent.name, both: false },
]).filter((edge) => edge.from !== edge.to);

function message(/** @type {number} */ i) {
  const tick = TICKS - Math.floor(i / 5);
  return {
    position: `${tick}.1.${i % 5}`,
    tick,
    id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    from: name(i % AGENTS),
    to: [name((i * 7) % AGENTS)],
    kind: 'message',
    importance: 'normal',
    text: `Message ${i}: all is well, and there is nothing else to say about it.`,
    payload: { text: `Message ${i}: all is well, and there is nothing else to say about it.` },
    tags: [],
    reply_to: null,
    thread_id: null,
    created_at: new Date(1_700_000_000_000 + tick * 60_000).toISOString(),
  };
}

function tickLine(/** @type {number} */ i) {
  const tick = TICKS - i;
  const time = new Date(1_700_000_000_000 + tick * 60_000).toISOString();
  return { tick, clock: tick, time, state: 'closed', trigger: { kind: 'schedule' }, due: 9, ok: 9, failed: 0, skipped: 0, messages: 5, mail: 0, cost_credits: 0.01, sha256: null };
}

/**
 * A page of a list that is never made as a whole.
 * @param {URL} url
 * @param {string} field
 * @param {number} length
 * @param {(i: number) => any} make
 */
function listed(url, field, length, make) {
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const to = Math.min(length, from + Number(url.searchParams.get('limit') ?? 20));
  return { [field]: Array.from({ length: to - from }, (_, i) => make(from + i)), next_cursor: to < length ? String(to) : null };
}

/** @type {Record<string, (url: URL) => any>} */
const answers = {
  '/api/agents': (url) => listed(url, 'agents', AGENTS, (i) => agents[i]),
  '/api/messages': (url) => listed(url, 'messages', MESSAGES, message),
  '/api/threads': (url) => listed(url, 'threads', MESSAGES, (i) => ({ ...message(i), first: message(i), last: message(i), messages: 1, agents: [message(i).from] })),
  '/api/ticks': (url) => listed(url, 'ticks', TICKS, tickLine),
  [`/api/ticks/${TICKS}`]: () => ({
    ...tickLine(0),
    due: agents.slice(0, 9).map((agent, rank) => ({ agent: agent.name, rank: rank + 1, because: 'schedule' })),
    turns: agents.slice(0, 9).map((agent) => ({ agent: agent.name, status: 'ok', because: 'schedule', cost_credits: 0.001, said: 1, read: 1, calls: 1, tools: 0, input_tokens: 9, output_tokens: 9, duration_ms: 9 })),
    skipped: [], messages: Array.from({ length: 5 }, (_, i) => message(i)), problems: [], charged: 0.01, files: [], born: [],
  }),
  '/api/status': () => ({
    org: 'A thousand', store: '/nowhere', tick: TICKS, clock: TICKS, time: new Date(1_701_200_000_000).toISOString(), paused: false, open: null,
    agents, budget: null, waiting_ingress: 0, problems: [],
  }),
  '/api/org-graph': () => ({
    nodes: agents.map(({ name: agent, title }) => ({ name: agent, title, enabled: true, woken_by_mail: true })),
    edges, max_hops: 20, broken: {}, notes: { unreachable: [], mute: [], only_people_reach: [], disabled: [], loops: [], gaps: [] },
  }),
};

describe('a thousand agents and a hundred thousand messages', () => {
  const stage = staged(desk);

  for (const path of ['/', '/?view=list', '/agents', '/messages', '/timeline']) {
    test(`${path} stays small however far one scrolls`, async (t) => {
      const { page, context, witness } = await open(stage.server.origin, { path: '/settings' });
      t.after(() => context.close());
      for (const [wanted, answer] of Object.entries(answers)) {
        await page.route((url) => url.pathname === wanted, (route) => {
          if (route.request().method() !== 'GET') return route.continue();
          return route.fulfill({ json: answer(new URL(route.request().url())) });
        });
      }
      await page.evaluate(() => (/** @type {any} */ (window).__longTasks = []));
      await visit(page, path);
      if (path === '/' || path === '/timeline') await page.locator('canvas.is-ready').first().waitFor({ timeout: 120_000 });
      let most = 0;
      for (let i = 0; i < 12; i += 1) {
        most = Math.max(most, await page.locator('*').count());
        await page.evaluate(() => {
          for (const part of [document.scrollingElement, ...document.querySelectorAll('main, main *')]) {
            if (part && part.scrollHeight > part.clientHeight + 10) part.scrollTop = part.scrollHeight;
          }
        });
        await settled(page);
      }
      assert.ok(most < ELEMENTS, `${most} elements`);
      const slow = await page.evaluate(() => /** @type {any} */ (window).__longTasks.filter((/** @type {number} */ ms) => ms > 200));
      t.diagnostic(`${path}: at most ${most} elements; tasks above 200 ms: ${slow.length ? slow.join(', ') : 'none'}`);
      await witness.clears();
    });
  }
});
