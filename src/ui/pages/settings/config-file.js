/** `org.json` as it is written and as it is being changed; saved with its ETag, so that nobody writes over another's change. */
import { useCallback, useEffect, useMemo, useState } from '../../lib/preact.js';
import { ApiError, address, ask, send } from '../../lib/api.js';
import { parseExact } from '../../lib/exact-json.js';

/** @typedef {{ before: string, etag: string | null }} Saved `before`: the file, to the letter */

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
  const read = useMemo(() => {
    try {
      return { value: parseExact(text), fault: null };
    } catch (failure) {
      return { value: null, fault: `This is no JSON: ${failure instanceof Error ? failure.message : ''}` };
    }
  }, [text]);
  const reload = useCallback((/** @type {boolean} */ keep = false) => {
    setKeeps(keep);
    setRound((n) => n + 1);
  }, []);
  /** @param {boolean} dryRun */
  const put = (dryRun) => send('PUT', path, undefined, { text, ifMatch: saved?.etag ?? undefined, query: dryRun ? { dry_run: true } : {} });
  return { saved, error, text, setText, value: read.value, fault: read.fault, isChanged: saved !== null && text !== saved.before, put, reload };
}

/** @typedef {ReturnType<typeof useFile>} File */

/**
 * @param {any} value
 * @param {string[]} path
 */
export function fieldOf(value, path) {
  return path.reduce((inner, name) => (inner && typeof inner === 'object' ? inner[name] : undefined), value);
}
