/** What left the memory of an agent. */
import { html, useState } from '../../lib/preact.js';
import { Badge, Card, Dialog, JsonView, Loaded, Name, Table, Text, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, plural, words } from '../../lib/format.js';
import { useWholeList } from '../../lib/whole-list.js';
import { href } from '../../router.js';

/** @param {{ agent: any }} props */
export function MemoryArchive({ agent }) {
  const [shown, setShown] = useState(/** @type {any} */ (null));
  const archive = useWholeList(`/agents/${segment(agent.name)}/memory-archive`, 'archive', { live: ['tick_closed'] });
  return html`<${Card}
    title="Archive"
    hint="What was too old or too much for the memory is kept here."
  >
    <${Loaded} of=${archive} rows=${3} empty=${(/** @type {any} */ d) => (d.items.length ? null : html`<p class="quiet">Nothing was archived yet.</p>`)}>
          ${(/** @type {any} */ d) => html`<${Table}
            label=${plural(d.items.length, 'archived memory', 'archived memories')}
            rows=${d.items}
            rowKey=${(/** @type {any} */ row) => row.path}
            height=${360}
            onOpen=${setShown}
            columns=${[
              { id: 'key', title: 'Key', width: 'minmax(110px, 1fr)', sort: (/** @type {any} */ row) => row.key, cell: (/** @type {any} */ row) => html`<${Name} value=${row.key ?? row.path} class="mono" />` },
              { id: 'because', title: 'Because of', width: 'minmax(90px, 1fr)', cell: (/** @type {any} */ row) => (row.broken ? html`<${Badge} tone="bad">broken<//>` : html`<span class="quiet">${words(row.file?.because ?? '–')}</span>`) },
              { id: 'time', title: 'When', width: 'minmax(100px, 1fr)', wideOnly: true, cell: (/** @type {any} */ row) => html`<${Time} value=${row.file?.timestamp_utc} />` },
              { id: 'tick', title: 'Tick', number: true, width: '80px', sort: (/** @type {any} */ row) => row.tick, cell: (/** @type {any} */ row) => (row.tick ? html`<a href=${href(`/timeline/${row.tick}`)}>${count(row.tick)}</a>` : '–') },
            ]}
          />`}
        <//>
    ${shown
      ? html`<${Dialog} title=${html`<${Name} value=${shown.key ?? shown.path} class="mono" />`} wide onClose=${() => setShown(null)}>
          ${shown.broken ? html`<p class="tone-bad">It cannot be read:</p><${Text} value=${shown.broken} />` : typeof shown.file?.value === 'string' ? html`<${Text} value=${shown.file.value} />` : html`<${JsonView} value=${shown.file?.value ?? null} open=${3} label="The archived value" />`}
          <p class="quiet small"><code><${Name} value=${shown.path} /></code></p>
        <//>`
      : null}
  <//>`;
}
