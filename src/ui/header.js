/** The head of every page: which organisation, how it stands, how the connection stands, and what rules them all. */
import { html, useState } from './lib/preact.js';
import { Badge, Button, Icon, Name, Time, say, sayError, useNarrow } from './lib/components/index.js';
import { send } from './lib/api.js';
import { count } from './lib/format.js';
import { key } from './lib/key.js';
import { connection } from './lib/live.js';
import { at, org } from './lib/scope.js';
import { loadStatus, may, me, orgs, signOut, status } from './lib/session.js';
import { useSignal } from './lib/store.js';
import { line } from './lib/text.js';
import { setTheme, theme } from './lib/theme.js';
import { chooseOrg } from './router.js';

export function Header() {
  const known = useSignal(status);
  const rights = useSignal(me);
  const present = useSignal(at) === null;
  return html`<header class="header">
    <${OrgName} name=${known?.org} />
    <div class="header-facts">
      ${known
        ? html`<span class="fact" title="The last tick, and the clock by which agents are scheduled"
              ><${Icon} name="clock" size=${15} /><span>tick <b class="nums">${count(known.tick)}</b></span>
              <span class="quiet fact-wide">clock ${count(known.clock)}</span></span
            >
            ${known.time ? html`<span class="quiet small fact-wide"><${Time} value=${known.time} ago /></span>` : null}
            ${known.paused ? html`<${Badge} tone="warn">paused<//>` : known.open ? html`<${Badge} tone="accent"><span class="pulse" aria-hidden="true"></span>tick is running<//>` : null}`
        : null}
    </div>
    <div class="row header-actions">
      ${known && present ? html`<${Controls} paused=${known.paused} wakes=${rights?.wakes ?? false} />` : null}
      <${ConnectionState} />
      <${ThemeSwitch} />
      <${SignOut} />
    </div>
  </header>`;
}

/** @param {{ name: string | undefined }} props */
function OrgName({ name }) {
  const list = useSignal(orgs);
  const which = useSignal(org);
  if (list.length < 2) return html`<p class="org-name">${name ? html`<${Name} value=${name} />` : html`<span class="quiet">…</span>`}</p>`;
  /** Two may have one title: then the folder says which is which. */
  const titled = (/** @type {import('./lib/types.js').OrgLine} */ one) => {
    const isShared = list.filter((other) => other.title === one.title).length > 1;
    return one.title && isShared ? `${line(one.title, 48)} (${one.name})` : line(one.title ?? one.name, 48);
  };
  const chosen = which ?? list.find((one) => one.is_default)?.name ?? '';
  return html`<label class="org-switch">
    <span class="sr-only">Organisation</span>
    <select class="input org-select" value=${chosen} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>
      ${list.map((one) => html`<option key=${one.name} value=${one.name} selected=${one.name === chosen}>${titled(one)}</option>`)}
    </select>
  </label>`;

  /** @param {string} next */
  function choose(next) {
    chooseOrg(list.find((one) => one.name === next)?.is_default ? null : next);
  }
}

/** @param {{ paused: boolean, wakes: boolean }} props */
function Controls({ paused, wakes }) {
  const [busy, setBusy] = useState(/** @type {'tick' | 'pause' | null} */ (null));
  const isNarrow = useNarrow();
  if (!may('control')) return null;
  /**
   * @param {'tick' | 'pause'} which
   * @param {() => Promise<unknown>} act
   * @param {string} done
   */
  const run = async (which, act, done) => {
    setBusy(which);
    try {
      await act();
      say(done);
      await loadStatus();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(null);
    }
  };
  return html`${wakes
      ? html`<${Button} small kind=${isNarrow ? 'ghost' : 'plain'} icon="bolt" busy=${busy === 'tick'} label=${isNarrow ? 'Run a tick' : undefined}
          onClick=${() => run('tick', () => send('POST', '/engine/tick', {}), 'A tick was started')}>${isNarrow ? undefined : 'Run a tick'}<//>`
      : null}
    <${Button} small kind="ghost" icon=${paused ? 'play' : 'pause'} busy=${busy === 'pause'}
      label=${paused ? 'Let the organisation go on' : 'Let the organisation rest'}
      onClick=${() => run('pause', () => send('PUT', '/paused', { paused: !paused }), paused ? 'It goes on with the next tick' : 'It rests from the next tick on')} />`;
}

const CONNECTIONS = /** @type {const} */ ({
  connecting: ['quiet', 'connecting'],
  live: ['ok', 'live'],
  polling: ['info', 'live, by asking'],
  offline: ['bad', 'disconnected'],
});

function ConnectionState() {
  const now = useSignal(connection);
  const [tone, word] = CONNECTIONS[now];
  return html`<span class=${`connection tone-${tone}`} role="status" title=${`Connection: ${word}`}>
    ${now === 'offline' ? html`<${Icon} name="offline" size=${16} />` : html`<span class=${`connection-dot ${now === 'live' ? 'is-live' : ''}`} aria-hidden="true"></span>`}
    <span class="connection-word">${word}</span>
  </span>`;
}

const NEXT = /** @type {const} */ ({ auto: 'light', light: 'dark', dark: 'auto' });
const ICONS = /** @type {const} */ ({ auto: 'auto', light: 'sun', dark: 'moon' });
const WORDS = /** @type {const} */ ({ auto: 'as the system', light: 'light', dark: 'dark' });

function ThemeSwitch() {
  const now = useSignal(theme);
  return html`<${Button} kind="ghost" small icon=${ICONS[now]} label=${`Theme: ${WORDS[now]}. Change to ${WORDS[NEXT[now]]}`} onClick=${() => setTheme(NEXT[now])} />`;
}

function SignOut() {
  const entered = useSignal(key);
  const rights = useSignal(me);
  if (!entered) return null;
  return html`<${Button} kind="ghost" small icon="signOut" label=${`Forget the key${rights?.key ? ` ${line(rights.key, 40)}` : ''}`} onClick=${signOut} />`;
}
