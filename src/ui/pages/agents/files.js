/** Files that an agent works with: its own, and those of the organisation. */
import { html } from '../../lib/preact.js';
import { AgentChip, Button, Card, Empty, Icon, Loaded, Name, Table, sayError } from '../../lib/components/index.js';
import { download, segment, segments } from '../../lib/api.js';
import { count, plural, size } from '../../lib/format.js';
import { useKept } from '../../lib/kept.js';
import { useWholeList } from '../../lib/whole-list.js';
import { href, setQuery } from '../../router.js';
import { FilePreview } from './file-preview.js';

/** @param {{ agent: any, query: Record<string, string> }} props */
export function FilesTab({ agent, query }) {
  const own = `/agents/${segment(agent.name)}/files`;
  const isShared = query.box === 'shared';
  return html`<${FileList} title="Workspace" hint="Its own files" path=${own} box=${null} empty="Its workspace is empty" agent=${agent.name} />
    <${FileList} title="Shared" hint="Files of the organisation" path="/shared/files" box="shared" empty="Nothing is shared yet" agent=${null} />
    ${query.file ? html`<${FilePreview} path=${isShared ? '/shared/files' : own} file=${query.file} onClose=${() => setQuery({ file: null, box: null })} />` : null}`;
}

/**
 * @param {{ title: string, hint: string, path: string, box: string | null, empty: string, agent: string | null }} props `agent`: whose workspace
 */
function FileList({ title, hint, path, box, empty, agent }) {
  const files = useKept(useWholeList(path, 'files', { live: ['turn_committed', 'tick_closed'] }));
  const keep = (/** @type {string} */ file) => download(`${path}/${segments(file)}`, file.split('/').pop() ?? 'file').catch(sayError);
  /** The path below the listing. @param {any} row */
  const below = (row) => String(row.path).replace(box === 'shared' ? /^shared\// : /^(agents\/[^/]+\/)?workspace\//, '');
  return html`<${Card} title=${title} hint=${files.data ? `${hint}, ${plural(files.data.items.length, 'file')}` : hint} flush>
    <${Loaded} of=${files} rows=${3} empty=${(/** @type {any} */ d) => (d.items.length ? null : html`<${Empty} icon="folder" title=${empty} />`)}>
      ${(/** @type {any} */ d) => html`<${Table}
        label=${agent ? 'Workspace' : 'Shared files'}
        rows=${d.items}
        rowKey=${(/** @type {any} */ row) => row.path}
        sortBy="path"
        height=${420}
        onOpen=${(/** @type {any} */ row) => setQuery({ file: below(row), box }, { replace: false })}
        columns=${[
          { id: 'path', title: 'File', width: 'minmax(150px, 3fr)', sort: (/** @type {any} */ row) => row.path, cell: (/** @type {any} */ row) => html`<span class="file-name"><${Icon} name="file" size=${16} /><${Name} value=${below(row)} class="mono" /></span>` },
          ...(d.items.some((/** @type {any} */ row) => row.bytes !== undefined)
            ? [{ id: 'bytes', title: 'Size', number: true, width: '90px', wideOnly: true, sort: (/** @type {any} */ row) => row.bytes, cell: (/** @type {any} */ row) => size(row.bytes) }]
            : []),
          { id: 'by', title: 'Last changed by', width: 'minmax(110px, 1fr)', wideOnly: true, sort: (/** @type {any} */ row) => row.by, cell: (/** @type {any} */ row) => (row.by ? html`<${AgentChip} name=${row.by} />` : html`<span class="quiet">–</span>`) },
          { id: 'tick', title: 'In tick', number: true, width: '80px', sort: (/** @type {any} */ row) => row.changed, cell: (/** @type {any} */ row) => (row.changed ? html`<a href=${href(`/timeline/${row.changed}`)}>${count(row.changed)}</a>` : '–') },
          { id: 'get', title: html`<span class="sr-only">Download</span>`, width: '40px', cell: (/** @type {any} */ row) => html`<${Button} small kind="ghost" icon="download" label=${`Download ${below(row)}`} onClick=${() => keep(below(row))} />` },
        ]}
      />`}
    <//>
  <//>`;
}
