import { html, useRef } from '../preact.js';
import { visible } from '../text.js';

let numbers = 0;

/**
 * A field of a form with its label, hint and fault, tied together for screen readers. `children` draws the control from
 * the attributes it is given: `${(a) => html`<input ...${a} value=... />`}`.
 * @param {{ label: any, hint?: any, error?: string | null, children: (attributes: Record<string, any>) => any, inline?: boolean }} props
 */
export function Field({ label, hint, error, children, inline = false }) {
  const id = useRef('');
  id.current ||= `field-${(numbers += 1)}`;
  const described = [hint ? `${id.current}-hint` : '', error ? `${id.current}-error` : ''].filter(Boolean).join(' ') || undefined;
  return html`<div class=${`field ${inline ? 'field-inline' : ''}`}>
    <label for=${id.current}>${label}</label>
    ${children({ id: id.current, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined })}
    ${hint ? html`<p class="field-hint" id=${`${id.current}-hint`}>${hint}</p>` : null}
    ${error ? html`<p class="field-error" id=${`${id.current}-error`} role="alert">${visible(error)}</p>` : null}
  </div>`;
}

/**
 * A line of text.
 * @param {{ label: any, value: string, onInput: (value: string) => void, hint?: any, error?: string | null, type?: string, placeholder?: string, required?: boolean, disabled?: boolean, mono?: boolean, autofocus?: boolean, autocomplete?: string, max?: number, min?: number | string, step?: number | string }} props
 */
export function TextField(props) {
  return html`<${Field} label=${props.label} hint=${props.hint} error=${props.error}>
    ${(/** @type {any} */ attributes) => html`<input
      ...${attributes}
      class=${`input ${props.mono ? 'mono' : ''}`}
      type=${props.type ?? 'text'}
      dir="auto"
      value=${props.value}
      maxlength=${props.max}
      min=${props.min}
      step=${props.step}
      placeholder=${props.placeholder}
      required=${props.required}
      disabled=${props.disabled}
      autofocus=${props.autofocus}
      autocomplete=${props.autocomplete ?? 'off'}
      spellcheck=${props.mono ? 'false' : undefined}
      onInput=${(/** @type {any} */ event) => props.onInput(event.target.value)}
    />`}
  <//>`;
}

/**
 * Several lines of text.
 * @param {{ label: any, value: string, onInput: (value: string) => void, hint?: any, error?: string | null, rows?: number, placeholder?: string, mono?: boolean, required?: boolean, disabled?: boolean, onKeyDown?: (event: KeyboardEvent) => void, innerRef?: any }} props
 */
export function TextArea(props) {
  return html`<${Field} label=${props.label} hint=${props.hint} error=${props.error}>
    ${(/** @type {any} */ attributes) => html`<textarea
      ...${attributes}
      ref=${props.innerRef}
      class=${`input ${props.mono ? 'mono' : ''}`}
      rows=${props.rows ?? 4}
      dir="auto"
      value=${props.value}
      placeholder=${props.placeholder}
      required=${props.required}
      disabled=${props.disabled}
      spellcheck=${props.mono ? 'false' : undefined}
      onKeyDown=${props.onKeyDown}
      onInput=${(/** @type {any} */ event) => props.onInput(event.target.value)}
    ></textarea>`}
  <//>`;
}

/**
 * One of several.
 * @param {{ label: any, value: string, options: { value: string, label: string }[], onChange: (value: string) => void, hint?: any, error?: string | null, disabled?: boolean }} props
 */
export function Select(props) {
  return html`<${Field} label=${props.label} hint=${props.hint} error=${props.error}>
    ${(/** @type {any} */ attributes) => html`<select
      ...${attributes}
      class="input"
      value=${props.value}
      disabled=${props.disabled}
      onChange=${(/** @type {any} */ event) => props.onChange(event.target.value)}
    >
      ${props.options.map((option) => html`<option key=${option.value} value=${option.value} selected=${option.value === props.value}>${option.label}</option>`)}
    </select>`}
  <//>`;
}

/**
 * Yes or no.
 * @param {{ label: any, checked: boolean, onChange: (checked: boolean) => void, hint?: any, disabled?: boolean }} props
 */
export function Check({ label, checked, onChange, hint, disabled }) {
  return html`<label class="check">
    <input type="checkbox" checked=${checked} disabled=${disabled} onChange=${(/** @type {any} */ event) => onChange(event.target.checked)} />
    <span>${label}${hint ? html`<span class="field-hint">${hint}</span>` : null}</span>
  </label>`;
}
