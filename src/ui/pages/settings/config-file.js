/** `org.json` as it is written and as it is being changed; saved with its ETag, so that nobody writes over another's change. */
import { useCallback, useEffect, useMemo, useState } from '../../lib/preact.js';
import { ApiError, address, ask, send } from '../../lib/api.js';
import { parseExact } from '../../lib/exact-json.js';

/** @typedef {{ before: string, etag: string | null }} Saved `before`: the file, to the letter */

/** What was entered and not saved yet, by address: it is still there when one comes back from another page.
 * @type {Map<string, { saved: Saved, text: string }>} */
const drafts = new Map();

/**
 * @param {string} path of the API
 */
export function useFile(path) {
  const url = address(path, { at: null });
  const [saved, setSaved] = useState(/** @type {Saved | null} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [text, setText] = useState('');
  const [round, setRound] = useState(0);
  const [keeps, setKeeps] = useState(false);
  useEffect(() => {
    const draft = round === 0 ? drafts.get(url) : undefined;
    if (draft) {
      setText(draft.text);
      setSaved(draft.saved);
      return undefined;
    }
    let current = true;
    (async () => {
      try {
        const answer = await ask(path, { at: null, headers: { 'Cache-Control': 'no-cache' } });
        const before = await answer.text();
        if (!current) return;
        setSaved({ before, etag: answer.headers.get('ETag') });
        setError(null);
        // After somebody else's change what was entered here stays, to be compared with what is there now.
        if (!keeps) setText(before);
      } catch (failure) {
        if (current) setError(ApiError.from(failure));
      }
    })();
    return () => {
      current = false;
    };
  }, [url, round]);
  const isChanged = saved !== null && text !== saved.before;
  useEffect(() => {
    if (saved && isChanged) drafts.set(url, { saved, text });
    else if (saved) drafts.delete(url);
  }, [text, saved]);
  useEffect(() => {
    if (!isChanged) return undefined;
    const warn = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [isChanged]);
  const read = useMemo(() => {
    try {
      return { value: parseExact(text), fault: null };
    } catch (failure) {
      return { value: null, fault: `This is no JSON: ${failure instanceof Error ? failure.message : ''}` };
    }
  }, [text]);
  const reload = useCallback((/** @type {boolean} */ keep = false) => {
    if (!keep) drafts.delete(url);
    setKeeps(keep);
    setRound((n) => n + 1);
  }, [url]);
  /** @param {boolean} dryRun */
  const put = (dryRun) => send('PUT', path, undefined, { text, ifMatch: saved?.etag ?? undefined, query: dryRun ? { dry_run: true } : {} });
  return { saved, error, text, setText, value: read.value, fault: read.fault, isChanged, put, reload };
}

/** @typedef {ReturnType<typeof useFile>} File */

/**
 * @param {any} value
 * @param {string[]} path
 */
export function fieldOf(value, path) {
  return path.reduce((inner, name) => (inner && typeof inner === 'object' ? inner[name] : undefined), value);
}
