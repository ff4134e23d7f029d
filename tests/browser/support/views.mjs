/** The addresses of all views of the dashboard, with what an organisation has to show in each. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './packages.mjs';

/**
 * Every route of `src/ui/routes.js`, and the tabs of those that have some, filled with what exists. A route that is
 * not known here is an error, so that no new page goes untested.
 * @param {import('./place.mjs').Place} place
 */
export async function views(place) {
  const { routes } = await import(pathToFileURL(join(root, 'src/ui/routes.js')).href);
  const { agents } = await place.json('status');
  const { messages } = await place.json('messages', '--limit', '1000');
  const ticks = (await place.json('ticks')).ticks.map((line) => line.tick);
  const name = (agents.find((agent) => agent.last_turn) ?? agents[0])?.name ?? 'nobody';
  const last = ticks[0] ?? 1;
  const turn = agents.find((agent) => agent.last_turn);
  /** @type {Record<string, string[]>} */
  const known = {
    '/': ['/', ...agents.slice(0, 1).map((agent) => `/?agent=${agent.name}`)],
    '/timeline': ['/timeline'],
    '/timeline/:tick': ticks.length ? [`/timeline/${last}`] : [],
    '/diff': ticks.length ? [`/diff?from=0&to=${last}`] : [],
    '/agents': ['/agents'],
    '/agents/:name': agents.length ? [`/agents/${name}`] : [],
    '/ticks/:tick/turns/:name': turn ? [`/ticks/${turn.last_turn.tick}/turns/${turn.name}`] : [],
    '/messages': ['/messages'],
    '/threads/:id': messages.length ? [`/threads/${messages.at(-1).id}`] : [],
    '/chat': ['/chat'],
    '/chat/:name': agents.length ? [`/chat/${name}`] : [],
    '/approvals': ['/approvals', '/approvals?tab=answered'],
    '/problems': ['/problems'],
    '/spend': ['/spend', ...spendTabs.map((tab) => `/spend?tab=${tab}`)],
    '/new-agent': ['/new-agent'],
    '/settings': ['/settings', ...settingsTabs.map((tab) => `/settings?tab=${tab}`)],
  };
  return routes.flatMap((route) => {
    if (!known[route.path]) throw new Error(`no test knows the view ${route.path}: add it to tests/browser/support/views.mjs`);
    return known[route.path];
  });
}

/** The tabs of an agent's view. */
export const agentTabs = ['overview', 'resume', 'schedule', 'mail', 'memory', 'files', 'credits', 'turns'];

/** The further tabs of the views that have some. */
const spendTabs = ['accounts', 'ledger'];
const settingsTabs = ['models', 'tools', 'deliveries', 'ingress', 'templates', 'keys', 'about'];
