/** What becomes of what a person wrote: it waits, the agent is due, thinks, answers, or does not. */
import { html, useEffect, useState } from '../../lib/preact.js';
import { Button, Icon, Name, say, sayError } from '../../lib/components/index.js';
import { segment, send } from '../../lib/api.js';
import { count, plural, words } from '../../lib/format.js';
import { onEvents } from '../../lib/live.js';
import { may, me, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { visible } from '../../lib/text.js';
import { href } from '../../router.js';
import { nextFires, scheduleInWords } from '../agents/fire-points.js';

/**
 * @typedef {Object} Progress
 * @property {'none' | 'open' | 'due' | 'skipped' | 'thinking' | 'settling' | 'done' | 'failed'} phase
 * @property {number} tick
 * @property {string} [reason]
 */

/** Its answer is read a moment after its turn is told of; until then nothing is said of a missing one. */
const SETTLE_MS = 1_500;

/**
 * What events have told of the agent since the page was opened.
 * @param {string} name
 * @param {string | undefined} doing what the roster says
 * @returns {Progress}
 */
export function useProgress(name, doing) {
  const [progress, setProgress] = useState(/** @type {Progress} */ ({ phase: 'none', tick: 0 }));
  useEffect(() => {
    if (doing === 'thinking' || doing === 'due') setProgress((old) => (old.phase === 'none' ? { phase: doing, tick: 0 } : old));
  }, [doing]);
  useEffect(
    () =>
      onEvents(['tick_opened', 'turn_started', 'turn_committed', 'turn_failed', 'reset'], (event) => {
        const tick = event.tick;
        if (event.type === 'reset') return setProgress({ phase: 'none', tick: 0 });
        if (event.type === 'tick_opened') {
          if ((event.due ?? []).includes(name)) return setProgress({ phase: 'due', tick });
          const skipped = (event.skipped ?? []).find((one) => one.agent === name);
          return setProgress(skipped ? { phase: 'skipped', tick, reason: skipped.reason } : { phase: 'open', tick });
        }
        if (event.agent !== name) return undefined;
        if (event.type === 'turn_started') return setProgress({ phase: 'thinking', tick });
        if (event.type === 'turn_failed') return setProgress({ phase: 'failed', tick, reason: event.outcome ?? event.status });
        return setProgress({ phase: 'settling', tick });
      }),
    [name],
  );
  useEffect(() => {
    if (progress.phase !== 'settling') return undefined;
    const timer = setTimeout(() => setProgress((old) => (old.phase === 'settling' ? { ...old, phase: 'done' } : old)), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [progress]);
  return progress;
}

/**
 * @param {{ name: string, agent: any, progress: Progress, isWaiting: boolean, isUnanswered: boolean, lastTick: number }} props
 *   `isWaiting`: mail waits for a tick; `isUnanswered`: the last word is the person's; `lastTick`: of that word
 */
export function Standing({ name, agent, progress, isWaiting, isUnanswered, lastTick }) {
  const known = useSignal(me);
  const standing = useSignal(status);
  const isHeld = heldBack(agent) !== null || Boolean(standing?.paused);
  // A tick does nothing for who takes no turns.
  const runTick = isHeld ? null : html`<${RunTick} />`;
  const turn = (/** @type {number} */ tick) => html`<a href=${href(`/ticks/${tick}/turns/${segment(name)}`)}>its turn in tick ${count(tick)}</a>`;
  if (progress.phase === 'thinking') {
    return html`<${Line} live icon=${null}><span class="thinking" aria-hidden="true"><i></i><i></i><i></i></span><${Name} value=${name} /> is thinking${progress.tick ? html` <span class="quiet">in tick ${count(progress.tick)}</span>` : null}<//>`;
  }
  if (progress.phase === 'due') return html`<${Line} live icon="clock"><${Name} value=${name} /> is due${progress.tick ? ` in tick ${count(progress.tick)}` : ''}, and thinks soon<//>`;
  if (isWaiting) {
    const agentWaits = heldBack(agent);
    return html`<${Line} icon="clock" action=${runTick}>
      ${agentWaits
        ? html`Your message waits. ${agentWaits}`
        : standing?.paused
          ? 'Your message waits: the organisation is paused.'
          : agent?.schedule?.when === 'always'
            ? html`Your message waits. <${Name} value=${name} /> runs by its schedule alone (${scheduleInWords(agent.schedule)}): ${nextFire(agent, standing)}.`
            : known?.wakes
              ? 'Your message wakes the organisation: a tick begins in a moment.'
              : 'Your message waits for the next tick. This server begins none by itself.'}
    <//>`;
  }
  if (!isUnanswered || progress.phase === 'settling') return null;
  if (progress.phase === 'failed' && progress.tick >= lastTick) {
    return html`<${Line} icon="problems" tone="bad" action=${runTick}>${turn(progress.tick)} failed${progress.reason ? html` (${visible(words(progress.reason))})` : null}. Your message stays unread, and is read again in the next tick.<//>`;
  }
  if (progress.phase === 'skipped' && progress.tick >= lastTick) {
    return html`<${Line} icon="info" tone="warn" action=${runTick}><${Name} value=${name} /> was left out of tick ${count(progress.tick)}: ${visible(words(progress.reason ?? ''))}. ${heldBack(agent) ?? (standing?.paused ? 'The organisation is paused: your message is read when it goes on.' : '')}<//>`;
  }
  const took = progress.phase === 'done' ? progress.tick : (agent?.last_turn?.tick ?? 0);
  if (took >= lastTick && lastTick > 0) {
    return html`<${Line} icon="info"><${Name} value=${name} /> read it in ${turn(took)}, and has not answered you yet. It may have asked others first.<//>`;
  }
  const held = heldBack(agent) ?? (standing?.paused ? 'The organisation is paused: your message is read when it goes on.' : null);
  return html`<${Line} icon="clock" action=${runTick}>
    ${held ?? html`Your message was taken in. <${Name} value=${name} /> reads it when it runs: ${nextFire(agent, standing)}.`}
  <//>`;
}

/**
 * @param {{ children?: any, icon: import('../../lib/icons.js').IconName | null, tone?: string, action?: any, live?: boolean }} props
 */
function Line({ children, icon, tone = '', action, live = false }) {
  return html`<div class=${`standing ${tone ? `standing-${tone}` : ''} ${live ? 'standing-live' : ''}`}>
    ${icon ? html`<${Icon} name=${icon} size=${16} />` : null}<p class="grow">${children}</p>${action}
  </div>`;
}

/** @param {any} agent @param {any} standing */
function nextFire(agent, standing) {
  if (!agent?.schedule || !standing) return 'with one of the next ticks';
  const [next] = nextFires(agent.schedule, standing.clock);
  const ahead = next - standing.clock;
  return ahead <= 1 ? 'with the next tick of the schedule' : `its next fire point is clock ${count(next)}, in ${plural(ahead, 'tick')}`;
}

/**
 * Why the agent takes no turns at all, if that is so.
 * @param {any} agent
 */
export function heldBack(agent) {
  if (!agent) return null;
  if (agent.broken || agent.doing === 'broken') return 'Its resume is broken: it takes no turns until that is mended.';
  if (agent.enabled === false) return 'It is disabled in its resume: it takes no turns.';
  if (agent.paused) return 'It is paused: it answers when somebody resumes its work.';
  if (agent.doing === 'out_of_credits') return 'It is out of credits: it answers after a top-up.';
  return null;
}

/** Runs a tick now, for who may. */
export function RunTick() {
  const [busy, setBusy] = useState(false);
  const known = useSignal(me);
  if (!may('control') || known?.wakes === false) return null;
  const run = async () => {
    setBusy(true);
    try {
      await send('POST', '/engine/tick', {});
      say('A tick begins');
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<${Button} small icon="play" busy=${busy} onClick=${run}>Run a tick now<//>`;
}
