/** What leaves the organisation (deliveries) and what waits to come in (ingress). */
import { html, useState } from '../../lib/preact.js';
import { Badge, Button, Card, Empty, JsonView, Line, Loaded, Name, Recipients, Text, Time, say, sayError } from '../../lib/components/index.js';
import { send } from '../../lib/api.js';
import { count, plural, words } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { may } from '../../lib/session.js';
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
  const rules = useResource('/deliveries', { live: ['tick_closed', 'problem'] });
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
  return html`<${Loaded} of=${rules} empty=${(/** @type {any} */ d) => (d.deliveries.length ? null : html`<${Card}><${Empty} icon="send" title="Nothing is sent out by itself">
      Rules under <code>deliver</code> in <code>org.json</code> send what agents say to webhooks, Slack, files or other organisations.
    <//><//>`)}>
    ${(/** @type {{ deliveries: Rule[] }} */ d) => {
      const waiting = d.deliveries.reduce((sum, rule) => sum + rule.waiting, 0);
      return html`<${Card} title="Deliveries" hint=${waiting ? `${plural(waiting, 'delivery', 'deliveries')} wait` : 'Everything has arrived.'} flush
        actions=${may('control') && waiting ? html`<${Button} small icon="refresh" busy=${busy === ''} onClick=${() => retry(null)}>Try all again<//>` : null}>
        <ul>${d.deliveries.map((rule) => html`<${RuleRow} key=${rule.rule} rule=${rule} busy=${busy === rule.rule} onRetry=${() => retry(rule.rule)} />`)}</ul>
      <//>`;
    }}
  <//>`;
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
      ${may('control') && rule.waiting ? html`<${Button} small icon="refresh" busy=${busy} onClick=${onRetry}>Try again<//>` : null}
    </div>
    ${rule.not_before ? html`<p class="small quiet">${plural(rule.failures, 'failure')} in a row; left alone until <${Time} value=${rule.not_before} /> (<${Time} value=${rule.not_before} ago />)</p>` : null}
    ${errors.slice(0, 5).map((pending) => html`<p key=${pending.tick} class="rule-error"><a href=${href(`/timeline/${pending.tick}`)}>tick ${count(pending.tick)}</a> <span>${plural(pending.left, 'entry', 'entries')}, ${plural(pending.attempts, 'attempt')}: <${Line} value=${pending.error} max=${300} /></span></p>`)}
    ${errors.length > 5 ? html`<p class="small quiet">and ${plural(errors.length - 5, 'more tick')}</p>` : null}
    ${(rule.given_up ?? []).map((one) => html`<p key=${`${one.tick}-${one.at}`} class="rule-error rule-lost"><a href=${href(`/timeline/${one.tick}`)}>tick ${count(one.tick)}</a> <span>${count(one.count)} given up <${Time} value=${one.at} />: <${Line} value=${one.error} max=${300} /></span></p>`)}
  </li>`;
}

export function IngressTab() {
  const ingress = useResource('/ingress', { live: ['tick_opened', 'tick_closed', 'message'] });
  return html`<${Loaded} of=${ingress} empty=${(/** @type {any} */ d) => ((d.mail?.length ?? 0) + (d.commands?.length ?? 0) ? null : html`<${Card}><${Empty} icon="inbox" title="Nothing waits to come in">
      Messages and commands lie here until a tick takes them.
    <//><//>`)}>
    ${(/** @type {any} */ d) => html`
      ${d.mail?.length
        ? html`<${Card} title="Mail" hint="Taken in with the next tick." flush><ul>${d.mail.map((/** @type {any} */ mail, /** @type {number} */ i) => html`<li key=${mail.id ?? i} class="rule">
            <div class="row"><b><${Name} value=${mail.from ?? ''} /></b><span class="quiet">→</span><${Recipients} to=${mail.recipients ?? mail.to ?? null} />${mail.kind ? html`<${Badge}>${words(mail.kind)}<//>` : null}<span class="grow"></span>${mail.sent_at ? html`<span class="quiet small"><${Time} value=${mail.sent_at} ago /></span>` : null}</div>
            <${Text} value=${mail.text ?? mail.payload?.text ?? mail.problem ?? ''} max=${300} />
          </li>`)}</ul><//>`
        : null}
      ${d.commands?.length
        ? html`<${Card} title="Commands" hint="Carried out with the next tick, before its turns." flush><ul>${d.commands.map((/** @type {any} */ command, /** @type {number} */ i) => html`<li key=${command.name ?? i} class="rule"><${CommandLine} command=${command} /></li>`)}</ul><//>`
        : null}
    `}
  <//>`;
}

/** @param {{ command: any }} props */
function CommandLine({ command }) {
  const { action, by, sent_at: sentAt, name, format: _, ...rest } = command;
  const fields = Object.keys(rest).length > 0;
  return html`<div class="row"><b>${words(String(action ?? 'command'))}</b>${typeof by === 'string' ? html`<span class="quiet">by <${Name} value=${by} /></span>` : null}<span class="grow"></span>${sentAt ? html`<span class="quiet small"><${Time} value=${sentAt} ago /></span>` : null}</div>
    ${name ? html`<p class="small quiet"><code><${Line} value=${name} max=${100} /></code></p>` : null}
    ${fields ? html`<${JsonView} value=${rest} open=${1} label="What it says" />` : null}`;
}
