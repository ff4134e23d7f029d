/** A list of names to choose from: chips that can be taken away, and a field that adds. */
import { html, useRef, useState } from '../../lib/preact.js';
import { Button, Name, Select } from '../../lib/components/index.js';
import { line, visible } from '../../lib/text.js';

let numbers = 0;

/**
 * @param {{
 *   label: string, known: string[], value: any, none: string, onChange: (next: string[] | string | undefined) => void, error?: string | null,
 *   star?: boolean, anyone?: boolean,
 * }} props `star`: "everyone" can be chosen; `anyone`: without a list there is no limit
 */
export function NamePicker({ label, known, value, none, onChange, error, star = false, anyone = false }) {
  const [entered, setEntered] = useState('');
  const id = useRef('');
  id.current ||= `names-${(numbers += 1)}`;
  const isStar = value === '*' || (Array.isArray(value) && value.includes('*'));
  const mode = isStar ? 'star' : value === undefined && anyone ? 'anyone' : 'list';
  const list = Array.isArray(value) ? value.filter((name) => name !== '*') : [];
  const free = known.filter((name) => !list.includes(name));
  const add = () => {
    const name = entered.trim();
    if (!name || list.includes(name)) return;
    onChange([...list, name]);
    setEntered('');
  };
  return html`<div class="field picker" role="group" aria-labelledby=${`${id.current}-label`}>
    <div class="picker-head">
      <span class="field-label" id=${`${id.current}-label`}>${label}</span>
      ${star || anyone
        ? html`<div class="picker-mode"><${Select}
            label=${html`<span class="sr-only">${label}: who</span>`}
            value=${mode}
            options=${[...(anyone ? [{ value: 'anyone', label: 'Anyone (no limit)' }] : []), { value: 'list', label: 'Only these' }, ...(star && !anyone ? [{ value: 'star', label: 'Everyone (*)' }] : mode === 'star' ? [{ value: 'star', label: 'Everyone (*)' }] : [])]}
            onChange=${(/** @type {string} */ next) => onChange(next === 'star' ? ['*'] : next === 'anyone' ? undefined : list)}
          /></div>`
        : null}
    </div>
    ${mode === 'list'
      ? html`<div class="picker-names">
            ${list.length === 0 ? html`<span class="quiet">${none}</span>` : null}
            ${list.map(
              (name) => html`<span key=${name} class=${`picked ${known.length && !known.includes(name) ? 'picked-unknown' : ''}`}>
                <${Name} value=${name} /><button type="button" class="picked-off" aria-label=${`Take away ${line(name, 60)}`} onClick=${() => onChange(list.filter((other) => other !== name))}>×</button>
              </span>`,
            )}
          </div>
          <div class="picker-add">
            <input class="input" list=${`${id.current}-known`} aria-label=${`Add to: ${label}`} placeholder="Add a name" autocomplete="off" value=${entered}
              onInput=${(/** @type {any} */ event) => setEntered(event.target.value)}
              onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Enter') { event.preventDefault(); add(); } }} />
            <datalist id=${`${id.current}-known`}>${free.slice(0, 200).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
            <${Button} icon="plus" label="Add" disabled=${!entered.trim()} onClick=${add} />
          </div>`
      : null}
    ${error ? html`<p class="field-error" role="alert">${visible(error)}</p>` : null}
  </div>`;
}
