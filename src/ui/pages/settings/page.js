/** How the organisation is set up, what it consists of, and what goes in and out. */
import { html } from '../../lib/preact.js';
import { Icon, PageHead, Tabs } from '../../lib/components/index.js';
import { at } from '../../lib/scope.js';
import { me } from '../../lib/session.js';
import { useSignal } from '../../lib/store.js';
import { setQuery } from '../../router.js';
import { AboutTab, KeysTab } from './about.js';
import { DeliveriesTab, IngressTab } from './deliveries.js';
import { TemplatesTab, ToolsTab } from './lists.js';
import { ModelsTab } from './models.js';
import { OrganisationTab } from './organisation.js';

const TABS = /** @type {const} */ ([
  ['organisation', 'Organisation', OrganisationTab],
  ['models', 'Models', ModelsTab],
  ['tools', 'Tools', ToolsTab],
  ['deliveries', 'Deliveries', DeliveriesTab],
  ['ingress', 'Ingress', IngressTab],
  ['templates', 'Templates', TemplatesTab],
  ['keys', 'Keys', KeysTab],
  ['about', 'About', AboutTab],
]);

/** @param {{ query: Record<string, string> }} props */
export default function Settings({ query }) {
  const tick = useSignal(at);
  useSignal(me);
  const [chosen, , Body] = TABS.find(([id]) => id === query.tab) ?? TABS[0];
  return html`<div class="page settings">
    <${PageHead} title="Settings" hint="How the organisation is set up, and what goes in and out." />
    ${tick !== null ? html`<p class="notice"><${Icon} name="history" size=${16} />Settings are shown as they are now: only what agents did has a past here.</p>` : null}
    <${Tabs} label="Settings" chosen=${chosen} tabs=${TABS.map(([id, title]) => ({ id, title }))} onChoose=${(/** @type {string} */ id) => setQuery({ tab: id === 'organisation' ? null : id })}>
      <${Body} />
    <//>
  </div>`;
}
