/** What was said: all messages with a search, or conversations. */
import { html, useMemo, useState } from '../../lib/preact.js';
import { Button, Empty, Failure, Loading, PageHead } from '../../lib/components/index.js';
import { useRoster } from '../../lib/roster.js';
import { at } from '../../lib/scope.js';
import { may, me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { setQuery } from '../../router.js';
import { Compose } from './compose.js';
import { Feed } from './feed.js';
import { FILTERS, Filters } from './filters.js';
import { useHistory } from './history.js';
import { ThreadList } from './thread-list.js';

/** @param {{ query: Record<string, string> }} props */
export default function Messages({ query }) {
  useSignal(at);
  useSignal(me);
  const roster = useRoster();
  const [isWriting, setWriting] = useState(false);
  const names = useMemo(() => (roster.agents ?? []).map((agent) => agent.name), [roster.agents]);
  const isThreads = query.view === 'threads';
  return html`<div class="page-full messages-page">
    <${PageHead}
      title="Messages"
      hint=${isThreads ? 'Conversations, the liveliest first' : 'Everything that was said, the newest first'}
      actions=${html`
        <div class="segmented" role="group" aria-label="Show">
          <${Button} small pressed=${!isThreads} onClick=${() => setQuery({ view: null })}>Messages<//>
          <${Button} small pressed=${isThreads} onClick=${() => setQuery({ view: 'threads' })}>Conversations<//>
        </div>
        ${may('send') ? html`<${Button} kind="primary" icon="edit" onClick=${() => setWriting(true)}>Write<//>` : null}
      `}
    />
    ${isThreads ? html`<${ThreadList} />` : html`<${Filters} query=${query} names=${names} /><${All} query=${query} onWrite=${() => setWriting(true)} />`}
    ${isWriting ? html`<${Compose} names=${names} onClose=${() => setWriting(false)} />` : null}
  </div>`;
}

/** @param {{ query: Record<string, string>, onWrite: () => void }} props */
function All({ query, onWrite }) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, query[name]]));
  const history = useHistory(wanted);
  const isFiltered = FILTERS.some((name) => query[name]);
  if (history.loading) return html`<div class="card feed-card"><${Loading} label="Messages" rows=${8} /></div>`;
  if (history.error && !history.items.length) return html`<${Failure} error=${history.error} onRetry=${history.reload} />`;
  if (!history.items.length && !history.hasMore) {
    return html`<div class="card feed-card">
      ${isFiltered
        ? html`<${Empty} icon="search" title="No message is like that" action=${html`<${Button} onClick=${() => setQuery(Object.fromEntries(FILTERS.map((name) => [name, null])))}>Clear the search<//>`}>Fewer words or filters may find it.<//>`
        : html`<${Empty} icon="messages" title="Nothing was said yet" action=${may('send') ? html`<${Button} kind="primary" icon="edit" onClick=${onWrite}>Write a message<//>` : null}>Messages of people and agents stand here as they are sent.<//>`}
    </div>`;
  }
  return html`<div class="card feed-card"><${Feed} key=${JSON.stringify(wanted)} history=${history} label=${isFiltered ? 'Messages that were found' : 'All messages'} /></div>`;
}
