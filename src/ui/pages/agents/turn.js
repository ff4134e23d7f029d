/** One turn, whole: why it was taken, what was asked, answered, called, said, changed and paid. */
import { html, useMemo } from '../../lib/preact.js';
import { AgentChip, Card, Empty, Failure, Icon, JsonView, LinkButton, Loading, MessageLine, Name, PageHead, Stat, Stats, Status, Text, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, credits, duration, plural, tokens, words } from '../../lib/format.js';
import { useKept } from '../../lib/kept.js';
import { useResource } from '../../lib/resource.js';
import { line, visible } from '../../lib/text.js';
import { href } from '../../router.js';
import { Prompt } from './turn-prompt.js';
import { Step } from './turn-step.js';

const CAUSES = {
  schedule: 'its schedule fired',
  catch_up: 'it made up for a missed slot',
  mail: 'it had mail',
  approval: 'a person answered a call of it',
  named: 'somebody named it',
};

/** @param {{ params: Record<string, string> }} props */
export default function Turn({ params }) {
  const { tick, name } = params;
  const turn = useKept(
    useResource(/^\d{1,12}$/.test(tick) ? `/ticks/${tick}/turns/${segment(name)}` : null, {
      live: ['turn_committed', 'turn_failed', 'tick_closed'],
      concerns: (event) => event.tick === Number(tick) && (!event.agent || event.agent === name),
    }),
  );
  const found = turn.data;
  return html`<div class="page turn-page">
    <${PageHead}
      title=${html`<span class="turn-title">Turn of <${Name} value=${name} /> in tick ${/^\d+$/.test(tick) ? count(Number(tick)) : line(tick, 20)}</span>`}
      hint=${found ? html`<span class="row"><${Status} status=${found.status} /> because ${CAUSES[/** @type {keyof typeof CAUSES} */ (found.because)] ?? words(String(found.because ?? ''))}, <${Time} value=${found.started_at ?? found.time} /></span>` : undefined}
      back=${{ href: href(`/agents/${segment(name)}`, { tab: 'turns' }), label: line(name, 60) }}
      actions=${html`<${LinkButton} icon="timeline" href=${href(`/timeline/${segment(tick)}`)}>The tick<//>`}
    />
    ${found === null
      ? turn.error
        ? turn.error.status === 404
          ? html`<${NoTurn} tick=${tick} name=${name} error=${turn.error} />`
          : html`<${Failure} error=${turn.error} onRetry=${turn.reload} />`
        : /^\d+$/.test(tick)
          ? html`<${Card}><${Loading} label="The turn" rows=${8} /><//>`
          : html`<${Card}><${Empty} icon="timeline" title="There is no such turn">A tick is a number.<//><//>`
      : html`<${Whole} turn=${found} />`}
  </div>`;
}

/**
 * It took no turn in that tick: why not.
 * @param {{ tick: string, name: string, error: import('../../lib/api.js').ApiError }} props
 */
function NoTurn({ tick, name, error }) {
  const why = useResource(`/agents/${segment(name)}/why`, { query: { tick } });
  const answer = why.data?.answers?.[0];
  return html`<${Card}>
    <${Empty} icon="timeline" title="There is no such turn" action=${html`<${LinkButton} href=${href(`/agents/${segment(name)}`)}>To the agent<//>`}>
      ${visible(answer?.answer ?? error.message)}${answer?.hint ? html`<br /><span class="small quiet">${visible(answer.hint)}</span>` : null}
    <//>
  <//>`;
}

/** @param {{ turn: any }} props */
function Whole({ turn }) {
  const record = turn.record;
  const attempts = useMemo(() => (record?.exchanges ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ exchange) => sum + Math.max(0, (exchange.receipt?.attempts ?? 1) - 1), 0), [record]);
  return html`
    ${turn.failure ? html`<p class="finding finding-error" role="alert"><${Icon} name="problems" /><span><strong>${visible(words(turn.failure.kind))}</strong>: ${visible(turn.failure.message)}</span></p>` : null}
    <${Card}>
      <${Stats}>
        <${Stat} label="Cost" value=${credits(turn.cost_credits)} note=${`of ${credits(turn.grant_credits)} granted${turn.charge?.unanswered ? `; ${credits(turn.charge.unanswered)} unanswered` : ''}`} />
        <${Stat} label="Tokens" value=${tokens((turn.input_tokens ?? 0) + (turn.output_tokens ?? 0))} note=${`${tokens(turn.input_tokens)} in, ${tokens(turn.output_tokens)} out`} />
        <${Stat} label="Took" value=${duration(turn.duration_ms)} note=${`${duration(turn.llm_duration_ms)} waiting for the model`} />
        <${Stat} label="Model" value=${html`<span class="turn-model"><${Name} value=${turn.model_name ?? '–'} /></span>`} note=${`${plural(turn.calls ?? 0, 'answer')}, ${plural(turn.tool_calls ?? 0, 'tool call')}`} />
        <${Stat} label="Violations" value=${count(turn.violations ?? 0)} tone=${turn.violations ? 'warn' : undefined} note="of the contract of answers" />
        <${Stat} label="Retries" value=${count(attempts)} tone=${attempts ? 'warn' : undefined} note=${(turn.runners?.length ?? turn.attempts ?? 1) > 1 ? `${turn.runners?.length ?? turn.attempts} runners had it` : 'one runner had it'} />
      <//>
    <//>
    ${record === null || record === undefined
      ? html`<${Card}><${Empty} icon="clock" title="The turn is not committed yet">What it does stands here as soon as it is.<//><//>`
      : html`
          ${record.erased ? html`<p class="finding finding-warning"><${Icon} name="info" /><span>What was said in this turn was erased; what it cost, and that it was, is kept.</span></p>` : null}
          <${Inbox} record=${record} />
          <${Prompt} messages=${record.prompt ?? []} />
          <section class="stack" aria-labelledby="turn-steps">
            <h2 id="turn-steps">What it did <span class="quiet small">${plural((record.exchanges ?? []).length, 'step')}</span></h2>
            ${(record.exchanges ?? []).length ? html`<ol class="steps">${record.exchanges.map((/** @type {any} */ exchange, /** @type {number} */ i) => html`<${Step} key=${i} number=${i + 1} exchange=${exchange} />`)}</ol>` : html`<${Card}><${Empty} icon="model" title="The model gave no answer" /><//>`}
          </section>
          <${Outcome} turn=${turn} record=${record} />
        `}`;
}

/** @param {{ record: any }} props */
function Inbox({ record }) {
  const read = record.inbox ?? [];
  if (!read.length) return null;
  return html`<${Card} title="What it read" hint=${plural(read.length, 'new message')}>
    <ul class="read-list">
      ${read.slice(0, 200).map((/** @type {any} */ one) => html`<li key=${one.id}><${AgentChip} name=${one.from} /><a class="small mono" href=${href(`/threads/${segment(one.id)}`, { message: one.id })}>${visible(String(one.id).slice(0, 8))}</a><span class="quiet small nums">${visible(one.position)}</span></li>`)}
    </ul>
  <//>`;
}

/** @param {{ turn: any, record: any }} props */
function Outcome({ turn, record }) {
  const effects = record.effects ?? {};
  const messages = turn.messages ?? [];
  const memory = effects.memory ?? [];
  const files = effects.files ?? [];
  const isDropped = turn.status === 'failed';
  return html`<section class="stack" aria-labelledby="turn-outcome">
    <h2 id="turn-outcome">What came of it</h2>
    ${isDropped ? html`<p class="finding finding-warning"><${Icon} name="info" /><span>The turn failed: its effects were dropped, and its mail stays unread.</span></p>` : null}
    <div class="columns">
      <${Card} title="Said" hint=${plural(messages.length, 'message')}>
        ${messages.length ? messages.map((/** @type {any} */ message) => html`<${MessageLine} key=${message.id} message=${message} max=${600} />`) : html`<p class="quiet">It said nothing.</p>`}
      <//>
      <div class="stack">
        <${Card} title="Remembered" hint=${plural(memory.length, 'change')}>
          ${memory.length
            ? html`<ul class="changes">${memory.map(
                (/** @type {any} */ change, /** @type {number} */ i) => html`<li key=${i}><p><code><${Name} value=${change.key} /></code> <span class="quiet small">${visible(words(typeof change.operation === 'string' ? change.operation : JSON.stringify(change.operation)))}</span></p>
                  ${change.value === undefined || change.value === null ? null : typeof change.value === 'string' ? html`<${Text} value=${change.value} max=${600} />` : html`<${JsonView} value=${change.value} open=${1} label="The memory after it" />`}</li>`,
              )}</ul>`
            : html`<p class="quiet">It changed nothing in its memory.</p>`}
        <//>
        ${files.length
          ? html`<${Card} title="Files" hint=${plural(files.length, 'change')}>
              <ul class="changes">${files.map((/** @type {any} */ file) => html`<li key=${file.path}><p class="file-name"><${Icon} name="file" size=${15} /><code><${Name} value=${file.path} /></code>${file.content === 'deleted' ? html`<span class="tone-bad small">deleted</span>` : null}</p>${file.content?.text !== undefined ? html`<${Text} value=${file.content.text} mono max=${800} />` : null}</li>`)}</ul>
            <//>`
          : null}
        ${record.notes ? html`<${Card} title="Notes to itself"><${Text} value=${record.notes} /><//>` : null}
        ${(record.violations ?? []).length || (record.warnings ?? []).length
          ? html`<${Card} title="Violations and warnings">
              <ul class="changes">
                ${(record.violations ?? []).map((/** @type {any} */ one, /** @type {number} */ i) => html`<li key=${`v${i}`} class="tone-bad">${visible(typeof one === 'string' ? one : [one.kind, one.pointer, one.message].filter(Boolean).join(': ') || JSON.stringify(one))}</li>`)}
                ${(record.warnings ?? []).map((/** @type {any} */ one, /** @type {number} */ i) => html`<li key=${`w${i}`} class="tone-warn">${visible(typeof one === 'string' ? one : JSON.stringify(one))}</li>`)}
              </ul>
            <//>`
          : null}
        ${(record.waiting ?? []).length
          ? html`<${Card} title="Waits for a person" actions=${html`<a class="small" href=${href('/approvals')}>Approvals</a>`}>
              <ul class="changes">${record.waiting.map((/** @type {any} */ one) => html`<li key=${one.id}><code><${Name} value=${one.tool} /></code><${JsonView} value=${one.arguments} open=${1} label="Arguments" /></li>`)}</ul>
            <//>`
          : null}
      </div>
    </div>
  </section>`;
}
