import { html } from '../../lib/preact.js';
import { PageHead } from '../../lib/components/index.js';

/** @param {{ params: Record<string, string>, query: Record<string, string> }} props */
export default function Page({ params }) {
  return html`<div class="page"><${PageHead} title="Settings" hint=${Object.values(params).join(' ')} /></div>`;
}
