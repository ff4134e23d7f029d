/** A file, shown as text and as nothing else. What is no text, or too long, can be downloaded. */
import { html, useEffect, useState } from '../../lib/preact.js';
import { Button, Dialog, Failure, Loading, Name, Text, sayError } from '../../lib/components/index.js';
import { ApiError, ask, download, segments } from '../../lib/api.js';
import { size } from '../../lib/format.js';
import { at } from '../../lib/scope.js';
import { useSignal } from '../../lib/store.js';

/** More than this is not read into the page, in bytes. */
const MOST = 1024 * 1024;

/** @param {{ path: string, file: string, onClose: () => void }} props `path`: of the listing in the API; `file`: below it */
export function FilePreview({ path, file, onClose }) {
  const tick = useSignal(at);
  const address = `${path}/${segments(file)}`;
  const [state, setState] = useState(/** @type {{ text: string | null, bytes: number, error: ApiError | null } | null} */ (null));
  useEffect(() => {
    const ended = new AbortController();
    setState(null);
    read(address, ended.signal).then(setState, (error) => {
      if (!ended.signal.aborted) setState({ text: null, bytes: 0, error: ApiError.from(error) });
    });
    return () => ended.abort();
  }, [address, tick]);
  const keep = () => download(address, file.split('/').pop() ?? 'file').catch(sayError);
  return html`<${Dialog}
    title=${html`<${Name} value=${file} class="mono" />`}
    wide
    onClose=${onClose}
    actions=${html`<${Button} icon="download" onClick=${keep}>Download<//><${Button} kind="primary" onClick=${onClose}>Close<//>`}
  >
    ${state === null
      ? html`<${Loading} label="The file" rows=${5} />`
      : state.error
        ? html`<${Failure} error=${state.error} compact />`
        : state.text === null
          ? html`<p class="quiet">${state.bytes > MOST ? `It is too large to show here (${size(state.bytes)}).` : 'It is no text.'} Download it to see it.</p>`
          : state.text === ''
            ? html`<p class="quiet">The file is empty.</p>`
            : html`<div class="preview" tabindex="0" role="group" aria-label="The file as text"><${Text} value=${state.text} mono max=${60_000} /></div><p class="quiet small">${size(state.bytes)}, shown as text</p>`}
  <//>`;
}

/**
 * @param {string} address
 * @param {AbortSignal} signal
 * @returns {Promise<{ text: string | null, bytes: number, error: null }>}
 */
async function read(address, signal) {
  const answer = await ask(address, { headers: { Accept: '*/*' }, signal });
  const told = Number(answer.headers.get('Content-Length'));
  if (told > MOST) {
    await answer.body?.cancel();
    return { text: null, bytes: told, error: null };
  }
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes.length > MOST) return { text: null, bytes: bytes.length, error: null };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text: text.includes('\0') ? null : text, bytes: bytes.length, error: null };
  } catch {
    return { text: null, bytes: bytes.length, error: null };
  }
}
