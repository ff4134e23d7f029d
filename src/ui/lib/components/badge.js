import { html } from '../preact.js';
import { words } from '../format.js';
import { SHAPES } from './shapes.js';

/** @typedef {'ok' | 'warn' | 'bad' | 'info' | 'quiet' | 'accent'} Tone */

/**
 * A word in a tone.
 * @param {{ tone?: Tone, children?: any, title?: string }} props
 */
export function Badge({ tone = 'quiet', children, title }) {
  return html`<span class=${`badge badge-${tone}`} title=${title}>${children}</span>`;
}

/**
 * What an agent does: a word, a tone, and a shape, so that no one needs to tell colours apart.
 * @type {Record<string, { tone: Tone, word: string, shape: 'dot' | 'ring' | 'square' | 'triangle' | 'diamond' | 'bars' | 'cross', meaning: string }>}
 */
export const DOINGS = {
  thinking: { tone: 'accent', word: 'thinking', shape: 'diamond', meaning: 'takes its turn now' },
  due: { tone: 'info', word: 'due', shape: 'ring', meaning: 'takes a turn in the open tick' },
  done: { tone: 'ok', word: 'done', shape: 'dot', meaning: 'has taken its turn in this tick' },
  idle: { tone: 'quiet', word: 'idle', shape: 'dot', meaning: 'waits for its schedule or for mail' },
  waiting: { tone: 'warn', word: 'waiting', shape: 'ring', meaning: 'waits for a person or another agent' },
  paused: { tone: 'quiet', word: 'paused', shape: 'bars', meaning: 'was told to rest' },
  disabled: { tone: 'quiet', word: 'disabled', shape: 'square', meaning: 'is switched off in its resume' },
  out_of_credits: { tone: 'warn', word: 'out of credits', shape: 'triangle', meaning: 'cannot pay for a turn' },
  failed: { tone: 'bad', word: 'failed', shape: 'triangle', meaning: 'its last turn failed' },
  broken: { tone: 'bad', word: 'broken', shape: 'cross', meaning: 'its resume cannot be read' },
};

/** @param {string | null | undefined} doing */
export function doingOf(doing) {
  return DOINGS[doing ?? ''] ?? { tone: /** @type {Tone} */ ('quiet'), word: words(doing ?? 'unknown'), shape: 'dot', meaning: '' };
}

/**
 * The mark of a state, without its word.
 * @param {{ shape: keyof typeof SHAPES, tone: Tone }} props
 */
export function Mark({ shape, tone }) {
  return html`<svg class=${`mark tone-${tone}`} width="11" height="11" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
    <path d=${SHAPES[shape]} fill="currentColor" fill-rule="evenodd" />
  </svg>`;
}

/**
 * What an agent does.
 * @param {{ doing: string | null | undefined }} props
 */
export function Doing({ doing }) {
  const found = doingOf(doing);
  return html`<span class=${`badge badge-${found.tone}`} title=${found.meaning}>
    <${Mark} shape=${found.shape} tone=${found.tone} />${found.word}
  </span>`;
}

/** @type {Record<string, Tone>} */
const STATUS_TONES = {
  ok: 'ok',
  done: 'ok',
  delivered: 'ok',
  approved: 'ok',
  closed: 'quiet',
  open: 'info',
  running: 'accent',
  pending: 'warn',
  waiting: 'warn',
  retrying: 'warn',
  failed: 'bad',
  denied: 'bad',
  given_up: 'bad',
  timeout: 'bad',
  error: 'bad',
};

/**
 * The status of a turn, a delivery, an approval.
 * @param {{ status: string | null | undefined, title?: string }} props
 */
export function Status({ status, title }) {
  if (!status) return null;
  return html`<${Badge} tone=${STATUS_TONES[status] ?? 'quiet'} title=${title}>${words(status)}<//>`;
}
