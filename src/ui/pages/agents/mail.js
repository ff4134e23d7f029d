/** What an agent may read, and what it said. */
import { html } from '../../lib/preact.js';
import { Badge, Button, Card, Empty, Failure, Loading, MessageLine } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { usePages } from '../../lib/resource.js';
import { at } from '../../lib/scope.js';
import { useSignal } from '../../lib/store.js';
import { setQuery } from '../../router.js';

const BOXES = /** @type {const} */ ([
  ['inbox', 'Inbox'],
  ['unread', 'Unread'],
  ['outbox', 'Outbox'],
]);

/** @param {{ agent: any, query: Record<string, string> }} props */
export function MailTab({ agent, query }) {
  useSignal(at);
  const box = BOXES.find(([id]) => id === query.box)?.[0] ?? 'inbox';
  const isOut = box === 'outbox';
  const path = isOut ? '/messages' : `/agents/${segment(agent.name)}/inbox`;
  const list = usePages(path, 'messages', {
    id: (/** @type {any} */ message) => message.id,
    query: isOut ? { from: agent.name, limit: 50 } : { unread: box === 'unread' ? true : null, limit: 50 },
    live: ['message', 'turn_committed', 'tick_closed'],
    concerns: (event) => event.type === 'tick_closed' || (event.type === 'message' ? Boolean(event.message && (event.message.from === agent.name || !event.message.to || event.message.to.includes(agent.name))) : event.agent === agent.name),
  });
  return html`<div class="segmented" role="group" aria-label="Which mail">
      ${BOXES.map(
        ([id, title]) => html`<${Button} key=${id} small pressed=${box === id} onClick=${() => setQuery({ box: id === 'inbox' ? null : id })}>${title}${id === 'unread' && agent.unread ? ` (${agent.unread})` : ''}<//>`,
      )}
    </div>
    <${Card}>
      ${list.loading
        ? html`<${Loading} label="Mail" rows=${6} />`
        : list.error && !list.items.length
          ? html`<${Failure} error=${list.error} onRetry=${list.reload} />`
          : !list.items.length && !list.hasMore
            ? html`<${Empty} icon="inbox" title=${box === 'unread' ? 'Nothing waits to be read' : isOut ? 'It has said nothing yet' : 'No mail yet'}>${isOut ? 'What it says in its turns stands here.' : 'It reads the agents whom its resume names, and people who write to it.'}<//>`
            : html`<ul class="mail-list">
                  ${list.items.map((message) => html`<li key=${message.id}>${message.unread ? html`<span class="mail-unread"><${Badge} tone="accent">unread<//></span>` : null}<${MessageLine} message=${message} max=${400} /></li>`)}
                </ul>
                ${list.hasMore ? html`<p class="more-row"><${Button} busy=${list.loadingMore} onClick=${list.loadMore}>Older<//></p>` : null}
                ${list.error ? html`<${Failure} error=${list.error} compact onRetry=${list.loadMore} />` : null}`}
    <//>`;
}
