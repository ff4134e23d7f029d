/** A long list of messages: it draws what is seen, and what arrives on top does not move what is being read. */
import { html, useEffect, useLayoutEffect, useRef, useState } from '../../lib/preact.js';
import { AgentChip, Badge, Button, Icon, Line, Recipients, Time, useNarrow } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, plural, words } from '../../lib/format.js';
import { line } from '../../lib/text.js';
import { href, navigate } from '../../router.js';

/** @typedef {import('../../lib/types.js').Message} Message */

const BEYOND = 6;
/** Within so many pixels of the top new messages are simply seen. */
const AT_TOP = 24;

/** @param {{ history: import('./history.js').History, label: string }} props */
export function Feed({ history, label }) {
  const isNarrow = useNarrow();
  const high = isNarrow ? 98 : 76;
  const { items, added } = history;
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [view, setView] = useState({ top: 0, height: 800 });
  const [active, setActive] = useState(0);
  const [unseen, setUnseen] = useState(0);
  const before = useRef(added);

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => setView((old) => (old.height === element.clientHeight ? old : { ...old, height: element.clientHeight })));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    const fresh = added - before.current;
    before.current = added;
    if (!element || fresh <= 0) return;
    const isReading = element.scrollTop > AT_TOP || element.contains(document.activeElement);
    if (!isReading) return;
    // The same message stays under the eye, and under the focus.
    element.scrollTop += fresh * high;
    setActive((index) => index + fresh);
    setUnseen((n) => n + fresh);
  }, [added]);

  const first = Math.max(0, Math.floor(view.top / high) - BEYOND);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / high) + BEYOND);
  useEffect(() => {
    if (history.hasMore && !history.error && last >= items.length - 2 * BEYOND) history.loadMore();
  }, [last, items.length, history.hasMore]);

  /** @param {Event} event */
  const scrolled = (event) => {
    const { scrollTop, clientHeight } = /** @type {HTMLElement} */ (event.currentTarget);
    setView({ top: scrollTop, height: clientHeight });
    if (scrollTop <= AT_TOP) setUnseen(0);
  };
  const toTop = () => {
    box.current?.scrollTo({ top: 0 });
    setActive(0);
    setUnseen(0);
  };
  /** @param {number} to */
  const moveTo = (to) => {
    const next = Math.max(0, Math.min(items.length - 1, to));
    setActive(next);
    const element = box.current;
    if (!element) return;
    if (next * high < element.scrollTop) element.scrollTop = next * high;
    else if ((next + 1) * high > element.scrollTop + element.clientHeight) element.scrollTop = (next + 1) * high - element.clientHeight;
    requestAnimationFrame(() => requestAnimationFrame(() => /** @type {HTMLElement | null} */ (element.querySelector(`[data-row="${next}"]`))?.focus({ preventScroll: true })));
  };
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    const row = /** @type {HTMLElement} */ (event.target).dataset.row;
    if (row === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const here = Number(row);
    const page = Math.max(1, Math.floor(view.height / high) - 1);
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1, j: here + 1, k: here - 1, PageDown: here + page, PageUp: here - page, Home: 0, End: items.length - 1 };
    const to = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (to !== undefined) {
      event.preventDefault();
      moveTo(to);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      open(items[here]);
    }
  };

  return html`<div class="feed-frame">
    ${unseen > 0 ? html`<button type="button" class="feed-new" onClick=${toTop}><${Icon} name="up" size=${14} />${plural(unseen, 'new message')}</button>` : null}
    <p class="sr-only" role="status">${unseen > 0 ? plural(unseen, 'new message') : ''}</p>
    <div class="feed" ref=${box} onScroll=${scrolled} onKeyDown=${keys} tabindex="-1">
      <div class="feed-inner" role="feed" aria-label=${label} aria-busy=${String(history.loadingMore)} style=${{ height: `${items.length * high}px` }}>
        ${items.slice(first, last).map((message, i) => {
          const index = first + i;
          return html`<${Row} key=${message.id} message=${message} index=${index} top=${index * high} high=${high} total=${history.hasMore ? -1 : items.length}
            isStop=${index === active || (i === 0 && (active < first || active >= last))} onFocus=${() => setActive(index)} isNarrow=${isNarrow} />`;
        })}
      </div>
      <div class="feed-end">
        ${history.loadingMore
          ? html`<span class="spinner" aria-hidden="true"></span> Older messages…`
          : history.error
            ? html`<span class="tone-bad">Older messages could not be read.</span> <${Button} small onClick=${history.loadMore}>Try again<//>`
            : history.hasMore
              ? html`<${Button} small onClick=${history.loadMore}>Older messages<//>`
              : html`<span class="quiet small">${plural(items.length, 'message')}; there are no older ones</span>`}
      </div>
    </div>
  </div>`;
}

/** @param {Message} message */
function open(message) {
  navigate(`/threads/${segment(message.thread_id ?? message.id)}`, { message: message.id });
}

/**
 * @param {{ message: Message, index: number, top: number, high: number, total: number, isStop: boolean, isNarrow: boolean, onFocus: () => void }} props
 */
function Row({ message, index, top, high, total, isStop, isNarrow, onFocus }) {
  /** @param {MouseEvent} event */
  const press = (event) => {
    const inner = /** @type {HTMLElement} */ (event.target).closest('a, button');
    if (!inner && !getSelection()?.toString()) open(message);
  };
  const isLoud = message.importance && message.importance !== 'normal';
  return html`<article
    class="feed-row"
    style=${{ transform: `translateY(${top}px)`, height: `${high}px` }}
    data-row=${index}
    tabindex=${isStop ? 0 : -1}
    aria-posinset=${index + 1}
    aria-setsize=${total}
    aria-label=${`${words(message.kind)} from ${line(message.from, 60)}, tick ${message.tick}`}
    onClick=${press}
    onFocus=${onFocus}
  >
    <header class="feed-head">
      <${AgentChip} name=${message.from} /><span class="quiet" aria-hidden="true">→</span><span class="sr-only">to</span><span class="feed-to"><${Recipients} to=${message.to} max=${isNarrow ? 1 : 3} /></span>
      <span class="feed-when"><a class="quiet-link" href=${href(`/timeline/${message.tick}`)}>tick ${count(message.tick)}</a> <${Time} value=${message.created_at} /></span>
    </header>
    <p class="feed-text"><${Line} value=${message.text} max=${280} /></p>
    <p class="feed-marks">
      <${Badge} tone=${message.kind === 'request' ? 'info' : message.kind === 'response' ? 'ok' : 'quiet'}>${words(message.kind)}<//>
      ${isLoud ? html`<${Badge} tone=${message.importance === 'critical' ? 'bad' : 'warn'}>${words(message.importance)}<//>` : null}
      ${message.tags.slice(0, 3).map((tag) => html`<a key=${tag} class="tag-link" href=${href('/messages', { tag })}>#<${Line} value=${tag} max=${24} /></a>`)}
    </p>
  </article>`;
}
