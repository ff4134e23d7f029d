/** Calls that were answered: how, by whom, and what became of them. */
import { html } from '../../lib/preact.js';
import { AgentChip, Badge, DiffView, Line, Name, Text, Time } from '../../lib/components/index.js';
import { pretty } from '../../lib/exact-json.js';
import { count } from '../../lib/format.js';
import { href } from '../../router.js';
import { segment } from '../../lib/api.js';
import { ExactJson, Hash, author } from './exact.js';
import { Fold } from './card.js';

/** @typedef {import('./reading.js').Approval} Approval */

/** @type {Record<string, { tone: 'ok' | 'bad' | 'warn' | 'quiet', word: string }>} */
const VERDICTS = {
  approved: { tone: 'ok', word: 'approved' },
  denied: { tone: 'bad', word: 'denied' },
  expired: { tone: 'quiet', word: 'not answered in time' },
};

/**
 * What became of the call.
 * @param {Approval} approval
 * @returns {{ tone: 'ok' | 'bad' | 'warn' | 'quiet', word: string }}
 */
export function fateOf(approval) {
  if (approval.standing === 'given_up') return { tone: 'quiet', word: 'came to nothing: the agent is gone' };
  const end = approval.end;
  if (approval.standing === 'answered' && (!end || end.tick === null)) {
    if (end?.outcome === 'made') return { tone: end.ok === false ? 'bad' : 'ok', word: end.ok === false ? 'made, failed; the agent has not heard yet' : 'made; the agent has not heard yet' };
    return { tone: 'quiet', word: 'the agent has not heard yet' };
  }
  if (!end) return { tone: 'quiet', word: '' };
  if (end.outcome === 'unknown') return { tone: 'warn', word: 'nobody knows whether it was made' };
  if (end.outcome === 'not_made') return { tone: 'quiet', word: 'not made' };
  return end.ok === false ? { tone: 'bad', word: 'made, and it failed' } : { tone: 'ok', word: end.ok === null ? 'made' : 'made, and it worked' };
}

/** @param {{ approval: Approval }} props */
export function SettledRow({ approval }) {
  const { answer, end } = approval;
  const verdict = VERDICTS[answer?.verdict ?? ''] ?? { tone: /** @type {const} */ ('quiet'), word: 'no answer' };
  const fate = fateOf(approval);
  const isChanged = answer?.arguments !== null && answer?.arguments !== undefined;
  return html`<li class="settled">
    <div class="settled-head">
      <${AgentChip} name=${approval.agent} />
      <code class="answer-tool"><${Name} value=${approval.permission ?? approval.tool} /></code>
      <${Badge} tone=${verdict.tone}>${verdict.word}${isChanged ? ' with changes' : ''}<//>
      ${fate.word ? html`<span class=${`small tone-${fate.tone}`}>${fate.word}</span>` : null}
      <span class="grow"></span>
      <span class="quiet small">${author(answer?.by) ? html`by <bdi>${author(answer?.by)}</bdi>, ` : null}${answer ? html`<a href=${href(`/timeline/${answer.tick}`)}>tick ${count(answer.tick)}</a>${answer.at ? html`, <${Time} value=${answer.at} />` : null}` : null}</span>
    </div>
    ${approval.purpose ? html`<p class="settled-text"><${Line} value=${approval.purpose} max=${240} /></p>` : null}
    ${answer?.reason ? html`<p class="settled-text"><span class="quiet">Reason:</span> <${Line} value=${answer.reason} max=${400} /></p>` : null}
    <${Fold} title="Arguments and result">
      ${() => html`<div class="stack-tight">
        <div class="row"><h3 class="grow">Asked for</h3><span class="small"><${Hash} sha=${approval.arguments_sha256} /></span></div>
        ${approval.arguments === null ? html`<p class="quiet">They were given up.</p>` : html`<${ExactJson} value=${approval.arguments} label="Arguments that were asked for" isShort />`}
        ${isChanged ? html`<h3>Made with</h3><${DiffView} before=${pretty(approval.arguments)} after=${pretty(answer?.arguments)} label="How the arguments were changed" />` : null}
        ${end && end.result !== null && end.result !== undefined ? html`<h3>What it returned</h3>${typeof end.result === 'string' ? html`<${Text} value=${end.result} mono />` : html`<${ExactJson} value=${end.result} label="Result of the call" isShort />`}` : null}
        <p class="row small"><a href=${href(`/ticks/${approval.tick}/turns/${segment(approval.agent)}`)}>The turn that asked</a>
          ${end?.tick ? html`<a href=${href(`/ticks/${end.tick}/turns/${segment(approval.agent)}`)}>The turn that heard</a>` : null}</p>
      </div>`}
    <//>
  </li>`;
}
