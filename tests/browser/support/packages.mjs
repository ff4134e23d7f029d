/** The packages that `localstack/browser.sh` installed, which lie outside of this folder. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** `require`, as a file beside the installed packages would have it. */
export const installed = createRequire(new URL('../../../.cache/browser/package.json', import.meta.url));
