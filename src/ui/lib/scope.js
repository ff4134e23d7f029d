/**
 * What is looked at: which organisation, and as it was after which tick.
 *
 * Both stick to every address of the dashboard (`?org=` and `?at=`), and `lib/api.js` threads both into every request.
 */
import { signal } from './store.js';

/** The tick after which everything is shown; null: now. */
export const at = signal(/** @type {number | null} */ (null));

/** The name of the organisation in `/api/orgs/{org}`; null: the server's default one. */
export const org = signal(/** @type {string | null} */ (null));
