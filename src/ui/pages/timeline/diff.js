/** What changed between two ticks: what was said, who came and went, memories, files, settings, accounts. */
import { html, useState } from '../../lib/preact.js';
import { Button, Card, Empty, Failure, Loading, PageHead, Stat, Stats, TextField, Time } from '../../lib/components/index.js';
import { count, plural } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { at } from '../../lib/scope.js';
import { status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { href, setQuery } from '../../router.js';
import { Accounts, Agents, Files, Memories, Messages, Values } from './changes.js';

/** @param {{ query: Record<string, string> }} props */
export default function Diff({ query }) {
  const known = useSignal(status);
  const past = useSignal(at);
  const last = past ?? known?.tick ?? null;
  const to = number(query.to) ?? last;
  const from = number(query.from) ?? (to === null ? null : Math.max(0, to - 1));
  const isAsked = from !== null && to !== null;
  const found = useResource(isAsked ? '/diff' : null, { query: { from: Math.min(from ?? 0, to ?? 0), to: Math.max(from ?? 0, to ?? 0), limit: 300 } });
  return html`<div class="page">
    <${PageHead} title="What changed" back=${{ href: href('/timeline'), label: 'Timeline' }}
      hint=${isAsked ? html`after tick ${count(Math.min(from, to))}, up to tick ${count(Math.max(from, to))}` : null} />
    ${isAsked ? html`<${Form} key=${`${from} ${to}`} from=${from} to=${to} />` : null}
    ${found.data ? html`<${Changes} diff=${found.data} />` : found.error ? html`<${Failure} error=${found.error} onRetry=${found.reload} />` : html`<${Loading} label="What changed" rows=${6} />`}
  </div>`;
}

/** @param {string | undefined} text */
function number(text) {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

/** @param {{ from: number, to: number }} props */
function Form({ from, to }) {
  const [first, setFirst] = useState(String(from));
  const [second, setSecond] = useState(String(to));
  const isRight = number(first) !== null && number(second) !== null && first !== second;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (isRight) setQuery({ from: first, to: second }, {});
  };
  const step = (/** @type {number} */ back) => setQuery({ from: Math.max(0, to - back), to }, {});
  return html`<form class="diff-form" onSubmit=${submit}>
    <${TextField} label="After tick" type="number" min="0" value=${first} onInput=${setFirst} />
    <${TextField} label="Up to tick" type="number" min="0" value=${second} onInput=${setSecond} />
    <${Button} type="submit" kind="primary" disabled=${!isRight}>Compare<//>
    <${Button} onClick=${() => step(1)}>That tick alone<//>
    <${Button} onClick=${() => step(10)}>Ten ticks<//>
    <${Button} onClick=${() => step(100)}>A hundred<//>
  </form>`;
}

/** @param {{ diff: any }} props */
function Changes({ diff }) {
  if (diff.equal) return html`<${Empty} icon="check" title="Nothing changed between these ticks" />`;
  const said = [...(diff.messages?.removed ?? []), ...(diff.messages?.added ?? [])];
  return html`<${Card}>
      <div class="stack">
        <p class="quiet">From <${Time} value=${diff.before?.time} /> to <${Time} value=${diff.after?.time} />.</p>
        <${Stats}>
          <${Stat} label="Messages" value=${`${count(said.length)}${diff.messages?.more ? '+' : ''}`} />
          <${Stat} label="Agents" value=${count(diff.agents?.length ?? 0)} />
          <${Stat} label="Memories" value=${count(diff.memory?.length ?? 0)} />
          <${Stat} label="Files" value=${count(diff.files?.length ?? 0)} />
          <${Stat} label="Accounts" value=${count(diff.credits?.length ?? 0)} />
        <//>
      </div>
    <//>
    ${diff.agents?.length ? html`<${Card} title="Agents" hint=${plural(diff.agents.length, 'agent')}><${Agents} changes=${diff.agents} /><//>` : null}
    ${diff.settings?.length ? html`<${Card} title="Settings" hint="org.json"><${Values} changes=${diff.settings} /><//>` : null}
    ${diff.models?.length ? html`<${Card} title="Models" hint="config/models.json"><${Values} changes=${diff.models} /><//>` : null}
    ${said.length ? html`<${Card} title="Messages" hint=${diff.messages.more ? 'The first of them' : null}><${Messages} messages=${said} /><//>` : null}
    ${diff.memory?.length ? html`<${Card} title="Memories"><${Memories} changes=${diff.memory} /><//>` : null}
    ${diff.files?.length ? html`<${Card} title="Files"><${Files} changes=${diff.files} /><//>` : null}
    ${diff.credits?.length || diff.budget ? html`<${Card} title="Accounts" flush><${Accounts} changes=${diff.credits ?? []} budget=${diff.budget} /><//>` : null}`;
}
