/**
 * The table of pages. Each is loaded when it is first looked at; its module exports the component as `default`.
 *
 * `nav` puts it into the navigation; `main` of that keeps it in the bar at the foot of a phone.
 */

/**
 * @typedef {Object} Route
 * @property {string} path
 * @property {string} title
 * @property {() => Promise<{ default: (props: { params: Record<string, string>, query: Record<string, string> }) => any }>} load
 * @property {string[]} [styles] relative to the dashboard's root
 * @property {{ icon: import('./lib/icons.js').IconName, group: 'see' | 'talk' | 'steer', main?: boolean, scope?: import('./lib/types.js').Scope }} [nav]
 */

/** @type {Route[]} */
export const routes = [
  {
    path: '/',
    title: 'Organisation',
    load: () => import('./pages/organisation/page.js'),
    styles: ['pages/organisation/page.css'],
    nav: { icon: 'graph', group: 'see', main: true },
  },
  {
    path: '/timeline',
    title: 'Timeline',
    load: () => import('./pages/timeline/page.js'),
    styles: ['pages/timeline/page.css'],
    nav: { icon: 'timeline', group: 'see', main: true },
  },
  {
    path: '/timeline/:tick',
    title: 'Tick',
    load: () => import('./pages/timeline/page.js'),
    styles: ['pages/timeline/page.css'],
  },
  {
    path: '/diff',
    title: 'What changed',
    load: () => import('./pages/timeline/diff.js'),
    styles: ['pages/timeline/page.css'],
  },
  {
    path: '/agents',
    title: 'Agents',
    load: () => import('./pages/agents/page.js'),
    styles: ['pages/agents/page.css'],
    nav: { icon: 'agents', group: 'see', main: true },
  },
  {
    path: '/agents/:name',
    title: 'Agent',
    load: () => import('./pages/agents/agent.js'),
    styles: ['pages/agents/page.css'],
  },
  {
    path: '/ticks/:tick/turns/:name',
    title: 'Turn',
    load: () => import('./pages/agents/turn.js'),
    styles: ['pages/agents/page.css'],
  },
  {
    path: '/messages',
    title: 'Messages',
    load: () => import('./pages/messages/page.js'),
    styles: ['pages/messages/page.css'],
    nav: { icon: 'messages', group: 'talk', main: true },
  },
  {
    path: '/threads/:id',
    title: 'Conversation',
    load: () => import('./pages/messages/thread.js'),
    styles: ['pages/messages/page.css'],
  },
  {
    path: '/chat',
    title: 'Chat',
    load: () => import('./pages/chat/page.js'),
    styles: ['pages/chat/page.css'],
    nav: { icon: 'chat', group: 'talk' },
  },
  {
    path: '/chat/:name',
    title: 'Chat',
    load: () => import('./pages/chat/page.js'),
    styles: ['pages/chat/page.css'],
  },
  {
    path: '/approvals',
    title: 'Approvals',
    load: () => import('./pages/approvals/page.js'),
    styles: ['pages/approvals/page.css'],
    nav: { icon: 'approvals', group: 'talk' },
  },
  {
    path: '/problems',
    title: 'Problems',
    load: () => import('./pages/problems/page.js'),
    styles: ['pages/problems/page.css'],
    nav: { icon: 'problems', group: 'steer' },
  },
  {
    path: '/spend',
    title: 'Spend',
    load: () => import('./pages/spend/page.js'),
    styles: ['pages/spend/page.css'],
    nav: { icon: 'spend', group: 'steer' },
  },
  {
    path: '/new-agent',
    title: 'New agent',
    load: () => import('./pages/new-agent/page.js'),
    styles: ['pages/new-agent/page.css'],
    nav: { icon: 'plus', group: 'steer', scope: 'edit' },
  },
  {
    path: '/settings',
    title: 'Settings',
    load: () => import('./pages/settings/page.js'),
    styles: ['pages/settings/page.css'],
    nav: { icon: 'settings', group: 'steer' },
  },
];
