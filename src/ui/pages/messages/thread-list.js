/** Conversations, the one with the newest message first. */
import { html } from '../../lib/preact.js';
import { Avatar, Button, Empty, Failure, Line, Loading, Name, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { usePages } from '../../lib/resource.js';
import { href } from '../../router.js';

const FACES = 5;

export function ThreadList() {
  const threads = usePages('/threads', 'threads', { id: (/** @type {any} */ thread) => thread.id, query: { limit: 50 }, live: ['message', 'tick_closed'] });
  if (threads.loading) return html`<div class="card feed-card"><${Loading} label="Conversations" rows=${8} /></div>`;
  if (threads.error && !threads.items.length) return html`<${Failure} error=${threads.error} onRetry=${threads.reload} />`;
  if (!threads.items.length && !threads.hasMore) return html`<div class="card feed-card"><${Empty} icon="messages" title="No conversations yet">A message and what answers it make one.<//></div>`;
  return html`<div class="card feed-card thread-scroll" tabindex="0" role="region" aria-label="Conversations">
    <ul class="thread-list">
      ${threads.items.map((thread) => {
        const who = /** @type {string[]} */ (thread.who ?? []);
        return html`<li key=${thread.id}>
          <a class="thread-line" href=${href(`/threads/${segment(thread.id)}`)}>
            <span class="faces" aria-hidden="true">${who.slice(0, FACES).map((name) => html`<${Avatar} key=${name} name=${name} />`)}</span>
            <span class="thread-body">
              <span class="thread-text"><${Line} value=${thread.last} max=${200} /></span>
              <span class="thread-who quiet small">${who.map((name, i) => html`${i ? ', ' : ''}<${Name} value=${name} />`)}</span>
            </span>
            <span class="thread-meta quiet small"><${Time} value=${thread.last_at} /><span class="nums">${plural(thread.messages ?? 0, 'message')}</span></span>
          </a>
        </li>`;
      })}
    </ul>
    ${threads.hasMore ? html`<p class="more-row"><${Button} busy=${threads.loadingMore} onClick=${threads.loadMore}>Older conversations<//></p>` : null}
  </div>`;
}
