/** The models: what there is as a table, and `config/models.json` to be changed as JSON. */
import { html, useState } from '../../lib/preact.js';
import { Button, Card, Empty, Failure, Icon, Loading, Name, Table, TextArea } from '../../lib/components/index.js';
import { compact, count, credits } from '../../lib/format.js';
import { modelsOf } from '../../lib/models.js';
import { useRoster } from '../../lib/roster.js';
import { may } from '../../lib/session.js';
import { line } from '../../lib/text.js';
import { useFile } from './config-file.js';
import { SaveDialog } from './save-dialog.js';

/** @typedef {import('../../lib/models.js').Model} Model */

export function ModelsTab() {
  const file = useFile('/models');
  const roster = useRoster();
  const [isRaw, setRaw] = useState(false);
  const [isReview, setReview] = useState(false);
  const canEdit = may('edit');
  if (!file.saved) return file.error ? html`<${Failure} error=${file.error} onRetry=${() => file.reload()} />` : html`<${Loading} label="The models" rows=${5} />`;
  const models = modelsOf(file.value);
  const users = (/** @type {string} */ key) => roster.agents?.filter((agent) => agent.model === key).length;
  const showsRaw = isRaw || Boolean(file.fault);
  return html`<${Card}
    title="Models"
    hint=${html`Kept in <code>config/models.json</code>. It says where keys lie, and never has one.`}
    flush=${!showsRaw}
    actions=${html`<div class="row row-tight" role="group" aria-label="Show as">
      <${Button} small pressed=${!showsRaw} disabled=${Boolean(file.fault)} onClick=${() => setRaw(false)}>Table<//><${Button} small pressed=${showsRaw} onClick=${() => setRaw(true)}>JSON<//></div>`}
  >
    ${showsRaw
      ? html`<${TextArea} label="config/models.json" mono rows=${20} value=${file.text} disabled=${!canEdit} onInput=${file.setText} error=${file.fault} />
          ${canEdit
            ? html`<div class=${`save-bar ${file.isChanged ? 'save-bar-open' : ''}`}>
                <span class="grow" role="status">${file.isChanged ? html`<${Icon} name="edit" size=${15} /> Not saved yet` : ''}</span>
                <${Button} kind="ghost" disabled=${!file.isChanged} onClick=${() => file.setText(file.saved?.before ?? '')}>Undo<//>
                <${Button} kind="primary" disabled=${!file.isChanged || Boolean(file.fault)} onClick=${() => setReview(true)}>Look and save…<//>
              </div>`
            : null}`
      : models.length === 0
        ? html`<${Empty} icon="model" title="There are no models"><code>lemming models add</code> makes one known.<//>`
        : html`<${Table} label="Models" rows=${models} rowKey=${(/** @type {Model} */ m) => m.key} rowHeight=${52} columns=${[
            { id: 'key', title: 'Key', width: 'minmax(84px, 1fr)', sort: (/** @type {Model} */ m) => m.key, cell: (/** @type {Model} */ m) => html`<b><${Name} value=${m.key} /></b>` },
            { id: 'model', title: 'Model', width: 'minmax(120px, 2fr)', sort: (/** @type {Model} */ m) => m.model_name, cell: (/** @type {Model} */ m) => html`<${Name} value=${`${m.provider}/${m.model_name}`} />${m.fallback.length ? html`<div class="small quiet">else ${line(m.fallback.join(', '), 80)}</div>` : null}` },
            { id: 'price', title: 'Price of a million tokens', width: 'minmax(150px, 1.4fr)', wideOnly: true, cell: (/** @type {Model} */ m) => (m.price ? html`<span class="nums">${credits(m.price.input)} read, ${credits(m.price.output)} written</span>` : html`<span class="quiet">not said</span>`) },
            { id: 'context', title: 'Context', width: '86px', number: true, wideOnly: true, sort: (/** @type {Model} */ m) => m.context_tokens, cell: (/** @type {Model} */ m) => compact(m.context_tokens) },
            { id: 'secret', title: 'Key lies in', width: 'minmax(100px, 1.2fr)', wideOnly: true, cell: (/** @type {Model} */ m) => (m.secret ? html`<code>${line(m.secret, 60)}</code>` : html`<span class="quiet">needs none</span>`) },
            { id: 'agents', title: 'Agents', width: '70px', number: true, sort: (/** @type {Model} */ m) => users(m.key), cell: (/** @type {Model} */ m) => count(users(m.key)) },
          ]} />`}
    ${isReview ? html`<${SaveDialog} file=${file} name="config/models.json" onClose=${() => setReview(false)} />` : null}
  <//>`;
}
