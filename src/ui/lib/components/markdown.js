/**
 * Markdown as elements: `marked` cuts the text into tokens, and each kind of token that is known here becomes an
 * element. HTML in the text stays text; images become links; nothing is ever parsed as markup by the browser.
 */
import { html, useMemo } from '../preact.js';
import { Lexer } from '../../vendor/marked.js';
import { safeLink, visible } from '../text.js';
import { useCut } from './text.js';

/** Deeper nesting than this is flattened to text: it says nothing to a reader. */
const DEEPEST = 12;

/**
 * @param {{ value: unknown, max?: number }} props `max` in characters
 */
export function Markdown({ value, max = 6_000 }) {
  const text = typeof value === 'string' ? value : value === null || value === undefined ? '' : String(value);
  const { shown, more } = useCut(text, max);
  const nodes = useMemo(() => {
    try {
      return blocks(/** @type {any[]} */ (new Lexer({ gfm: true, breaks: true }).lex(visible(shown))), 0);
    } catch {
      // What the lexer cannot take is shown as it is.
      return html`<p class="text-body">${visible(shown)}</p>`;
    }
  }, [shown]);
  return html`<div class="markdown" dir="auto">${nodes}${more}</div>`;
}

/**
 * @param {any[]} tokens
 * @param {number} depth
 * @returns {any[]}
 */
function blocks(tokens, depth) {
  return tokens.map((token) => block(token, depth));
}

/**
 * @param {any} token
 * @param {number} depth
 * @returns {any}
 */
function block(token, depth) {
  if (depth > DEEPEST) return html`<p dir="auto">${token.raw}</p>`;
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading':
      // A heading inside a message is no heading of the page.
      return html`<p dir="auto" class=${`md-heading md-h${Math.min(token.depth, 4)}`}>${inlines(token.tokens, depth)}</p>`;
    case 'paragraph':
      return html`<p dir="auto">${inlines(token.tokens, depth)}</p>`;
    case 'text':
      return token.tokens ? inlines(token.tokens, depth) : token.text;
    case 'code':
      return html`<pre class="md-code" tabindex="0" role="group" aria-label="Code"><code>${token.text}</code></pre>`;
    case 'blockquote':
      return html`<blockquote dir="auto">${blocks(token.tokens, depth + 1)}</blockquote>`;
    case 'hr':
      return html`<hr />`;
    case 'list': {
      const items = token.items.map(
        (/** @type {any} */ item) => html`<li dir="auto">
          ${item.task ? (item.checked ? '☑ ' : '☐ ') : null}${blocks(
            item.tokens.filter((/** @type {any} */ inner) => inner.type !== 'checkbox'),
            depth + 1,
          )}
        </li>`,
      );
      return token.ordered ? html`<ol start=${Number(token.start) || 1}>${items}</ol>` : html`<ul>${items}</ul>`;
    }
    case 'table':
      return html`<div class="md-table" tabindex="0" role="group" aria-label="Table">
        <table>
          <thead>
            <tr>${token.header.map((/** @type {any} */ cell) => html`<th dir="auto">${inlines(cell.tokens, depth)}</th>`)}</tr>
          </thead>
          <tbody>
            ${token.rows.map(
              (/** @type {any[]} */ row) => html`<tr>${row.map((cell) => html`<td dir="auto">${inlines(cell.tokens, depth)}</td>`)}</tr>`,
            )}
          </tbody>
        </table>
      </div>`;
    default:
      // HTML, and whatever a later version of the lexer knows: as it was written.
      return html`<p dir="auto" class="text-body">${token.raw}</p>`;
  }
}

/**
 * @param {any[] | undefined} tokens
 * @param {number} depth
 * @returns {any}
 */
function inlines(tokens, depth) {
  return (tokens ?? []).map((token) => inline(token, depth));
}

/**
 * @param {any} token
 * @param {number} depth
 * @returns {any}
 */
function inline(token, depth) {
  if (depth > DEEPEST) return token.raw;
  switch (token.type) {
    case 'text':
    case 'escape':
      return token.tokens ? inlines(token.tokens, depth + 1) : token.text;
    case 'strong':
      return html`<strong>${inlines(token.tokens, depth + 1)}</strong>`;
    case 'em':
      return html`<em>${inlines(token.tokens, depth + 1)}</em>`;
    case 'del':
      return html`<del>${inlines(token.tokens, depth + 1)}</del>`;
    case 'codespan':
      return html`<code>${token.text}</code>`;
    case 'br':
      return html`<br />`;
    case 'link':
      return link(token.href, inlines(token.tokens, depth + 1));
    case 'image':
      // Loading it would tell its server who reads.
      return link(token.href, `picture: ${token.text || token.href}`);
    default:
      return token.raw;
  }
}


/**
 * A link out, with the host that it leads to, whatever its words claim.
 * @param {unknown} target
 * @param {any} label
 */
function link(target, label) {
  const safe = safeLink(target);
  if (!safe) return html`<span>${label}</span><span class="quiet"> (${visible(target)})</span>`;
  return html`<a href=${safe.href} target="_blank" rel="noopener noreferrer nofollow ugc">${label}</a
    ><span class="quiet small"> (${safe.host})</span>`;
}
