/** The prompt of a turn, in its sections: each opens by itself. */
import { html, useMemo, useState } from '../../lib/preact.js';
import { Badge, Button, Card, Text } from '../../lib/components/index.js';
import { plural, size } from '../../lib/format.js';
import { line } from '../../lib/text.js';
import { sectionsOf } from './prompt-sections.js';

/** @param {{ messages: { role: string, content: string }[] }} props */
export function Prompt({ messages }) {
  const sections = useMemo(() => sectionsOf(messages), [messages]);
  const [open, setOpen] = useState(/** @type {Set<string>} */ (new Set()));
  if (!sections.length) return null;
  const isAll = open.size === sections.length;
  /** @param {string} id */
  const toggle = (id) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  return html`<${Card}
    title="What it was asked"
    hint=${`The prompt in ${plural(sections.length, 'section')}, as the model got it`}
    flush
    actions=${html`<${Button} small onClick=${() => setOpen(isAll ? new Set() : new Set(sections.map((section) => section.id)))}>${isAll ? 'Close all' : 'Open all'}<//>`}
  >
    <ul class="sections">
      ${sections.map(
        (section) => html`<li key=${section.id}>
          <h3>
            <button type="button" class="section-head" aria-expanded=${String(open.has(section.id))} onClick=${() => toggle(section.id)}>
              <span class="section-arrow" aria-hidden="true">›</span><span class="section-title">${line(section.title, 80)}</span>
              <span class="section-begin quiet small">${open.has(section.id) ? null : line(section.text, 120)}</span>
              <${Badge} tone=${section.role === 'system' ? 'info' : 'quiet'}>${line(section.role, 20)}<//><span class="quiet small nums">${size(section.text.length)}</span>
            </button>
          </h3>
          ${open.has(section.id) ? html`<div class="section-body"><${Text} value=${section.text || '(empty)'} mono max=${12_000} /></div>` : null}
        </li>`,
      )}
    </ul>
  <//>`;
}
