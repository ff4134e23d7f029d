/** The shell around every page: navigation, header, banner of the past, and the states of the whole. */
import { html, useEffect, useErrorBoundary, useMemo, useRef, useState } from './lib/preact.js';
import { Dialog, Empty, Failure, Icon, Loading, Toasts } from './lib/components/index.js';
import { ApiError } from './lib/api.js';
import { openProblems, waitingApprovals } from './lib/attention.js';
import { visible } from './lib/text.js';
import { connection } from './lib/live.js';
import { at, org } from './lib/scope.js';
import { keyNeeded, may, me, status, statusError } from './lib/session.js';
import { useSignal } from './lib/store.js';
import { Header } from './header.js';
import { href, match, place } from './router.js';
import { PastBanner } from './past-banner.js';
import { routes } from './routes.js';
import { loadStyle, wearStyles } from './lib/style-sheet.js';

const GROUPS = /** @type {const} */ ([
  ['see', 'See'],
  ['talk', 'Talk'],
  ['steer', 'Steer'],
]);

export function App() {
  const needed = useSignal(keyNeeded);
  const where = useSignal(place);
  useSignal(at);
  const which = useSignal(org);
  const isKnown = useSignal(me) !== null;
  const hasFailed = useSignal(statusError) !== null;
  const found = useMemo(() => {
    for (const route of routes) {
      const params = match(route.path, where.path);
      if (params) return { route, params };
    }
    return null;
  }, [where.path]);
  const [isMenuOpen, setMenuOpen] = useState(false);
  useEffect(() => setMenuOpen(false), [where.path]);
  if (needed) return html`<${SignIn} /><${Toasts} />`;
  return html`
    <a class="skip" href="#main" onClick=${skip}>To the content</a>
    <div class="shell">
      <nav class="sidebar" aria-label="Pages">
        <a class="brand" href=${href('/')}><img src="icon.svg" alt="" width="26" height="26" /><span>LeMMing</span></a>
        <${NavigationLists} here=${where.path} />
      </nav>
      <div class="column">
        <${Header} />
        <${PastBanner} />
        <main id="main" tabindex="-1">
          ${!isKnown && !hasFailed
            ? html`<div class="page"><h1 class="sr-only">${found?.route.title ?? 'LeMMing'}</h1><${Loading} label="The organisation" rows=${6} /></div>`
            : found ? html`<${Page} key=${`${found.route.path}\n${which}`} route=${found.route} params=${found.params} query=${where.query} />` : html`<${Nowhere} />`}
        </main>
      </div>
      <nav class="foot-bar" aria-label="Main pages">
        ${routes.filter((route) => route.nav?.main).map((route) => html`<${FootLink} key=${route.path} route=${route} here=${where.path} />`)}
        <button type="button" class="foot-link" aria-current=${routes.some((route) => route.nav?.main && isWithin(route.path, where.path)) ? undefined : 'true'} onClick=${() => setMenuOpen(true)} aria-haspopup="dialog"><${Icon} name="menu" size=${20} /><span>More</span></button>
      </nav>
    </div>
    ${isMenuOpen
      ? html`<${Dialog} title="Pages" side onClose=${() => setMenuOpen(false)}>
          <nav aria-label="All pages" class="drawer"><${NavigationLists} here=${where.path} within="drawer" /></nav>
        <//>`
      : null}
    <${Toasts} />
  `;
}

/** @param {MouseEvent} event */
function skip(event) {
  // The hash belongs to the router.
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** @param {{ here: string, within?: string }} props `within` tells the two places of it apart */
function NavigationLists({ here, within = 'side' }) {
  const known = useSignal(me);
  const counts = /** @type {Record<string, import('./lib/attention.js').Count>} */ ({ '/problems': useSignal(openProblems), '/approvals': useSignal(waitingApprovals) });
  return GROUPS.map(([group, title]) => {
    const inGroup = routes.filter((route) => route.nav?.group === group && (!route.nav.scope || !known || may(route.nav.scope)));
    return html`<div key=${group} class="nav-group">
      <p class="nav-title" id=${`${within}-${group}`}>${title}</p>
      <ul aria-labelledby=${`${within}-${group}`}>
        ${inGroup.map((route) => {
          const isHere = isWithin(route.path, here);
          const count = counts[route.path];
          return html`<li key=${route.path}>
            <a class="nav-link" href=${href(route.path)} aria-current=${isHere ? 'page' : undefined}>
              <${Icon} name=${route.nav?.icon} /><span>${route.title}</span>
              ${count?.number ? html`<span class=${`nav-count ${route.path === '/approvals' ? 'nav-count-warn' : ''}`}>${count.number}${count.isMore ? '+' : ''}<span class="sr-only"> open</span></span>` : null}
            </a>
          </li>`;
        })}
      </ul>
    </div>`;
  });
}

/** @param {{ route: import('./routes.js').Route, here: string }} props */
function FootLink({ route, here }) {
  return html`<a class="foot-link" href=${href(route.path)} aria-current=${isWithin(route.path, here) ? 'page' : undefined}>
    <${Icon} name=${route.nav?.icon} size=${20} /><span>${route.title}</span>
  </a>`;
}

/**
 * @param {string} path of the navigation
 * @param {string} here
 */
function isWithin(path, here) {
  if (path === '/') return here === '/';
  if (path === '/messages' && here.startsWith('/threads/')) return true;
  if (path === '/timeline' && (here.startsWith('/ticks/') || here === '/diff')) return true;
  return here === path || here.startsWith(`${path}/`);
}

/**
 * A page, loaded when it is first looked at. What it throws is shown in its place; the shell goes on.
 * @param {{ route: import('./routes.js').Route, params: Record<string, string>, query: Record<string, string> }} props
 */
function Page({ route, params, query }) {
  const [loaded, setLoaded] = useState(/** @type {{ Component: any } | null} */ (null));
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null));
  const isConnected = useSignal(connection) !== 'offline';
  const [thrown, reset] = useErrorBoundary((error) => console.error(error));
  const first = useRef(true);
  const wasOffline = useRef(false);
  useEffect(() => {
    let current = true;
    Promise.all([route.load(), ...(route.styles ?? []).map(loadStyle)]).then(
      ([module]) => {
        if (!current) return;
        wearStyles(route.styles ?? []);
        setLoaded({ Component: module.default });
      },
      (error) =>
        current &&
        setFailure(new ApiError({ code: 'unreachable', message: 'this page could not be loaded', hint: error instanceof Error ? error.message : undefined })),
    );
    return () => {
      current = false;
    };
  }, []);
  useEffect(() => {
    // A module that could not be fetched may be remembered as broken: only a new page surely asks again. All state is in the address.
    if (failure && wasOffline.current && isConnected) location.reload();
    wasOffline.current = !isConnected;
  }, [failure, isConnected]);
  const identity = JSON.stringify(params);
  useEffect(() => {
    if (!loaded) return;
    const own = Object.values(params).join(' · ');
    document.title = [own && visible(own), route.title, 'LeMMing'].filter(Boolean).join(' · ');
    // Who goes to a page by keyboard begins at its head; the first page leaves the focus alone.
    if (!first.current || document.body.dataset.visited) document.getElementById('page-title')?.focus({ preventScroll: true });
    first.current = false;
    document.body.dataset.visited = 'yes';
    document.getElementById('main')?.scrollTo(0, 0);
  }, [loaded, identity]);
  if (thrown || failure) {
    const error = failure ?? ApiError.from(thrown);
    return html`<div class="page"><h1 class="sr-only" id="page-title" tabindex="-1">${route.title}</h1>
      <${Failure} error=${error} onRetry=${() => (failure ? location.reload() : reset())} /></div>`;
  }
  if (!loaded) return html`<div class="page"><h1 class="sr-only">${route.title}</h1><${Loading} label=${route.title} rows=${6} /></div>`;
  return html`<${Standing} /><${loaded.Component} key=${identity} params=${params} query=${query} />`;
}

/** Why the organisation itself cannot be seen, where that is so. */
function Standing() {
  const error = useSignal(statusError);
  const known = useSignal(status);
  if (!error || known) return null;
  return html`<div class="page page-notice"><${Failure} error=${error} compact onRetry=${() => location.reload()} /></div>`;
}

function Nowhere() {
  return html`<div class="page">
    <h1 class="sr-only" id="page-title" tabindex="-1">No such page</h1>
    <${Empty} icon="search" title="There is no such page" action=${html`<a class="button button-primary" href=${href('/')}>To the organisation</a>`} />
  </div>`;
}

/** The page that asks for a key. */
function SignIn() {
  const [Form, setForm] = useState(/** @type {{ Component: any } | null} */ (null));
  useEffect(() => {
    document.title = 'Sign in · LeMMing';
    void Promise.all([import('./pages/sign-in/page.js'), loadStyle('pages/sign-in/page.css')]).then(([module]) => {
      wearStyles(['pages/sign-in/page.css']);
      setForm({ Component: module.default });
    });
  }, []);
  return html`<main id="main" class="alone" tabindex="-1">${Form ? html`<${Form.Component} />` : html`<${Loading} />`}</main>`;
}
