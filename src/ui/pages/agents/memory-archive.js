/** What left the memory of an agent. */
import { html, useState } from '../../lib/preact.js';
import { Button, Card, Loaded, Name, Table } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, plural } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { href } from '../../router.js';
import { FilePreview } from './file-preview.js';

/** @param {{ agent: any }} props */
export function MemoryArchive({ agent }) {
  const [isOpen, setOpen] = useState(false);
  const [path, setPath] = useState(/** @type {string | null} */ (null));
  const archive = useResource(isOpen ? `/agents/${segment(agent.name)}/memory-archive` : null);
  return html`<${Card} title="Archive" hint="What was too old or too much for the memory is kept here."
      actions=${html`<${Button} small expanded=${isOpen} icon=${isOpen ? 'up' : 'down'} onClick=${() => setOpen(!isOpen)}>${isOpen ? 'Hide' : 'Show'}<//>`}>
      ${isOpen
        ? html`<${Loaded} of=${archive} rows=${3} empty=${(/** @type {any} */ d) => (rowsOf(d).length ? null : html`<p class="quiet">Nothing was archived yet.</p>`)}>
            ${(/** @type {any} */ d) => html`<${Table}
              label=${plural(rowsOf(d).length, 'archived memory', 'archived memories')}
              rows=${rowsOf(d)}
              rowKey=${(/** @type {any} */ row) => row.path}
              height=${360}
              onOpen=${(/** @type {any} */ row) => setPath(row.path)}
              columns=${[
                { id: 'key', title: 'Key', width: 'minmax(120px, 1fr)', sort: (/** @type {any} */ row) => row.key, cell: (/** @type {any} */ row) => html`<${Name} value=${row.key ?? '–'} class="mono" />` },
                { id: 'path', title: 'File', width: 'minmax(140px, 2fr)', wideOnly: true, sort: (/** @type {any} */ row) => row.path, cell: (/** @type {any} */ row) => html`<${Name} value=${row.path} class="quiet mono" />` },
                { id: 'tick', title: 'Tick', number: true, width: '90px', sort: (/** @type {any} */ row) => row.tick, cell: (/** @type {any} */ row) => (row.tick ? html`<a href=${href(`/timeline/${row.tick}`)}>${count(row.tick)}</a>` : '–') },
              ]}
            />`}
          <//>`
        : null}
      ${path ? html`<${FilePreview} path=${`/agents/${segment(agent.name)}/files`} file=${path} onClose=${() => setPath(null)} />` : null}
    <//>`;
}

/** @param {any} document */
function rowsOf(document) {
  return document.archive ?? [];
}
