/** Small charts in SVG. Each has words for who does not see it. */
import { html } from '../preact.js';

/**
 * A line without axes.
 * @param {{ values: number[], label: string, width?: number, height?: number, tone?: string }} props
 */
export function Sparkline({ values, label, width = 120, height = 28, tone = 'accent' }) {
  if (values.length < 2) return html`<span class="quiet small">–</span>`;
  const low = Math.min(...values);
  const high = Math.max(...values);
  const range = high - low || 1;
  const points = values.map((value, i) => [(i / (values.length - 1)) * (width - 4) + 2, height - 3 - ((value - low) / range) * (height - 6)]);
  const path = points.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  const [endX, endY] = points[points.length - 1];
  return html`<svg class=${`spark tone-${tone}`} width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${label}>
    <path class="spark-area" d=${`${path}L${endX.toFixed(1)} ${height}L2 ${height}Z`} />
    <path class="spark-line" d=${path} />
    <circle class="spark-end" cx=${endX} cy=${endY} r="2.2" />
  </svg>`;
}

/**
 * Bars, stacked from series, with a title each. Ten to a hundred of them; more belong on a canvas.
 * @param {{
 *   bars: { label: string, title: string, parts: number[] }[], tones: string[], names: string[], label: string, height?: number,
 *   format?: (value: number) => string, ceiling?: number | null,
 * }} props `tones` and `names` are of the parts; `ceiling` draws a line
 */
export function BarChart({ bars, tones, names, label, height = 160, format = String, ceiling = null }) {
  const width = 720;
  const foot = 20;
  const sums = bars.map((bar) => bar.parts.reduce((sum, part) => sum + part, 0));
  const top = Math.max(...sums, ceiling ?? 0, Number.MIN_VALUE);
  const step = width / Math.max(bars.length, 1);
  const wide = Math.max(1, Math.min(step * 0.72, 48));
  const scale = (height - foot - 6) / top;
  const every = Math.max(1, Math.ceil(bars.length / 8));
  return html`<figure class="chart">
    <svg viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${label} preserveAspectRatio="none" class="chart-svg">
      <line class="chart-axis" x1="0" x2=${width} y1=${height - foot} y2=${height - foot} />
      ${bars.map((bar, i) => {
        let y = height - foot;
        return html`<g key=${i}>
          <title>${bar.title}</title>
          <rect x=${i * step} y="0" width=${step} height=${height - foot} class="chart-hit" />
          ${bar.parts.map((part, n) => {
            const high = part * scale;
            y -= high;
            return part > 0 ? html`<rect class=${`fill-${tones[n]}`} x=${i * step + (step - wide) / 2} y=${y} width=${wide} height=${Math.max(high, 1)} rx="1.5" />` : null;
          })}
        </g>`;
      })}
      ${ceiling !== null && ceiling > 0
        ? html`<line class="chart-ceiling" x1="0" x2=${width} y1=${height - foot - ceiling * scale} y2=${height - foot - ceiling * scale} />`
        : null}
    </svg>
    <div class="chart-labels" aria-hidden="true" style=${{ gridTemplateColumns: `repeat(${bars.length}, minmax(0, 1fr))` }}>
      ${bars.map((bar, i) => (i % every === 0 ? html`<span key=${i} style=${{ gridColumn: `${i + 1}` }}>${bar.label}</span>` : null))}
    </div>
    <figcaption class="chart-legend">
      ${names.map((name, n) => html`<span key=${name}><i class=${`swatch back-${tones[n]}`}></i>${name}</span>`)}
      <span class="quiet">highest ${format(Math.max(...sums, 0))}</span>
    </figcaption>
  </figure>`;
}

/**
 * How much of something is used.
 * @param {{ value: number, max: number, label: string, tone?: 'ok' | 'warn' | 'bad' | 'accent' }} props
 */
export function Meter({ value, max, label, tone }) {
  const share = max > 0 ? Math.max(0, Math.min(1, value / max)) : 0;
  const shown = tone ?? (share < 0.1 ? 'bad' : share < 0.25 ? 'warn' : 'accent');
  return html`<span class="meter" role="img" aria-label=${label} title=${label}>
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect class="meter-back" width="100" height="6" /><rect class=${`fill-${shown}`} width=${share * 100} height="6" />
    </svg>
  </span>`;
}
