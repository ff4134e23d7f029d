/** Where a person writes: Enter sends, Shift+Enter begins a line. */
import { html, useEffect, useRef, useState } from '../../lib/preact.js';
import { Button } from '../../lib/components/index.js';
import { line } from '../../lib/text.js';

/**
 * What was begun and not sent, by agent.
 * @type {Map<string, string>}
 */
const begun = new Map();
const TALLEST_PX = 220;

/** @param {{ name: string, onSend: (text: string) => void }} props */
export function Composer({ name, onSend }) {
  const [text, setText] = useState(begun.get(name) ?? '');
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => {
    if (text) begun.set(name, text);
    else begun.delete(name);
    const element = field.current;
    if (!element) return;
    element.style.setProperty('height', 'auto');
    element.style.setProperty('height', `${Math.min(element.scrollHeight + 2, TALLEST_PX)}px`);
  }, [text]);
  useEffect(() => {
    // On a phone the focus would open the keyboard over the conversation.
    if (matchMedia('(hover: hover)').matches) field.current?.focus({ preventScroll: true });
  }, []);
  const submit = () => {
    if (!text.trim()) return;
    onSend(text.trim());
    setText('');
    field.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    // While a letter is being composed, Enter belongs to the input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  };
  return html`<form class="composer" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); submit(); }}>
    <div class="composer-box">
      <textarea ref=${field} class="composer-text" rows="1" dir="auto" aria-label=${`Message to ${line(name, 60)}`} aria-describedby="composer-hint" placeholder=${`Write to ${line(name, 40)}`} value=${text}
        onInput=${(/** @type {any} */ event) => setText(event.target.value)} onKeyDown=${keys}></textarea>
      <${Button} kind="primary" icon="send" label="Send" type="submit" disabled=${!text.trim()} />
    </div>
    <p class="composer-hint" id="composer-hint"><kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> begins a line</p>
  </form>`;
}
