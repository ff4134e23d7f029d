/** What messages are looked for by; all of it stands in the address. */
import { html, useEffect, useRef, useState } from '../../lib/preact.js';
import { Button, Icon, Select } from '../../lib/components/index.js';
import { line } from '../../lib/text.js';
import { setQuery } from '../../router.js';

export const KINDS = ['message', 'report', 'request', 'response', 'status'];
const WAIT_MS = 300;

/** The filters, as the API has them. */
export const FILTERS = /** @type {const} */ (['text', 'agent', 'from', 'to', 'kind', 'tag']);

/**
 * @param {{ query: Record<string, string>, names: string[] }} props
 */
export function Filters({ query, names }) {
  const [text, setText] = useState(query.text ?? '');
  const [tag, setTag] = useState(query.tag ?? '');
  const [isOpen, setOpen] = useState(Boolean(query.agent || query.from || query.to || query.kind || query.tag));
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (text.trim() === (query.text ?? '')) return undefined;
    const timer = setTimeout(() => setQuery({ text: text.trim() || null }), WAIT_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    if (tag.trim() === (query.tag ?? '')) return undefined;
    const timer = setTimeout(() => setQuery({ tag: tag.trim() || null }), WAIT_MS);
    return () => clearTimeout(timer);
  }, [tag]);
  // An address may be changed elsewhere, as by a tag that was pressed.
  useEffect(() => setTag(query.tag ?? ''), [query.tag]);
  useEffect(() => {
    if (query.tag || query.agent || query.from || query.to || query.kind) setOpen(true);
  }, [query.tag, query.agent, query.from, query.to, query.kind]);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const focus = (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select, dialog, [contenteditable]')) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  const active = FILTERS.filter((name) => name !== 'text' && query[name]).length;
  /** @param {'agent' | 'from' | 'to'} name @param {string} label @param {boolean} withPeople */
  const who = (name, label, withPeople) => {
    const list = [...new Set([...(withPeople ? ['human'] : []), ...names, query[name] ?? ''])].filter(Boolean);
    return html`<${Select} label=${label} value=${query[name] ?? ''} options=${[{ value: '', label: 'Anyone' }, ...list.map((one) => ({ value: one, label: line(one, 60) }))]} onChange=${(/** @type {string} */ next) => setQuery({ [name]: next || null })} />`;
  };
  return html`<form class="message-filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <div class="message-search">
      <label class="search-box"><${Icon} name="search" size=${16} /><span class="sr-only">Search messages</span>
        <input ref=${field} class="input" type="search" dir="auto" placeholder="Search messages" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /><kbd aria-hidden="true">/</kbd></label>
      <${Button} icon="filter" expanded=${isOpen} controls="message-filters-more" onClick=${() => setOpen(!isOpen)}>Filters${active ? ` (${active})` : ''}<//>
      ${active || query.text
        ? html`<${Button} kind="ghost" onClick=${() => { setText(''); setTag(''); setQuery(Object.fromEntries(FILTERS.map((name) => [name, null]))); }}>Clear<//>`
        : null}
    </div>
    <div id="message-filters-more" class="message-more" hidden=${!isOpen}>
      ${who('agent', 'By or to', false)} ${who('from', 'From', true)} ${who('to', 'To', true)}
      <${Select} label="Kind" value=${query.kind ?? ''} options=${[{ value: '', label: 'Any' }, ...KINDS.map((kind) => ({ value: kind, label: kind }))]} onChange=${(/** @type {string} */ next) => setQuery({ kind: next || null })} />
      <div class="field"><label for="message-tag">Tag</label><input id="message-tag" class="input" dir="auto" value=${tag} onInput=${(/** @type {any} */ event) => setTag(event.target.value)} /></div>
    </div>
  </form>`;
}
