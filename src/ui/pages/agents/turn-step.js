/** One step of a turn: what the model answered, and what the tools that it called gave back. */
import { html, useMemo } from '../../lib/preact.js';
import { Badge, Icon, JsonView, Name, Text } from '../../lib/components/index.js';
import { credits, duration, plural, tokens } from '../../lib/format.js';
import { line } from '../../lib/text.js';
import { parsed } from './resume.js';

/** @param {{ number: number, exchange: any }} props */
export function Step({ number, exchange }) {
  const { data, fault } = useMemo(() => parsed(exchange.answer ?? ''), [exchange.answer]);
  const receipt = exchange.receipt ?? {};
  const usage = receipt.usage;
  const results = exchange.results ?? [];
  const retries = Math.max(0, (receipt.attempts ?? 1) - 1);
  return html`<li class="step card">
    <header class="step-head">
      <h3>Step ${number}</h3>
      <span class="quiet small"><${Name} value=${receipt.reported_model ?? receipt.model_name ?? receipt.model ?? ''} /></span>
      <span class="step-facts small nums">
        ${usage ? html`<span>${tokens((usage.input_tokens ?? 0) + (usage.cached_input_tokens ?? 0))} in, ${tokens(usage.output_tokens)} out</span>` : null}
        ${usage?.cached_input_tokens ? html`<span class="quiet">${tokens(usage.cached_input_tokens)} cached</span>` : null}
        <span>${duration(receipt.duration_ms)}</span><span>${credits(receipt.cost_credits)}</span>
        ${receipt.reused ? html`<${Badge} tone="info" title="The answer of an earlier attempt was taken, and not paid again">reused<//>` : null}
        ${retries ? html`<${Badge} tone="warn">${plural(retries, 'retry', 'retries')}<//>` : null}
      </span>
    </header>
    <div class="step-body">
      <h4 class="step-title">Answer</h4>
      ${exchange.answer ? (fault === null && typeof data === 'object' && data !== null ? html`<${JsonView} value=${data} open=${5} label=${`Answer of step ${number}`} />` : html`<${Text} value=${exchange.answer} mono max=${6_000} />`) : html`<p class="quiet">No text.</p>`}
      ${results.length
        ? html`<h4 class="step-title">Tool calls</h4>
            <ul class="calls">
              ${results.map(
                (/** @type {any} */ result, /** @type {number} */ i) => html`<li key=${i} class="call">
                  <p class="call-head"><${Icon} name="tool" size=${15} /><code><${Name} value=${result.tool} /></code>
                    ${result.waits ? html`<${Badge} tone="warn">waits for a person<//>` : result.unknown ? html`<${Badge} tone="warn" title="Nobody knows whether it took effect">outcome unknown<//>` : html`<${Badge} tone=${result.ok ? 'ok' : 'bad'}>${result.ok ? 'ok' : 'failed'}<//>`}</p>
                  <div class="call-parts">
                    <div><h5>Arguments</h5><${JsonView} value=${result.arguments} open=${2} label=${`Arguments of ${line(result.tool, 60)}`} /></div>
                    <div><h5>Result</h5>${typeof result.result === 'string' ? html`<${Text} value=${result.result} mono max=${3_000} />` : html`<${JsonView} value=${result.result} open=${2} label=${`Result of ${line(result.tool, 60)}`} />`}</div>
                  </div>
                </li>`,
              )}
            </ul>`
        : null}
    </div>
  </li>`;
}
