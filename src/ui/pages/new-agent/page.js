/** Makes an agent, step by step. */
import { html, useEffect, useMemo, useRef, useState } from '../../lib/preact.js';
import { Button, Card, Confirm, Empty, Failure, Icon, LinkButton, Loading, PageHead, say, sayError } from '../../lib/components/index.js';
import { ApiError, get, segment, send } from '../../lib/api.js';
import { modelsOf } from '../../lib/models.js';
import { useResource } from '../../lib/resource.js';
import { useRoster } from '../../lib/roster.js';
import { at } from '../../lib/scope.js';
import { may, me, status } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { href, navigate, setQuery } from '../../router.js';
import { faultsOf } from './checks.js';
import { beginWith, resumeOf, useDraft } from './draft.js';
import { PermissionsStep } from './permissions.js';
import { ReviewStep } from './review.js';
import { StartStep } from './start.js';
import { CreditsStep, ScheduleStep, WhoStep, WorkStep } from './steps.js';

const STEPS = /** @type {const} */ ([
  ['start', 'Begin'],
  ['who', 'Name and title'],
  ['work', 'Instructions and model'],
  ['schedule', 'Schedule'],
  ['permissions', 'Permissions'],
  ['credits', 'Credits'],
  ['review', 'Review'],
]);

/** @param {{ query: Record<string, string> }} props */
export default function NewAgent({ query }) {
  useSignal(me);
  const tick = useSignal(at);
  if (tick !== null || !may('edit')) {
    return html`<div class="page"><${PageHead} title="New agent" /><${Card}>
      <${Empty} icon="key" title=${tick !== null ? 'The past cannot be changed' : 'Your key does not allow this'} action=${html`<${LinkButton} href=${href('/agents')}>To the agents<//>`}>
        ${tick !== null ? 'Go back to the present to make an agent.' : html`To make an agent a key needs the scope <code>edit</code>, as the role admin has it.`}
      <//><//></div>`;
  }
  return html`<${Wizard} step=${query.step} like=${query.like} />`;
}

/** @param {{ step: string | undefined, like: string | undefined }} props */
function Wizard({ step, like }) {
  const known = useSignal(status);
  const roster = useRoster();
  const models = useResource('/models');
  const tools = useResource('/tools');
  const credits = useResource('/credits', { query: { limit: 1 } });
  const { draft, change, setDraft, forget } = useDraft();
  const [shown, setShown] = useState(/** @type {Set<string>} */ (new Set()));
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState(/** @type {ApiError | null} */ (null));
  const [isGood, setGood] = useState(false);
  const [isEmptying, setEmptying] = useState(false);
  const head = useRef(/** @type {HTMLElement | null} */ (null));
  const agents = roster.agents;
  const list = useMemo(() => (models.data ? modelsOf(models.data) : null), [models.data]);
  const faults = useMemo(
    () => faultsOf(draft, { taken: new Set((agents ?? []).map((agent) => agent.name)), models: list ? new Set(list.map((model) => model.key)) : null }),
    [draft, agents, list],
  );
  const here = Math.max(0, STEPS.findIndex(([id]) => id === step));
  const [id, title] = STEPS[here];
  useEffect(() => {
    // Of one there is nothing to choose, also where a template thinks with another.
    if (list?.length === 1 && draft.model !== list[0].key) change({ model: list[0].key });
  }, [list, draft.model]);
  useEffect(() => {
    // A link may say with whose resume to begin.
    if (!like || like === draft.from) return;
    get(`/agents/${segment(like)}/resume`, { at: null }).then(
      (resume) => setDraft(beginWith({ ...draft, start: 'agent', from: like }, resume)),
      (error) => sayError(error),
    );
  }, [like]);
  /** @param {number} to */
  const go = (to) => {
    setShown(new Set([...shown, id]));
    setQuery({ step: to === 0 ? null : STEPS[to][0] }, { replace: false });
    requestAnimationFrame(() => {
      head.current?.focus({ preventScroll: true });
      document.getElementById('main')?.scrollTo(0, 0);
    });
  };
  const next = () => {
    // A step that is not right says so, and does not let go.
    if (Object.keys(faults[id]).length) {
      setShown(new Set([...shown, id]));
      requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector('.wizard-body [aria-invalid]'))?.focus());
    } else go(Math.min(here + 1, STEPS.length - 1));
  };
  const create = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await send('POST', '/agents', { resume: resumeOf(draft) });
      const { name } = draft;
      forget();
      say(`${name} is made`, 'ok', 'It begins with the next tick.');
      navigate(`/agents/${segment(name)}`);
    } catch (error) {
      setFailure(ApiError.from(error));
      setBusy(false);
    }
  };
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (event.key !== 'Enter' || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    if (id !== 'review') next();
  };
  const failed = roster.error ?? models.error ?? tools.error;
  if (!agents || !list || !tools.data) {
    return html`<div class="page"><${PageHead} title="New agent" />${failed ? html`<${Failure} error=${failed} onRetry=${() => { roster.reload(); models.reload(); tools.reload(); }} />` : html`<${Loading} label="What there is" rows=${6} />`}</div>`;
  }
  // A field complains once it was left wrong, not while it is empty for the first time; a name complains while it is typed.
  /** @type {Record<string, string>} */
  const told = { ...(shown.has(id) ? faults[id] : {}), ...(id === 'who' && draft.name && faults.who.name ? { name: faults.who.name } : {}) };
  const shared = { draft, change, faults: told };
  const open = STEPS.filter(([one]) => Object.keys(faults[one]).length).map(([one, name]) => ({ step: one, title: name, faults: Object.values(faults[one]) }));
  const isTouched = Boolean(draft.name || draft.title || draft.instructions || draft.base);
  return html`<div class="page wizard" onKeyDown=${keys}>
    <${PageHead} title="New agent" hint="A resume: who it is, when it runs, whom it reads, and what it may spend."
      actions=${isTouched ? html`<${Button} kind="ghost" icon="trash" onClick=${() => setEmptying(true)}>Begin anew<//>` : null} />
    <div class="wizard-grid">
      <nav class="steps" aria-label="Steps">
        <p class="steps-phone">Step ${here + 1} of ${STEPS.length}</p>
        <ol>${STEPS.map(([one, name], i) => {
          const isWrong = Object.keys(faults[one]).length > 0 && shown.has(one);
          const isDone = !isWrong && Object.keys(faults[one]).length === 0 && shown.has(one) && i !== here;
          return html`<li key=${one}><button type="button" class=${`step ${isWrong ? 'step-wrong' : isDone ? 'step-done' : ''}`} aria-current=${i === here ? 'step' : undefined} onClick=${() => go(i)}>
            <span class="step-mark" aria-hidden="true">${isDone ? html`<${Icon} name="check" size=${13} />` : isWrong ? '!' : i + 1}</span><span class="step-name">${name}</span>
            ${isWrong ? html`<span class="sr-only"> (something is missing)</span>` : isDone ? html`<span class="sr-only"> (done)</span>` : null}
          </button></li>`;
        })}</ol>
      </nav>
      <section class="card wizard-card" aria-labelledby="step-title">
        <div class="wizard-body">
          <h2 id="step-title" tabindex="-1" ref=${head}>${title}</h2>
          ${id === 'start' ? html`<${StartStep} draft=${draft} setDraft=${setDraft} agents=${agents} fault=${told.from} />` : null}
          ${id === 'who' ? html`<${WhoStep} ...${shared} agents=${agents} />` : null}
          ${id === 'work' ? html`<${WorkStep} ...${shared} models=${list} />` : null}
          ${id === 'schedule' ? html`<${ScheduleStep} ...${shared} clock=${known?.clock ?? 0} agents=${agents} />` : null}
          ${id === 'permissions' ? html`<${PermissionsStep} draft=${draft} change=${change} agents=${agents} tools=${tools.data.tools} />` : null}
          ${id === 'credits' ? html`<${CreditsStep} ...${shared} unit=${credits.data?.unit ?? 'USD'} />` : null}
          ${id === 'review' ? html`<${ReviewStep} draft=${draft} open=${open} failure=${failure} onReady=${setGood} onStep=${(/** @type {string} */ to) => go(STEPS.findIndex(([one]) => one === to))} />` : null}
        </div>
        <footer class="wizard-foot">
          ${here > 0 ? html`<${Button} icon="left" onClick=${() => go(here - 1)}>Back<//>` : null}
          <span class="grow quiet small wizard-keys">${id === 'review' ? '' : html`<kbd>Ctrl</kbd> <kbd>Enter</kbd> for the next step`}</span>
          ${id === 'review'
            ? html`<${Button} kind="primary" icon="plus" busy=${busy} disabled=${!isGood} onClick=${create}>Make the agent<//>`
            : html`<${Button} kind="primary" onClick=${next}>Next: ${STEPS[here + 1][1]}<//>`}
        </footer>
      </section>
    </div>
    ${isEmptying
      ? html`<${Confirm} title="Begin anew?" confirm="Begin anew" danger onClose=${() => setEmptying(false)} onConfirm=${() => { forget(); setShown(new Set()); setEmptying(false); go(0); }}>
          <p>What you have entered is put away.</p>
        <//>`
      : null}
  </div>`;
}
