/** `org.json` as it is written and as it is being changed; saved with its ETag, so that nobody writes over another's change. */
import { useCallback, useEffect, useMemo, useState } from '../../lib/preact.js';
import { ApiError, address, ask, send } from '../../lib/api.js';
import { parseExact, pretty } from '../../lib/exact-json.js';

/** @typedef {{ before: string, etag: string | null }} Saved `before`: pretty JSON */

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
        const before = pretty(parseExact(await answer.text()));
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
  const after = read.fault ? text : pretty(read.value);
  /** @param {boolean} dryRun */
  const put = (dryRun) => send('PUT', path, read.value, { ifMatch: saved?.etag ?? undefined, query: dryRun ? { dry_run: true } : {} });
  return { saved, error, text, setText, value: read.value, fault: read.fault, after, isChanged: saved !== null && after !== saved.before, put, reload };
}

/** @typedef {ReturnType<typeof useFile>} File */

/**
 * The value with one field set; undefined takes it away, and with it a branch that is then empty.
 * @param {any} value
 * @param {string[]} path
 * @param {unknown} next
 * @returns {any}
 */
export function withField(value, path, next) {
  const [name, ...rest] = path;
  const copy = { ...(value && typeof value === 'object' && !Array.isArray(value) ? value : {}) };
  if (!rest.length) {
    if (next === undefined) delete copy[name];
    else copy[name] = next;
    return copy;
  }
  const inner = withField(copy[name], rest, next);
  if (Object.keys(inner).length) copy[name] = inner;
  else delete copy[name];
  return copy;
}

/**
 * @param {any} value
 * @param {string[]} path
 */
export function fieldOf(value, path) {
  return path.reduce((inner, name) => (inner && typeof inner === 'object' ? inner[name] : undefined), value);
}
