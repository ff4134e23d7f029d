/** A message in a few lines: who to whom, what kind, when, and how it begins. It leads to its conversation. */
import { html } from '../preact.js';
import { segment } from '../api.js';
import { count, words } from '../format.js';
import { href } from '../../router.js';
import { AgentChip, Recipients } from './agent-chip.js';
import { Badge } from './badge.js';
import { Line } from './text.js';
import { Time } from './time.js';

/**
 * @param {{ message: import('../types.js').Message, max?: number }} props `max`: characters of the text
 */
export function MessageLine({ message, max = 240 }) {
  return html`<article class="message-line">
    <header class="message-line-head">
      <${AgentChip} name=${message.from} /><span class="quiet" aria-label="to">→</span><${Recipients} to=${message.to} max=${3} />
    </header>
    <p class="message-line-text"><${Line} value=${message.text} max=${max} /></p>
    <footer class="message-line-foot">
      <${Badge}>${words(message.kind)}<//>${message.importance && message.importance !== 'normal' ? html`<${Badge} tone="warn">${words(message.importance)}<//>` : null}
      <a href=${href(`/timeline/${message.tick}`)}>tick ${count(message.tick)}</a>
      <${Time} value=${message.created_at} />
      <a href=${href(`/threads/${segment(message.thread_id ?? message.id)}`)}>Conversation</a>
    </footer>
  </article>`;
}
