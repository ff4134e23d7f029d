/** What was read last stays in sight while another moment of it is being read. */
import { useRef } from './preact.js';
import { org } from './scope.js';
import { useSignal } from './store.js';

/**
 * @template T
 * @param {import('./resource.js').Resource<T>} resource
 * @returns {import('./resource.js').Resource<T>}
 */
export function useKept(resource) {
  const which = useSignal(org);
  const kept = useRef(/** @type {{ org: string | null, data: T | null }} */ ({ org: which, data: null }));
  if (kept.current.org !== which) kept.current = { org: which, data: null };
  if (resource.data !== null) kept.current.data = resource.data;
  return { ...resource, data: resource.data ?? kept.current.data, loading: resource.loading && kept.current.data === null };
}
