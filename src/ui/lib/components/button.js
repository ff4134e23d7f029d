import { html } from '../preact.js';
import { Icon } from '../icons.js';

/**
 * A button. `busy` keeps it in its place and says that it works; `label` names one that shows an icon alone.
 * @param {{
 *   children?: any, kind?: 'primary' | 'plain' | 'ghost' | 'danger', icon?: import('../icons.js').IconName, label?: string,
 *   onClick?: (event: MouseEvent) => void, disabled?: boolean, busy?: boolean, small?: boolean, type?: 'button' | 'submit',
 *   pressed?: boolean, expanded?: boolean, controls?: string, title?: string, class?: string, innerRef?: any, autofocus?: boolean,
 * }} props
 */
export function Button(props) {
  const { children, kind = 'plain', icon, label, busy = false, small = false, type = 'button', class: className = '' } = props;
  const isBare = icon && !children;
  return html`<button
    ref=${props.innerRef}
    type=${type}
    class=${`button button-${kind} ${small ? 'button-small' : ''} ${isBare ? 'button-icon' : ''} ${className}`}
    onClick=${busy ? undefined : props.onClick}
    disabled=${props.disabled || undefined}
    aria-disabled=${busy ? 'true' : undefined}
    aria-busy=${busy ? 'true' : undefined}
    aria-label=${label}
    aria-pressed=${props.pressed === undefined ? undefined : String(props.pressed)}
    aria-expanded=${props.expanded === undefined ? undefined : String(props.expanded)}
    aria-controls=${props.controls}
    title=${props.title ?? (isBare ? label : undefined)}
    autofocus=${props.autofocus || undefined}
  >
    ${busy ? html`<span class="spinner" aria-hidden="true"></span>` : icon ? html`<${Icon} name=${icon} size=${small ? 15 : 17} />` : null}
    ${children === undefined ? null : html`<span>${children}</span>`}
  </button>`;
}

/**
 * A link that looks like a button.
 * @param {{ children?: any, href: string, kind?: 'primary' | 'plain' | 'ghost', icon?: import('../icons.js').IconName, small?: boolean, label?: string }} props
 */
export function LinkButton({ children, href, kind = 'plain', icon, small = false, label }) {
  return html`<a class=${`button button-${kind} ${small ? 'button-small' : ''} ${children ? '' : 'button-icon'}`} href=${href} aria-label=${label} title=${label}>
    ${icon ? html`<${Icon} name=${icon} size=${small ? 15 : 17} />` : null}${children ? html`<span>${children}</span>` : null}
  </a>`;
}
