/** A conversation as a tree: what answers what. */
import { html, useEffect, useMemo, useRef, useState } from '../../lib/preact.js';
import { AgentChip, Badge, Button, Card, Empty, Failure, Icon, JsonView, Line, Loading, Markdown, PageHead, Recipients, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, plural, words } from '../../lib/format.js';
import { useKept } from '../../lib/kept.js';
import { useRoster } from '../../lib/roster.js';
import { at } from '../../lib/scope.js';
import { may, me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { line } from '../../lib/text.js';
import { useWholeList } from '../../lib/whole-list.js';
import { href } from '../../router.js';
import { Compose } from './compose.js';

/** Deeper answers are not indented further: a phone has no room for it. */
const DEEPEST = 6;

/** @param {{ params: Record<string, string>, query: Record<string, string> }} props */
export default function Thread({ params, query }) {
  const tick = useSignal(at);
  useSignal(me);
  const roster = useRoster();
  const names = useMemo(() => (roster.agents ?? []).map((agent) => agent.name), [roster.agents]);
  const [answers, setAnswers] = useState(/** @type {any} */ (null));
  const known = useRef(/** @type {Set<string>} */ (new Set()));
  const thread = useKept(
    useWholeList(`/threads/${segment(params.id)}`, 'messages', {
      live: ['message', 'tick_closed'],
      concerns: (event) => {
        const message = event.message;
        if (!message) return true;
        return message.thread_id === params.id || known.current.has(message.thread_id ?? '') || known.current.has(message.reply_to ?? '');
      },
    }),
  );
  // In the past, what was not said yet is not shown.
  const messages = useMemo(() => (thread.data?.items ?? []).filter((/** @type {any} */ message) => tick === null || message.tick <= tick), [thread.data, tick]);
  known.current = new Set([...messages.map((/** @type {any} */ message) => message.id), thread.data?.first?.thread_id ?? params.id]);
  const who = useMemo(() => [...new Set(messages.map((/** @type {any} */ message) => message.from))], [messages]);
  const root = messages[0];

  useEffect(() => {
    if (!query.message || !messages.length) return;
    document.getElementById(`message-${query.message}`)?.scrollIntoView({ block: 'center' });
  }, [query.message, messages.length > 0]);

  return html`<div class="page">
    <${PageHead}
      title="Conversation"
      hint=${root ? html`${plural(messages.length, 'message')} by ${who.length > 3 ? plural(who.length, 'voice') : who.map((name, i) => html`${i ? ', ' : ''}${line(name, 60)}`)}` : undefined}
      back=${{ href: href('/messages'), label: 'Messages' }}
      actions=${root && may('send') ? html`<${Button} kind="primary" icon="reply" onClick=${() => setAnswers(messages[messages.length - 1])}>Answer<//>` : null}
    />
    ${thread.data === null
      ? thread.error
        ? html`<${Failure} error=${thread.error} onRetry=${thread.reload} />`
        : html`<${Card}><${Loading} label="The conversation" rows=${6} /><//>`
      : !messages.length
        ? html`<${Card}><${Empty} icon="messages" title="Nothing of it was said yet">It began after this tick.<//><//>`
        : html`<ol class="tree" aria-label="Messages">
            ${messages.map(
              (/** @type {any} */ message) => html`<li key=${message.id} class=${`tree-item depth-${Math.min(message.depth ?? 0, DEEPEST)}`}>
                <${TreeMessage} message=${message} parent=${messages.find((/** @type {any} */ other) => other.id === message.reply_to)} isChosen=${query.message === message.id} onAnswer=${may('send') ? () => setAnswers(message) : null} />
              </li>`,
            )}
          </ol>
          ${thread.data.first?.more ? html`<p class="quiet small">There is more of it than is shown here.</p>` : null}`}
    ${answers ? html`<${Compose} names=${names} answers=${answers} onClose=${() => setAnswers(null)} onSent=${thread.reload} />` : null}
  </div>`;
}

/** @param {{ message: any, parent: any, isChosen: boolean, onAnswer: (() => void) | null }} props */
function TreeMessage({ message, parent, isChosen, onAnswer }) {
  const { text: _, ...rest } = message.payload ?? {};
  const more = Object.keys(rest).length;
  return html`<article class=${`tree-message ${isChosen ? 'tree-chosen' : ''}`} id=${`message-${message.id}`} aria-current=${isChosen ? 'true' : undefined} aria-label=${`From ${line(message.from, 60)}, level ${(message.depth ?? 0) + 1}`}>
    <header class="tree-head">
      <${AgentChip} name=${message.from} /><span class="quiet" aria-hidden="true">→</span><span class="sr-only">to</span><${Recipients} to=${message.to} max=${4} />
      <span class="tree-when small quiet"><a class="quiet-link" href=${href(`/ticks/${message.tick}/turns/${segment(message.from)}`)} hidden=${message.from === 'human'}>tick ${count(message.tick)}</a> <${Time} value=${message.created_at} /></span>
    </header>
    ${parent && (message.depth ?? 0) > DEEPEST ? html`<p class="quiet small"><${Icon} name="reply" size=${13} /> answers ${line(parent.from, 60)}: <${Line} value=${parent.text} max=${60} /></p>` : null}
    <${Markdown} value=${message.text} />
    ${more ? html`<details class="payload"><summary>${plural(more, 'more field')}</summary><${JsonView} value=${rest} label="The payload" /></details>` : null}
    <footer class="tree-foot">
      <${Badge} tone=${message.kind === 'request' ? 'info' : message.kind === 'response' ? 'ok' : 'quiet'}>${words(message.kind)}<//>
      ${message.importance && message.importance !== 'normal' ? html`<${Badge} tone="warn">${words(message.importance)}<//>` : null}
      ${(message.tags ?? []).map((/** @type {string} */ tag) => html`<a key=${tag} class="tag-link" href=${href('/messages', { tag })}>#<${Line} value=${tag} max=${40} /></a>`)}
      ${onAnswer ? html`<span class="tree-answer"><${Button} small kind="ghost" icon="reply" onClick=${onAnswer}>Answer<//></span>` : null}
    </footer>
  </article>`;
}
