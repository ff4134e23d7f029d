/** A conversation with one agent. */
import { html, useLayoutEffect, useMemo, useRef, useState } from '../../lib/preact.js';
import { Avatar, Button, Doing, Empty, Failure, Icon, LinkButton, Loading, Line, Markdown, Name, Time } from '../../lib/components/index.js';
import { ApiError, segment } from '../../lib/api.js';
import { count } from '../../lib/format.js';
import { at } from '../../lib/scope.js';
import { may, me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { line, visible } from '../../lib/text.js';
import { href } from '../../router.js';
import { newKey, sendMessage } from '../messages/sending.js';
import { Composer } from './composer.js';
import { useConversation, useWaitingMail } from './conversation.js';
import { Standing, useProgress } from './progress.js';

/** @typedef {import('../../lib/types.js').Message} Message */
/** @typedef {{ key: string, id: string | null, text: string, replyTo: string | undefined, error: ApiError | null }} Outgoing */

/** Within so many pixels of the end what arrives is followed. */
const NEAR_END = 80;

/** @param {{ name: string, agent: any, doing: string | undefined }} props */
export function Chat({ name, agent, doing }) {
  const isPast = useSignal(at) !== null;
  useSignal(me);
  const talk = useConversation(name);
  const [outgoing, setOutgoing] = useState(/** @type {Outgoing[]} */ ([]));
  const waiting = useWaitingMail(name, outgoing.filter((one) => one.id).length);
  const progress = useProgress(name, doing);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const follows = useRef(true);
  const height = useRef({ first: '', px: 0 });

  const messages = talk.messages;
  const known = useMemo(() => new Set(messages.map((message) => message.id)), [messages]);
  // What was sent here stays in sight until it is a message.
  const own = outgoing.filter((one) => !one.id || !known.has(one.id));
  const elsewhere = waiting.filter((one) => !known.has(one.id) && !outgoing.some((mine) => mine.id === one.id));
  const last = messages[messages.length - 1];
  const lastIts = useMemo(() => messages.filter((message) => message.from === name).pop(), [messages]);
  const isWaiting = own.some((one) => one.id) || elsewhere.length > 0;
  const isUnanswered = !isWaiting && !isPast && last?.from === 'human';

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const first = messages[0]?.id ?? '';
    if (follows.current) element.scrollTop = element.scrollHeight;
    // Older messages on top do not move what is being read.
    else if (height.current.first && first !== height.current.first) element.scrollTop += element.scrollHeight - height.current.px;
    height.current = { first, px: element.scrollHeight };
  }, [messages, own.length, elsewhere.length, progress.phase, talk.loading]);

  /** @param {Outgoing} one */
  const deliver = async (one) => {
    const change = (/** @type {Partial<Outgoing>} */ patch) => setOutgoing((list) => list.map((other) => (other.key === one.key ? { ...other, ...patch } : other)));
    change({ error: null });
    try {
      const sent = await sendMessage({ recipients: [name], text: one.text, reply_to: one.replyTo }, one.key);
      change({ id: String(sent?.id ?? one.key) });
    } catch (error) {
      change({ error: ApiError.from(error) });
    }
  };
  const write = (/** @type {string} */ text) => {
    const one = { key: newKey(), id: null, text, replyTo: lastIts?.id, error: null };
    follows.current = true;
    setOutgoing((list) => [...list, one]);
    void deliver(one);
  };

  return html`<section class="chat" aria-label=${`Conversation with ${line(name, 60)}`}>
    <header class="chat-head">
      <a class="chat-back button button-ghost button-icon" href=${href('/chat')} aria-label="All agents"><${Icon} name="left" /></a>
      <${Avatar} name=${name} large />
      <div class="grow"><h2 class="chat-name"><${Name} value=${name} /></h2>${agent ? html`<p class="quiet small chat-title"><${Line} value=${agent.title} max=${80} /></p>` : null}</div>
      ${agent ? html`<${Doing} doing=${doing} />` : null}
      <${LinkButton} small icon="agent" label="Its page" href=${href(`/agents/${segment(name)}`)} />
    </header>
    <div class="chat-scroll" ref=${box} tabindex="0" role="log" aria-live="polite" aria-label="Messages"
      onScroll=${(/** @type {any} */ event) => { const e = event.currentTarget; follows.current = e.scrollHeight - e.scrollTop - e.clientHeight < NEAR_END; height.current.px = e.scrollHeight; }}>
      ${talk.loading
        ? html`<${Loading} label="The conversation" rows=${5} />`
        : talk.error && !messages.length
          ? html`<${Failure} error=${talk.error} onRetry=${talk.reload} />`
          : html`
              ${talk.hasMore ? html`<p class="more-row"><${Button} small busy=${talk.loadingMore} onClick=${talk.loadMore}>Older messages<//></p>` : null}
              ${!messages.length && !own.length && !elsewhere.length
                ? html`<${Empty} icon="chat" title=${isPast ? 'Nothing was said yet' : 'Say something'}>${agent?.short_description ? visible(agent.short_description) : 'Nobody has talked with it yet.'}<//>`
                : null}
              ${messages.map((message, i) => html`<${Bubble} key=${message.id} message=${message} isMine=${message.from === 'human'} follows=${messages[i - 1]?.from === message.from && messages[i - 1]?.tick === message.tick} />`)}
              ${elsewhere.map((one) => html`<div key=${one.id} class="bubble-row bubble-mine"><div class="bubble bubble-waiting"><${Markdown} value=${one.text} /><p class="bubble-foot"><${Icon} name="clock" size=${12} />waits for a tick</p></div></div>`)}
              ${own.map(
                (one) => html`<div key=${one.key} class="bubble-row bubble-mine">
                  <div class=${`bubble ${one.error ? 'bubble-failed' : 'bubble-waiting'}`}>
                    <${Markdown} value=${one.text} />
                    <p class="bubble-foot">${one.error
                      ? html`<span role="alert">Not sent: ${visible(one.error.message)}</span> <button type="button" class="link" onClick=${() => deliver(one)}>Try again</button>
                          <button type="button" class="link" onClick=${() => setOutgoing((list) => list.filter((other) => other.key !== one.key))}>Drop it</button>`
                      : html`<${Icon} name="clock" size=${12} />${one.id ? 'waits for a tick' : 'being sent…'}`}</p>
                  </div>
                </div>`,
              )}
              ${isPast ? null : html`<${Standing} name=${name} agent=${agent} progress=${progress} isWaiting=${isWaiting} isUnanswered=${isUnanswered} lastTick=${last?.tick ?? 0} />`}
            `}
    </div>
    ${may('send')
      ? html`<${Composer} key=${name} name=${name} onSend=${write} />`
      : html`<p class="chat-closed quiet"><${Icon} name="eye" size=${15} />${isPast ? 'The past can only be read.' : 'Your key can read, but not send.'}</p>`}
  </section>`;
}

/** @param {{ message: Message, isMine: boolean, follows: boolean }} props */
function Bubble({ message, isMine, follows }) {
  const others = message.to && message.to.length > 1 ? message.to.length - 1 : 0;
  return html`<div class=${`bubble-row ${isMine ? 'bubble-mine' : ''} ${follows ? 'bubble-follows' : ''}`}>
    ${isMine ? null : follows ? html`<span class="bubble-space"></span>` : html`<${Avatar} name=${message.from} />`}
    <article class="bubble" aria-label=${isMine ? 'You' : line(message.from, 60)}>
      <${Markdown} value=${message.text} />
      <p class="bubble-foot">
        <${Time} value=${message.created_at} />
        <a href=${isMine ? href(`/timeline/${message.tick}`) : href(`/ticks/${message.tick}/turns/${segment(message.from)}`)}>tick ${count(message.tick)}</a>
        ${!message.to ? html`<span>to everyone</span>` : others ? html`<span>and ${others} more</span>` : null}
        <a href=${href(`/threads/${segment(message.thread_id ?? message.id)}`, { message: message.id })} aria-label="Conversation of this message"><${Icon} name="link" size=${12} /></a>
      </p>
    </article>
  </div>`;
}
