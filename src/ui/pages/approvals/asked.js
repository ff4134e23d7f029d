/** What led to a question: why the agent had a turn, what it read, and what it said in it. */
import { html } from '../../lib/preact.js';
import { Badge, JsonView, Line, Loaded, Text } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { plural, words } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { href } from '../../router.js';

/** @param {{ agent: string, tick: number }} props */
export function AskedIn({ agent, tick }) {
  const turn = useResource(`/ticks/${tick}/turns/${segment(agent)}`, { at: null });
  return html`<div class="asked">
    <${Loaded} of=${turn} rows=${3}>
      ${(/** @type {any} */ found) => html`<div class="stack-tight">
        ${found.because || found.cause ? html`<div><h4>Why it had a turn</h4><${Cause} cause=${found.because ?? found.cause} /></div>` : null}
        ${texts(found).map((text, i) => html`<div key=${i}><h4>${i === 0 ? 'What it said before it asked' : `Then`}</h4><${Text} value=${text} max=${1_200} /></div>`)}
        <p class="small"><a href=${href(`/ticks/${tick}/turns/${segment(agent)}`)}>The whole turn</a></p>
      </div>`}
    <//>
  </div>`;
}

/** @param {{ cause: unknown }} props */
function Cause({ cause }) {
  if (typeof cause === 'string') return html`<${Badge}>${words(cause)}<//>`;
  const found = /** @type {Record<string, unknown>} */ (cause);
  const kind = typeof found.kind === 'string' ? found.kind : null;
  const messages = Array.isArray(found.messages) ? found.messages : null;
  if (!kind) return html`<${JsonView} value=${cause} open=${1} label="Why it had a turn" />`;
  return html`<span class="row row-tight"><${Badge}>${words(kind)}<//>${messages ? html`<${Line} value=${plural(messages.length, 'message')} />` : null}</span>`;
}

/**
 * What the model said in the steps of a turn, as far as it is plain text.
 * @param {any} turn
 * @returns {string[]}
 */
function texts(turn) {
  const steps = Array.isArray(turn?.steps) ? turn.steps : [];
  const said = steps.map((/** @type {any} */ step) => step?.answer?.text ?? step?.text ?? (typeof step?.answer === 'string' ? step.answer : ''));
  return said.filter((/** @type {unknown} */ text) => typeof text === 'string' && text.trim()).slice(0, 4);
}
