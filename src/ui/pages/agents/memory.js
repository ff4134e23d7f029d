/** What an agent keeps: keys, values, what was archived; operators edit and delete. */
import { html, useState } from '../../lib/preact.js';
import { Badge, Button, Card, Confirm, Empty, JsonView, Line, Loaded, Name, Text, say, sayError, useNarrow } from '../../lib/components/index.js';
import { segment, send } from '../../lib/api.js';
import { count, plural, size } from '../../lib/format.js';
import { useKept } from '../../lib/kept.js';
import { useResource } from '../../lib/resource.js';
import { useWholeList } from '../../lib/whole-list.js';
import { at } from '../../lib/scope.js';
import { may } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { line } from '../../lib/text.js';
import { href, setQuery } from '../../router.js';
import { MemoryArchive } from './memory-archive.js';
import { MemoryEdit } from './memory-edit.js';

/** @param {{ agent: any, query: Record<string, string> }} props */
export function MemoryTab({ agent, query }) {
  useSignal(at);
  const isNarrow = useNarrow();
  const base = `/agents/${segment(agent.name)}/memory`;
  const list = useKept(useWholeList(base, 'memory', { live: ['turn_committed', 'tick_closed'], concerns: (event) => !event.agent || event.agent === agent.name }));
  const [edits, setEdits] = useState(/** @type {{ key: string | null } | null} */ (null));
  const [filter, setFilter] = useState('');
  return html`<${Loaded}
      of=${list}
      rows=${6}
      empty=${(/** @type {any} */ d) =>
        d.items.length
          ? null
          : html`<${Card}><${Empty} icon="memory" title="It keeps nothing" action=${may('control') ? html`<${Button} icon="plus" onClick=${() => setEdits({ key: null })}>Write a memory<//>` : null}>What it writes into its memory in a turn is shown to it in every later one.<//><//>`}
    >
      ${(/** @type {any} */ d) => {
        const rows = d.items.filter((/** @type {any} */ row) => row.key.toLowerCase().includes(filter.trim().toLowerCase()));
        const chosen = d.items.find((/** @type {any} */ row) => row.key === query.key) ?? (isNarrow || query.key ? null : d.items[0]);
        return html`<div class=${`split ${chosen ? 'split-open' : ''}`}>
          <${Card} title=${plural(d.items.length, 'memory', 'memories')} flush class="split-list" actions=${may('control') ? html`<${Button} small icon="plus" onClick=${() => setEdits({ key: null })}>Write<//>` : null}>
            ${d.items.length > 8 ? html`<div class="split-search"><input class="input" type="search" aria-label="Search keys" placeholder="Search keys" value=${filter} onInput=${(/** @type {any} */ event) => setFilter(event.target.value)} /></div>` : null}
            <ul class="keys" tabindex="0" aria-label="Keys">
              ${rows.map(
                (/** @type {any} */ row) => html`<li key=${row.key}>
                  <a class="key" href=${href(`/agents/${segment(agent.name)}`, { tab: 'memory', key: row.key })} aria-current=${row === chosen ? 'true' : undefined}>
                    <span class="row"><${Name} value=${row.key} class="mono" />${row.is_edited ? html`<${Badge} tone="info">edited<//>` : null}${row.broken ? html`<${Badge} tone="bad">broken<//>` : null}</span>
                    <span class="quiet small key-line"><${Line} value=${row.broken ?? begin(row.value)} max=${90} /></span>
                  </a>
                </li>`,
              )}
            </ul>
          <//>
          ${chosen
            ? html`<${Value} key=${chosen.key} agent=${agent} row=${chosen} onEdit=${() => setEdits({ key: chosen.key })} onDone=${list.reload} />`
            : html`<${Card} class="split-rest"><${Empty} icon="memory" title="Choose a memory">Its value stands here.<//><//>`}
        </div>`;
      }}
    <//>
    <${MemoryArchive} agent=${agent} />
    ${edits ? html`<${MemoryEdit} agent=${agent} row=${edits.key === null ? null : list.data?.items.find((/** @type {any} */ row) => row.key === edits.key)} onClose=${() => setEdits(null)} onDone=${list.reload} />` : null}`;
}

/** @param {unknown} value */
function begin(value) {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** @param {{ agent: any, row: any, onEdit: () => void, onDone: () => void }} props */
function Value({ agent, row, onEdit, onDone }) {
  const [asks, setAsks] = useState(/** @type {'delete' | 'archive' | null} */ (null));
  const [busy, setBusy] = useState(false);
  const path = `/agents/${segment(agent.name)}/memory/${segment(row.key)}`;
  // A list of a hundred memories may leave large values out; the one that is looked at is read whole.
  const whole = useResource(row.value === undefined && !row.broken ? path : null);
  const take = async () => {
    setBusy(true);
    try {
      if (asks === 'archive') await send('POST', `${path}/archive`, {});
      else await send('DELETE', path);
      say(asks === 'archive' ? `${row.key} goes to the archive with the next tick` : `${row.key} goes with the next tick`);
      setAsks(null);
      onDone();
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  const value = row.value !== undefined ? row.value : whole.data?.value;
  return html`<${Card}
    class="split-rest"
    title=${html`<${Name} value=${row.key} class="mono" />`}
    hint=${html`${size(row.bytes)}${row.changed ? html`, changed in <a href=${href(`/timeline/${row.changed}`)}>tick ${count(row.changed)}</a>` : null}${row.is_edited ? ', edited by a person' : ''}`}
    actions=${html`<span class="split-back"><${Button} small icon="left" onClick=${() => setQuery({ key: null })}>All keys<//></span>${may('control')
      ? html`<${Button} small icon="edit" onClick=${onEdit}>Edit<//><${Button} small icon="folder" onClick=${() => setAsks('archive')}>Archive<//><${Button} small kind="danger" icon="trash" onClick=${() => setAsks('delete')}>Delete<//>`
      : null}`}
  >
    ${row.broken
      ? html`<p class="tone-bad">Its file cannot be read:</p><${Text} value=${row.broken} />`
      : value === undefined
        ? html`<${Loaded} of=${whole} rows=${3}>${() => null}<//>`
        : typeof value === 'string'
          ? html`<${Text} value=${value} />`
          : html`<${JsonView} value=${value} open=${3} label=${`The value of ${line(row.key, 80)}`} />`}
    ${asks
      ? html`<${Confirm} title=${asks === 'archive' ? 'Archive this memory?' : 'Delete this memory?'} confirm=${asks === 'archive' ? 'Archive' : 'Delete'} danger=${asks === 'delete'} busy=${busy} onClose=${() => setAsks(null)} onConfirm=${take}>
          <p><code><${Name} value=${row.key} /></code> goes with the next tick, and <${Name} value=${agent.name} /> does not see it any more. ${asks === 'archive' ? 'It is kept in the archive, from which it can be taken back.' : 'The records keep what it was.'}</p>
        <//>`
      : null}
  <//>`;
}
