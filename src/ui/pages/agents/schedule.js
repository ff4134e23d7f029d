/** When an agent runs: as a dial, and as text. */
import { html } from '../../lib/preact.js';
import { Badge, Card, Empty, LinkButton, Time } from '../../lib/components/index.js';
import { segment } from '../../lib/api.js';
import { count, plural } from '../../lib/format.js';
import { may, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { href } from '../../router.js';
import { ScheduleClock } from './clock.js';
import { firePoint, nextFires, scheduleInWords } from './fire-points.js';

/** @param {{ agent: any }} props */
export function ScheduleTab({ agent }) {
  const standing = useSignal(status);
  const schedule = agent.schedule ?? agent.resume?.schedule;
  if (!schedule) {
    return html`<${Card}><${Empty} icon="clock" title="No schedule can be read">Its resume is broken, or not there at this tick.<//><//>`;
  }
  const clock = standing?.clock ?? 0;
  const known = new Map((agent.next ?? []).map((/** @type {any} */ one) => [one.clock, one]));
  const next = nextFires(schedule, clock, 8);
  const rests = agent.enabled === false ? 'It is disabled in its resume' : agent.paused ? 'It is paused' : agent.broken ? 'Its resume is broken' : null;
  return html`<div class="schedule">
    <${Card} title="Schedule clock" hint=${schedule.run_every_n_ticks < 12 ? 'A round is some periods' : 'A round is one period'}
      actions=${may('edit') ? html`<${LinkButton} small icon="edit" href=${href(`/agents/${segment(agent.name)}`, { tab: 'resume' })}>Edit<//>` : null}>
      <${ScheduleClock} schedule=${schedule} clock=${clock} />
      <ul class="dial-key" aria-hidden="true">
        <li><i class="dial-key-fire"></i>fire point</li>
        <li><i class="dial-key-next"></i>the next one</li>
        <li><i class="dial-key-wait"></i>until then</li>
      </ul>
    <//>
    <div class="stack">
      <${Card} title="In words">
        <div class="stack">
          ${rests ? html`<p><${Badge} tone="warn">rests<//> ${rests}: no fire point wakes it.</p>` : null}
          <p class="schedule-words">It runs <strong>${scheduleInWords(schedule)}</strong>${schedule.when === 'on_message' ? '; without unread mail a fire point passes, and costs nothing' : ''}.
          The next fire point is clock <strong class="nums">${count(next[0])}</strong>, in ${plural(next[0] - clock, 'tick')}.</p>
          <dl class="facts">
            <dt>Period</dt><dd class="nums">${plural(schedule.run_every_n_ticks, 'tick')}</dd>
            <dt>Phase offset</dt><dd class="nums">${schedule.phase_offset ?? 0}</dd>
            <dt>Fires where</dt><dd class="nums"><code>clock mod ${schedule.run_every_n_ticks} = ${firePoint(schedule)}</code></dd>
            <dt>When</dt><dd>${schedule.when === 'on_message' ? 'only with unread mail' : 'at every fire point'}</dd>
          </dl>
        </div>
      <//>
      <${Card} title="Next fire points">
        <ol class="fires">
          ${next.map((fire) => html`<li key=${fire}><span class="nums">clock ${count(fire)}</span><span class="quiet nums">in ${plural(fire - clock, 'tick')}</span>${known.get(fire)?.at ?? known.get(fire)?.time ? html`<${Time} value=${known.get(fire).at ?? known.get(fire).time} />` : null}</li>`)}
        </ol>
      <//>
    </div>
  </div>`;
}
