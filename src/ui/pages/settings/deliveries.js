/** What leaves the organisation (deliveries) and what waits to come in (ingress). */
import { html, useState } from '../../lib/preact.js';
import { Badge, Button, Card, Empty, JsonView, Line, Loaded, Name, Recipients, Text, Time, say, sayError } from '../../lib/components/index.js';
import { send } from '../../lib/api.js';
import { count, plural, words } from '../../lib/format.js';
import { may, me } from '../../lib/session.js';
import { useWholeList } from '../../lib/whole-list.js';
import { href } from '../../router.js';

/**
 * @typedef {Object} Rule
 * @property {string} rule
 * @property {string} to
 * @property {boolean} begun
 * @property {number | null} next_tick
 * @property {number} waiting
 * @property {{ tick: number, left: number, attempts: number, not_before?: string, error?: string }[]} pending
 * @property {number} failures
 * @property {string | null} not_before
 * @property {{ tick: number, at: string } | null} last_delivered
 * @property {{ tick: number, count: number, at: string, error: string }[]} given_up
 */

export function DeliveriesTab() {
  const rules = useWholeList('/deliveries', 'deliveries', { live: ['tick_closed', 'problem'] });
  const [busy, setBusy] = useState(/** @type {string | null} */ (null));
  /** @param {string | null} rule */
  const retry = async (rule) => {
    setBusy(rule ?? '');
    try {
      await send('POST', '/deliveries/retry', rule ? { rule } : {});
      say('What waits is tried again');
      rules.reload();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(null);
    }
  };
  return html`<${Loaded} of=${rules} empty=${(/** @type {{ items: Rule[] }} */ all) => (all.items.length ? null : html`<${Card}><${Empty} icon="send" title="Nothing is sent out by itself">
      Rules under <code>deliver</code> in <code>org.json</code> send what agents say to webhooks, Slack, files or other organisations.
    <//><//>`)}>
    ${(/** @type {{ items: Rule[] }} */ all) => {
      const waiting = all.items.reduce((sum, rule) => sum + rule.waiting, 0);
      return html`<${Card} title="Deliveries" hint=${waiting ? `${plural(waiting, 'delivery', 'deliveries')} wait` : 'Everything has arrived.'} flush
        actions=${mayRetry() && waiting ? html`<${Button} small icon="refresh" busy=${busy === ''} onClick=${() => retry(null)}>Try all again<//>` : null}>
        <ul>${all.items.map((rule) => html`<${RuleRow} key=${rule.rule} rule=${rule} busy=${busy === rule.rule} onRetry=${() => retry(rule.rule)} />`)}</ul>
      <//>`;
    }}
  <//>`;
}

/** A server that wakes nobody sends nothing either. */
function mayRetry() {
  return may('control') && (me.peek()?.wakes ?? false);
}

/** @param {{ rule: Rule, busy: boolean, onRetry: () => void }} props */
function RuleRow({ rule, busy, onRetry }) {
  const errors = (rule.pending ?? []).filter((pending) => pending.error);
  const lost = (rule.given_up ?? []).reduce((sum, one) => sum + one.count, 0);
  return html`<li class="rule">
    <div class="row">
      <b><${Name} value=${rule.rule} /></b><${Badge}>${words(rule.to)}<//>
      ${rule.waiting ? html`<${Badge} tone=${errors.length ? 'bad' : 'warn'}>${count(rule.waiting)} waiting<//>` : html`<${Badge} tone="ok">${rule.begun ? 'nothing waits' : 'not begun'}<//>`}
      ${lost ? html`<${Badge} tone="bad">${count(lost)} given up<//>` : null}
      <span class="grow"></span>
      <span class="quiet small">${rule.last_delivered ? html`last arrived: <a href=${href(`/timeline/${rule.last_delivered.tick}`)}>tick ${count(rule.last_delivered.tick)}</a>, <${Time} value=${rule.last_delivered.at} />` : 'nothing has arrived yet'}</span>
      ${mayRetry() && rule.waiting ? html`<${Button} small icon="refresh" busy=${busy} onClick=${onRetry}>Try again<//>` : null}
    </div>
    ${rule.not_before ? html`<p class="small quiet">${plural(rule.failures, 'failure')} in a row; left alone until <${Time} value=${rule.not_before} /> (<${Time} value=${rule.not_before} ago />)</p>` : null}
    ${errors.slice(0, 5).map((pending) => html`<p key=${pending.tick} class="rule-error"><a href=${href(`/timeline/${pending.tick}`)}>tick ${count(pending.tick)}</a> <span>${plural(pending.left, 'entry', 'entries')}, ${plural(pending.attempts, 'attempt')}: <${Line} value=${pending.error} max=${300} /></span></p>`)}
    ${errors.length > 5 ? html`<p class="small quiet">and ${plural(errors.length - 5, 'more tick')}</p>` : null}
    ${(rule.given_up ?? []).map((one) => html`<p key=${`${one.tick}-${one.at}`} class="rule-error rule-lost"><a href=${href(`/timeline/${one.tick}`)}>tick ${count(one.tick)}</a> <span>${count(one.count)} given up <${Time} value=${one.at} />: <${Line} value=${one.error} max=${300} /></span></p>`)}
  </li>`;
}

/** @typedef {{ name: string, control?: any, mail?: any, is_broken: boolean }} Waits */

export function IngressTab() {
  const ingress = useWholeList('/ingress', 'waiting', { live: ['tick_opened', 'tick_closed', 'message'] });
  return html`<${Loaded} of=${ingress} empty=${(/** @type {{ items: Waits[] }} */ all) => (all.items.length ? null : html`<${Card}><${Empty} icon="inbox" title="Nothing waits to come in">
      Messages and commands lie here until a tick takes them.
    <//><//>`)}>
    ${(/** @type {{ items: Waits[] }} */ all) => html`
      <${Part} title="Commands" hint="Carried out with the next tick, before its turns." items=${all.items.filter((one) => one.control)} row=${(/** @type {Waits} */ one) => html`<${CommandLine} command=${one.control} />`} />
      <${Part} title="Mail" hint="Taken in with the next tick." items=${all.items.filter((one) => one.mail)} row=${(/** @type {Waits} */ one) => html`<${MailLine} mail=${one.mail} />`} />
      <${Part} title="What cannot be read" hint="The next tick says why, and puts it aside." items=${all.items.filter((one) => one.is_broken)} row=${(/** @type {Waits} */ one) => html`<code><${Line} value=${one.name} max=${160} /></code>`} />
    `}
  <//>`;
}

/** @param {{ title: string, hint: string, items: Waits[], row: (one: Waits) => any }} props */
function Part({ title, hint, items, row }) {
  if (!items.length) return null;
  return html`<${Card} title=${html`${title} <span class="quiet nums">${count(items.length)}</span>`} hint=${hint} flush><ul>${items.map((one) => html`<li key=${one.name} class="rule">${row(one)}</li>`)}</ul><//>`;
}

/** @param {{ mail: any }} props */
function MailLine({ mail }) {
  const text = mail.payload?.text;
  return html`<div class="row"><b><${Name} value=${mail.from} /></b><span class="quiet" aria-label="to">→</span><${Recipients} to=${mail.recipients} /><${Badge}>${words(mail.kind)}<//><span class="grow"></span><span class="quiet small"><${Time} value=${mail.sent_at} ago /></span></div>
    ${typeof text === 'string' ? html`<${Text} value=${text} max=${300} />` : html`<${JsonView} value=${mail.payload} open=${1} label="What it says" />`}`;
}

/** @param {{ command: any }} props */
function CommandLine({ command }) {
  const { action, by, sent_at: sentAt, format: _, ...rest } = command;
  return html`<div class="row"><b>${words(String(action))}</b><span class="quiet">by <${Name} value=${by} /></span><span class="grow"></span><span class="quiet small"><${Time} value=${sentAt} ago /></span></div>
    ${Object.keys(rest).length ? html`<${JsonView} value=${rest} open=${1} label="What it says" />` : null}`;
}
