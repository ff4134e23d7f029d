import { html, useEffect, useRef } from '../preact.js';
import { Button } from './button.js';

let numbers = 0;

/**
 * A modal dialog: the browser's own `<dialog>`, which keeps the focus and gives it back. `onClose` is called for Escape,
 * the cross and a press beside it; the owner then stops drawing it.
 * @param {{ title: any, onClose: () => void, children?: any, actions?: any, wide?: boolean, locked?: boolean, side?: boolean }} props
 *   `locked`: cannot be left (something must be answered); `side`: a drawer at the edge
 */
export function Dialog({ title, onClose, children, actions, wide = false, locked = false, side = false }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useRef('');
  id.current ||= `dialog-${(numbers += 1)}`;
  useEffect(() => {
    const element = dialog.current;
    if (!element) return undefined;
    const before = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  /** @param {Event} event */
  const cancel = (event) => {
    event.preventDefault();
    if (!locked) onClose();
  };
  /** @param {MouseEvent} event */
  const press = (event) => {
    if (event.target === dialog.current && !locked) onClose();
  };
  return html`<dialog
    ref=${dialog}
    class=${`dialog ${wide ? 'dialog-wide' : ''} ${side ? 'dialog-side' : ''}`}
    aria-labelledby=${id.current}
    onCancel=${cancel}
    onMouseDown=${press}
  >
    <div class="dialog-inner">
      <header class="dialog-head">
        <h2 id=${id.current}>${title}</h2>
        ${locked ? null : html`<${Button} kind="ghost" icon="close" label="Close" onClick=${onClose} />`}
      </header>
      <div class="dialog-body">${children}</div>
      ${actions ? html`<footer class="dialog-foot">${actions}</footer>` : null}
    </div>
  </dialog>`;
}

/**
 * Asks whether something shall really be done.
 * @param {{ title: any, children?: any, confirm: string, danger?: boolean, busy?: boolean, onConfirm: () => void, onClose: () => void }} props
 */
export function Confirm({ title, children, confirm, danger = false, busy = false, onConfirm, onClose }) {
  return html`<${Dialog}
    title=${title}
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Cancel<//>
      <${Button} kind=${danger ? 'danger' : 'primary'} busy=${busy} onClick=${onConfirm}>${confirm}<//>`}
  >
    ${children}
  <//>`;
}
