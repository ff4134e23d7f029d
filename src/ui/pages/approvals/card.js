/** A call that an agent asks about, with everything that a person must see before they answer. */
import { html, useEffect, useRef, useState } from '../../lib/preact.js';
import { AgentChip, Badge, Button, Icon, Name, Text, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, credits } from '../../lib/format.js';
import { may } from '../../lib/session.js';
import { href } from '../../router.js';
import { AnswerDialog } from './answer.js';
import { AskedIn } from './asked.js';
import { ExactJson, Hash, author } from './exact.js';

/** @typedef {import('./reading.js').Approval} Approval */

const SOON_MS = 3_600_000;

/** @param {{ approval: Approval, isChosen: boolean, onAnswered: () => void }} props `isChosen`: the address names it */
export function WaitingCard({ approval, isChosen, onAnswered }) {
  const card = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (isChosen) card.current?.scrollIntoView({ block: 'start' });
  }, [isChosen]);
  const [way, setWay] = useState(/** @type {import('./answer.js').Way | null} */ (null));
  const left = new Date(approval.expires_at).getTime() - Date.now();
  const isShown = approval.arguments !== null && approval.arguments !== undefined;
  const isLate = left <= 0;
  const titled = `ask-${approval.id}`;
  return html`<article class=${`card ask ${isChosen ? 'ask-chosen' : ''}`} aria-labelledby=${titled} ref=${card}>
    <header class="ask-head">
      <div class="ask-title">
        <h2 id=${titled}><${AgentChip} name=${approval.agent} /> <span class="quiet">asks to call</span> <code class="answer-tool"><${Name} value=${approval.permission ?? approval.tool} /></code></h2>
        <p class="ask-facts">
          <a href=${href(`/ticks/${approval.tick}/turns/${segment(approval.agent)}`)}>tick ${count(approval.tick)}</a>
          ${approval.asked_at ? html`<span>asked <${Time} value=${approval.asked_at} ago /></span>` : null}
          ${approval.worth_credits !== null ? html`<span>worth ${credits(approval.worth_credits)} credits</span>` : null}
        </p>
      </div>
      <${Badge} tone=${isLate ? 'bad' : left < SOON_MS ? 'warn' : 'quiet'}>
        <${Icon} name="clock" size=${13} />${isLate ? 'its time is over' : html`<span>until <${Time} value=${approval.expires_at} /> (<${Time} value=${approval.expires_at} ago />)</span>`}
      <//>
    </header>
    <div class="ask-body">
      ${approval.purpose ? html`<div class="ask-purpose"><h3>What for, in its own words</h3><${Text} value=${approval.purpose} max=${600} /></div>` : null}
      <div class="ask-arguments">
        <div class="row"><h3 class="grow">Exactly these arguments</h3><span class="small"><${Hash} sha=${approval.arguments_sha256} /></span></div>
        ${isShown ? html`<${ExactJson} value=${approval.arguments} label=${`Arguments of ${approval.tool}`} />` : html`<p class="tone-warn">They were given up and cannot be shown: this call can only be denied.</p>`}
      </div>
      <${Fold} title="What was going on in the turn">${() => html`<${AskedIn} agent=${approval.agent} tick=${approval.tick} />`}<//>
      ${approval.sent.map((sent) => html`<p key=${sent.command} class="ask-sent" role="status"><${Icon} name="send" size=${15} />
        <span>${sent.approves ? 'Approved' : 'Denied'}${author(sent.by) ? html` by <b><bdi>${author(sent.by)}</bdi></b>` : null} <${Time} value=${sent.sent_at} ago />: it takes effect with the next tick.</span></p>`)}
    </div>
    ${may('control') && !isLate && !approval.sent.length
      ? html`<footer class="ask-foot">
          <${Button} kind="danger" icon="close" onClick=${() => setWay('deny')}>Deny…<//>
          <span class="grow"></span>
          ${isShown
            ? html`<${Button} icon="edit" onClick=${() => setWay('change')}>Change and approve…<//>
                <${Button} kind="primary" icon="check" onClick=${() => setWay('approve')}>Approve…<//>`
            : null}
        </footer>`
      : null}
    ${way ? html`<${AnswerDialog} approval=${approval} way=${way} onClose=${() => setWay(null)} onDone=${() => { setWay(null); onAnswered(); }} />` : null}
  </article>`;
}

/**
 * Something that is read only once it is opened.
 * @param {{ title: string, children: () => any }} props
 */
export function Fold({ title, children }) {
  const [isOpen, setOpen] = useState(false);
  return html`<div class="fold">
    <button type="button" class="fold-button" aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name=${isOpen ? 'down' : 'right'} size=${14} />${title}
    </button>
    ${isOpen ? html`<div class="fold-body">${children()}</div>` : null}
  </div>`;
}
