/** Somebody else saved first: what they changed, and one's own changes put on top of it. */
import { html, useEffect, useMemo, useState } from '../../lib/preact.js';
import { Button, Dialog, Failure, JsonView, Loading } from '../../lib/components/index.js';
import { ApiError } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { visible } from '../../lib/text.js';
import { readResume } from './resume.js';
import { ResumeDiff } from './resume-diff.js';
import { changesOf, conflictsOf, reapply } from './resume-merge.js';

/**
 * @param {{
 *   agent: any, base: import('./resume.js').Read, mine: any, onClose: () => void,
 *   onReapply: (read: import('./resume.js').Read, text: string) => void,
 * }} props
 */
export function Conflict({ agent, base, mine, onClose, onReapply }) {
  const [theirs, setTheirs] = useState(/** @type {import('./resume.js').Read | null} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [leftToThem, setLeft] = useState(/** @type {Set<string>} */ (new Set()));
  useEffect(() => {
    readResume(agent.name, { at: null }).then(setTheirs, (thrown) => setError(ApiError.from(thrown)));
  }, []);
  const own = useMemo(() => changesOf(base.data ?? {}, mine), [base, mine]);
  const others = useMemo(() => (theirs?.data ? changesOf(base.data ?? {}, theirs.data) : new Map()), [theirs]);
  const conflicts = useMemo(() => conflictsOf(own, others), [own, others]);
  /** @param {string} pointer @param {boolean} isTheirs */
  const choose = (pointer, isTheirs) => {
    const next = new Set(leftToThem);
    if (isTheirs) next.add(pointer);
    else next.delete(pointer);
    setLeft(next);
  };
  return html`<${Dialog}
    title="Somebody else changed this resume"
    wide
    onClose=${onClose}
    actions=${html`<${Button} onClick=${onClose}>Go on editing<//>
      <${Button} disabled=${!theirs?.data} onClick=${() => theirs && onReapply(theirs, theirs.text)}>Take theirs, drop mine<//>
      <${Button} kind="primary" disabled=${!theirs?.data} onClick=${() => theirs && onReapply(theirs, reapply(theirs.text, own, leftToThem))}>Re-apply my changes<//>`}
  >
    ${error
      ? html`<${Failure} error=${error} compact />`
      : !theirs
        ? html`<${Loading} label="What the other changed" />`
        : html`<p>Nothing was saved. The other changed ${plural(others.size, 'field')}, you ${plural(own.size, 'field')}${conflicts.length ? `, ${conflicts.length} of them both` : ', none of them both'}. Re-apply puts yours on top of theirs, for another review.</p>
            <section class="stack-tight"><h3>What the other changed</h3>
              <${ResumeDiff} before=${base.text} after=${theirs.text} label="What the other changed" /></section>
            ${conflicts.map((pointer) => {
              const name = `conflict-${pointer}`;
              const change = own.get(pointer);
              return html`<fieldset key=${pointer} class="conflict">
                <legend>Both changed <code>${visible(pointer)}</code></legend>
                ${[
                  { isTheirs: false, title: 'Mine', value: change?.after },
                  { isTheirs: true, title: 'Theirs', value: others.get(pointer)?.after },
                ].map(
                  (side) => html`<label key=${side.title} class="conflict-side">
                    <span class="row"><input type="radio" name=${name} checked=${leftToThem.has(pointer) === side.isTheirs} onChange=${() => choose(pointer, side.isTheirs)} />${side.title}</span>
                    ${side.value === undefined ? html`<span class="quiet">no value here</span>` : html`<${JsonView} value=${side.value} label=${`${side.title}: the value`} />`}
                  </label>`,
                )}
              </fieldset>`;
            })}`}
  <//>`;
}
