/** A line for a terminal, with a button that copies it. */
import { html } from '../../lib/preact.js';
import { Button, say } from '../../lib/components/index.js';
import { visible } from '../../lib/text.js';

/** @param {{ text: string }} props */
export function Command({ text }) {
  const copy = () => navigator.clipboard?.writeText(text).then(() => say('The command is copied'), () => say('The browser does not let it be copied', 'bad'));
  return html`<span class="command"><code>${visible(text)}</code><${Button} kind="ghost" small icon="copy" label=${`Copy: ${visible(text)}`} onClick=${copy} /></span>`;
}
