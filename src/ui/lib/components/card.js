import { html } from '../preact.js';

/**
 * A part of a page with a heading of its own.
 * @param {{ title?: any, hint?: any, actions?: any, children?: any, flush?: boolean, class?: string, level?: 2 | 3 }} props
 *   `flush`: without room around the content, as for a table
 */
export function Card({ title, hint, actions, children, flush = false, class: className = '', level = 2 }) {
  const heading = title ? (level === 2 ? html`<h2 class="card-title">${title}</h2>` : html`<h3 class="card-title">${title}</h3>`) : null;
  return html`<section class=${`card ${className}`}>
    ${heading || actions
      ? html`<header class="card-head">
          <div>${heading}${hint ? html`<p class="card-hint">${hint}</p>` : null}</div>
          ${actions ? html`<div class="row">${actions}</div>` : null}
        </header>`
      : null}
    <div class=${flush ? 'card-flush' : 'card-body'}>${children}</div>
  </section>`;
}

/**
 * One figure with its name.
 * @param {{ label: string, value: any, note?: any, tone?: 'ok' | 'warn' | 'bad' | 'info' }} props
 */
export function Stat({ label, value, note, tone }) {
  return html`<div class="stat">
    <dt>${label}</dt>
    <dd class=${tone ? `tone-${tone}` : ''}>${value}</dd>
    ${note ? html`<dd class="stat-note">${note}</dd>` : null}
  </div>`;
}

/**
 * A row of figures.
 * @param {{ children?: any }} props
 */
export function Stats({ children }) {
  return html`<dl class="stats">${children}</dl>`;
}

/**
 * The head of a page: what it is, and what can be done. Each page has exactly one.
 * @param {{ title: any, hint?: any, actions?: any, back?: { href: string, label: string } }} props
 */
export function PageHead({ title, hint, actions, back }) {
  return html`<header class="page-head">
    <div class="page-head-text">
      ${back ? html`<a class="page-back" href=${back.href}>← ${back.label}</a>` : null}
      <h1 tabindex="-1" id="page-title">${title}</h1>
      ${hint ? html`<p class="page-hint">${hint}</p>` : null}
    </div>
    ${actions ? html`<div class="row page-actions">${actions}</div>` : null}
  </header>`;
}
