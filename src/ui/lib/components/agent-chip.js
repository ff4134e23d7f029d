import { html } from '../preact.js';
import { segment } from '../api.js';
import { href } from '../../router.js';
import { lettersOf } from './letters.js';
import { Name } from './text.js';
import { Icon } from '../icons.js';

/** Names that stand for people and services, not for agents. */
const PEOPLE = new Set(['human']);

/**
 * A hue of 0 to 11 that follows from the name (FNV-1a), so that an agent looks the same everywhere.
 * @param {string} name
 */
export function hue(name) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % 12;
}

/**
 * The two letters of an agent in its colour. It stands beside the name and says nothing by itself.
 * @param {{ name: string, large?: boolean }} props
 */
export function Avatar({ name, large = false }) {
  if (PEOPLE.has(name)) return html`<span class=${`avatar avatar-person ${large ? 'avatar-large' : ''}`} aria-hidden="true"><${Icon} name="agent" size=${large ? 20 : 13} /></span>`;
  return html`<span class=${`avatar hue-${hue(name)} ${large ? 'avatar-large' : ''}`} aria-hidden="true">${lettersOf(name)}</span>`;
}

/**
 * An agent as a link to its page; people, and who has no page, without one.
 * @param {{ name: string, plain?: boolean, avatar?: boolean }} props `plain`: without the link
 */
export function AgentChip({ name, plain = false, avatar = true }) {
  const inner = html`${avatar ? html`<${Avatar} name=${name} />` : null}<${Name} value=${name} />`;
  if (plain || PEOPLE.has(name)) return html`<span class="chip">${inner}</span>`;
  return html`<a class="chip chip-link" href=${href(`/agents/${segment(name)}`)}>${inner}</a>`;
}

/**
 * Whom a message is for: null is everyone.
 * @param {{ to: string[] | null | undefined, max?: number }} props
 */
export function Recipients({ to, max = 4 }) {
  if (!to) return html`<span class="chip"><${Icon} name="globe" size=${15} />everyone</span>`;
  return html`<span class="row row-tight">
    ${to.slice(0, max).map((name) => html`<${AgentChip} key=${name} name=${name} />`)}${to.length > max ? html`<span class="quiet small">+${to.length - max}</span>` : null}
  </span>`;
}
