import { html, useRef } from '../preact.js';

/**
 * Tabs as ARIA has them: arrows move, one tab stop. The owner keeps which one is chosen (best in the query of the
 * address) and gives the content of it as children.
 * @param {{ label: string, tabs: { id: string, title: any, count?: number | null }[], chosen: string, onChoose: (id: string) => void, children?: any }} props
 */
export function Tabs({ label, tabs, chosen, onChoose, children }) {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const here = tabs.findIndex((tab) => tab.id === chosen);
    const moves = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 };
    const to = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    onChoose(next.id);
    list.current?.querySelector(`#tab-${next.id}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (list.current?.querySelector(`#tab-${next.id}`))?.focus());
  };
  return html`<div class="tabs">
    <div class="tab-list" role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
      ${tabs.map(
        (tab) => html`<button
          key=${tab.id}
          type="button"
          role="tab"
          id=${`tab-${tab.id}`}
          aria-selected=${String(tab.id === chosen)}
          aria-controls=${tab.id === chosen ? `panel-${tab.id}` : undefined}
          tabindex=${tab.id === chosen ? 0 : -1}
          class="tab"
          onClick=${() => onChoose(tab.id)}
        >
          ${tab.title}${tab.count ? html`<span class="tab-count">${tab.count}</span>` : null}
        </button>`,
      )}
    </div>
    <div role="tabpanel" id=${`panel-${chosen}`} aria-labelledby=${`tab-${chosen}`} class="tab-panel" key=${chosen} tabindex="0">${children}</div>
  </div>`;
}
