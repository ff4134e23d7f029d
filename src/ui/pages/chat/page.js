/** Talking with an agent. */
import { html, useMemo, useState } from '../../lib/preact.js';
import { Avatar, Doing, Empty, Failure, Line, Loading, Name, useNarrow } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count } from '../../lib/format.js';
import { useDoing } from '../../lib/graph/doing.js';
import { useRoster } from '../../lib/roster.js';
import { line } from '../../lib/text.js';
import { href } from '../../router.js';
import { Chat } from './chat.js';

/** More than so many agents are found by a search, not by looking. */
const SHOWN = 200;

/** @param {{ params: Record<string, string> }} props */
export default function ChatPage({ params }) {
  const roster = useRoster();
  const live = useDoing();
  const isNarrow = useNarrow();
  const [words, setWords] = useState('');
  const name = params.name ?? null;
  const found = useMemo(() => {
    const wanted = words.trim().toLowerCase();
    return (roster.agents ?? []).filter((agent) => !wanted || `${agent.name} ${agent.title}`.toLowerCase().includes(wanted));
  }, [roster.agents, words]);
  const agent = roster.agents?.find((one) => one.name === name) ?? null;
  const list = html`<aside class="chat-list" aria-label="Agents">
    <div class="chat-search"><input class="input" type="search" aria-label="Search agents" placeholder="Search agents" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></div>
    ${roster.agents === null
      ? roster.error
        ? html`<${Failure} error=${roster.error} onRetry=${roster.reload} />`
        : html`<${Loading} label="Agents" rows=${6} />`
      : html`<ul class="chat-agents" tabindex="0" aria-label="Agents to talk with">
          ${found.slice(0, SHOWN).map(
            (one) => html`<li key=${one.name}>
              <a class="chat-agent" href=${href(`/chat/${segment(one.name)}`)} aria-current=${one.name === name ? 'page' : undefined}>
                <${Avatar} name=${one.name} />
                <span class="grow chat-agent-text"><${Name} value=${one.name} /><span class="quiet small chat-agent-title"><${Line} value=${one.title} max=${60} /></span></span>
                <${Doing} doing=${live.get(one.name) ?? one.doing} />
              </a>
            </li>`,
          )}
          ${found.length > SHOWN ? html`<li class="quiet small chat-rest">and ${count(found.length - SHOWN)} more: search for one</li>` : null}
          ${found.length === 0 ? html`<li class="quiet small chat-rest">${roster.agents.length ? 'Nobody is called like that.' : 'Nobody works here yet.'}</li>` : null}
        </ul>`}
  </aside>`;
  return html`<div class="page-full chat-page">
    <h1 class="sr-only" id="page-title" tabindex="-1">${name ? `Chat with ${line(name, 60)}` : 'Chat'}</h1>
    <div class=${`chat-frame ${name ? 'chat-frame-open' : ''}`}>
      ${isNarrow && name ? null : list}
      ${name
        ? roster.agents && !agent
          ? html`<div class="chat"><${Empty} icon="agent" title="No agent has this name"><${Name} value=${name} /> is not in this organisation.<//></div>`
          : html`<${Chat} key=${name} name=${name} agent=${agent} doing=${live.get(name) ?? agent?.doing} />`
        : isNarrow
          ? null
          : html`<div class="chat chat-none"><${Empty} icon="chat" title="Whom do you want to talk with?">Choose an agent. It answers when it takes its turn; you see it think.<//></div>`}
    </div>
  </div>`;
}
