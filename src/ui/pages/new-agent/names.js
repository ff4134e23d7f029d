/** Chooses several of many names: a list with boxes and a search. */
import { html, useMemo, useState } from '../../lib/preact.js';
import { Button } from '../../lib/components/index.js';
import { Name } from '../../lib/components/text.js';
import { count } from '../../lib/format.js';
import { line } from '../../lib/text.js';

/** So many are drawn; the search finds the others. */
const AT_ONCE = 200;

/**
 * @param {{ label: string, options: { name: string, about?: string, mark?: any }[], chosen: string[], onChange: (names: string[]) => void, none: string }} props
 */
export function Names({ label, options, chosen, onChange, none }) {
  const [words, setWords] = useState('');
  const picked = useMemo(() => new Set(chosen), [chosen]);
  const known = useMemo(() => new Set(options.map((option) => option.name)), [options]);
  const found = useMemo(() => {
    const wanted = words.trim().toLowerCase();
    return wanted ? options.filter((option) => `${option.name} ${option.about ?? ''}`.toLowerCase().includes(wanted)) : options;
  }, [options, words]);
  const toggle = (/** @type {string} */ name) => onChange(picked.has(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const strangers = chosen.filter((name) => !known.has(name));
  return html`<fieldset class="names">
    <legend class="sr-only">${label}</legend>
    ${options.length > 8
      ? html`<div class="names-head"><input class="input" type="search" placeholder="Find" aria-label=${`Find in: ${label}`} value=${words} onInput=${(/** @type {any} */ event) => setWords(event.target.value)} />
          <span class="quiet small nums">${count(chosen.length)} of ${count(options.length)}</span>
          ${chosen.length ? html`<${Button} small kind="ghost" onClick=${() => onChange([])}>None<//>` : null}</div>`
      : null}
    ${options.length === 0 ? html`<p class="quiet names-none">${none}</p>` : null}
    <div class="names-list">
      ${found.slice(0, AT_ONCE).map((option) => html`<label key=${option.name} class="names-one">
        <input type="checkbox" checked=${picked.has(option.name)} onChange=${() => toggle(option.name)} />
        <span class="grow"><b><${Name} value=${option.name} /></b>${option.about ? html`<span class="names-about">${line(option.about, 140)}</span>` : null}</span>
        ${option.mark}
      </label>`)}
      ${found.length > AT_ONCE ? html`<p class="quiet small names-none">${count(found.length - AT_ONCE)} more: the search finds them.</p>` : null}
      ${words && !found.length ? html`<p class="quiet small names-none" role="status">Nothing is called that.</p>` : null}
    </div>
    ${strangers.length
      ? html`<div class="names-strangers"><span class="tone-warn small">Not here:</span>${strangers.map((name) => html`<button key=${name} type="button" class="link small" onClick=${() => toggle(name)}>take out <${Name} value=${name} /></button>`)}</div>`
      : null}
  </fieldset>`;
}
