/**
 * A table for any number of rows: it draws those that are seen. Columns sort; rows open by click, Enter or arrows.
 */
import { html, useEffect, useMemo, useRef, useState } from '../preact.js';
import { Icon } from '../icons.js';

/** Up to here all rows are drawn, which also lets the browser's own search find them. */
const DRAW_ALL = 120;
const BEYOND = 8;

/**
 * @template T
 * @typedef {Object} Column
 * @property {string} id
 * @property {any} title
 * @property {(row: T) => any} cell
 * @property {string} [width] a track of a CSS grid, such as `120px` or `minmax(120px, 2fr)`; `minmax(90px, 1fr)` otherwise
 * @property {(row: T) => string | number | null | undefined} [sort] what it is sorted by
 * @property {boolean} [number] right-aligned, tabular digits
 * @property {boolean} [wideOnly] left out on a phone
 */

/**
 * @template T
 * @param {{
 *   label: string, columns: Column<T>[], rows: T[], rowKey: (row: T) => string | number, onOpen?: (row: T) => void,
 *   rowHeight?: number, height?: number, sortBy?: string, descending?: boolean, foot?: any, onEnd?: () => void, current?: string | number | null,
 * }} props `height`: of the scrolled part, in pixels; `onEnd`: called near the last row (to load more)
 */
export function Table(props) {
  const { label, rows, rowKey, onOpen, rowHeight = 44, height = 560 } = props;
  const isNarrow = useNarrow();
  const columns = isNarrow ? props.columns.filter((column) => !column.wideOnly) : props.columns;
  const [order, setOrder] = useState({ id: props.sortBy ?? null, descending: props.descending ?? false });
  const [top, setTop] = useState(0);
  const [active, setActive] = useState(0);
  const body = useRef(/** @type {HTMLElement | null} */ (null));

  const sorted = useMemo(() => {
    const sort = props.columns.find((column) => column.id === order.id)?.sort;
    if (!sort) return rows;
    const sign = order.descending ? -1 : 1;
    return rows
      .map((row) => ({ row, by: sort(row) }))
      .sort((a, b) => {
        if (a.by === b.by) return 0;
        // What is missing comes last, either way.
        if (a.by === null || a.by === undefined) return 1;
        if (b.by === null || b.by === undefined) return -1;
        if (typeof a.by === 'number' && typeof b.by === 'number') return sign * (a.by - b.by);
        return sign * String(a.by).localeCompare(String(b.by), undefined, { numeric: true });
      })
      .map(({ row }) => row);
  }, [rows, order.id, order.descending]);

  const isVirtual = sorted.length > DRAW_ALL;
  const first = isVirtual ? Math.max(0, Math.floor(top / rowHeight) - BEYOND) : 0;
  const last = isVirtual ? Math.min(sorted.length, Math.ceil((top + height) / rowHeight) + BEYOND) : sorted.length;
  useEffect(() => {
    if (last >= sorted.length - BEYOND) props.onEnd?.();
  }, [last, sorted.length]);

  const tracks = { gridTemplateColumns: columns.map((column) => column.width ?? 'minmax(90px, 1fr)').join(' ') };
  /** @param {number} to */
  const moveTo = (to) => {
    const next = Math.max(0, Math.min(sorted.length - 1, to));
    setActive(next);
    const box = body.current;
    if (box && isVirtual) {
      if (next * rowHeight < box.scrollTop) box.scrollTop = next * rowHeight;
      else if ((next + 1) * rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = (next + 1) * rowHeight - box.clientHeight;
    }
    const find = () => /** @type {HTMLElement | null} */ (box?.querySelector(`[data-row="${next}"]`));
    const there = find();
    if (there) there.focus({ preventScroll: isVirtual });
    // Else it is drawn after the scroll.
    else requestAnimationFrame(() => requestAnimationFrame(() => find()?.focus({ preventScroll: true })));
  };
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!onOpen || !target.dataset.row) return;
    const here = Number(target.dataset.row);
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + page, PageUp: here - page, Home: 0, End: sorted.length - 1 };
    const to = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (to !== undefined) {
      event.preventDefault();
      moveTo(to);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onOpen(sorted[here]);
    }
  };
  /** @param {MouseEvent} event @param {T} row */
  const press = (event, row) => {
    const inner = /** @type {HTMLElement} */ (event.target).closest('a, button, input, select, label');
    if (!inner && !getSelection()?.toString()) onOpen?.(row);
  };

  return html`<div class="table" onKeyDown=${keys}>
    <div
      class="table-body"
      ref=${body}
      role="table"
      aria-label=${label}
      aria-rowcount=${sorted.length + 1}
      tabindex=${onOpen ? undefined : 0}
      style=${isVirtual ? { maxHeight: `${height}px` } : {}}
      onScroll=${isVirtual ? (/** @type {any} */ event) => setTop(event.currentTarget.scrollTop) : undefined}
    >
      <div class="table-head" role="rowgroup">
        <div class="table-row" role="row" aria-rowindex="1" style=${tracks}>
          ${columns.map((column) => {
            const isBy = order.id === column.id;
            return html`<div
              key=${column.id}
              role="columnheader"
              class=${column.number ? 'cell cell-number' : 'cell'}
              aria-sort=${column.sort ? (isBy ? (order.descending ? 'descending' : 'ascending') : 'none') : undefined}
            >
              ${column.sort
                ? html`<button type="button" class="table-sort" onClick=${() => setOrder({ id: column.id, descending: isBy ? !order.descending : Boolean(column.number) })}>
                    ${column.title}${isBy ? html`<${Icon} name=${order.descending ? 'down' : 'up'} size=${12} />` : null}
                  </button>`
                : column.title}
            </div>`;
          })}
        </div>
      </div>
      <div role="rowgroup">
        ${first > 0 ? html`<div role="presentation" style=${{ height: `${first * rowHeight}px` }}></div>` : null}
        ${sorted.slice(first, last).map((row, i) => {
          const index = first + i;
          const key = rowKey(row);
          return html`<div
            key=${key}
            class=${`table-row ${onOpen ? 'table-row-open' : ''} ${props.current === key ? 'table-row-current' : ''}`}
            role="row"
            aria-rowindex=${index + 2}
            data-row=${index}
            tabindex=${onOpen ? (index === active || (isVirtual && active < first && i === 0) ? 0 : -1) : undefined}
            style=${isVirtual ? { ...tracks, height: `${rowHeight}px` } : { ...tracks, minHeight: `${rowHeight}px` }}
            onClick=${onOpen ? (/** @type {MouseEvent} */ event) => press(event, row) : undefined}
            onFocus=${onOpen ? () => setActive(index) : undefined}
          >
            ${columns.map((column) => html`<div key=${column.id} role="cell" class=${column.number ? 'cell cell-number' : 'cell'}>${column.cell(row)}</div>`)}
          </div>`;
        })}
        ${last < sorted.length ? html`<div role="presentation" style=${{ height: `${(sorted.length - last) * rowHeight}px` }}></div>` : null}
      </div>
    </div>
    ${props.foot ? html`<div class="table-foot">${props.foot}</div>` : null}
  </div>`;
}

/** Whether the window is as narrow as a phone. */
export function useNarrow() {
  const query = useMemo(() => matchMedia('(max-width: 760px)'), []);
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const change = () => setNarrow(query.matches);
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, [query]);
  return isNarrow;
}
