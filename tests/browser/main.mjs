/**
 * Runs all tests in one process, one after another. `make test-browser` installs what they need first.
 *
 *   node --test-reporter=spec tests/browser/main.mjs [--test-name-pattern WORDS before the file]
 */
import { readdir } from 'node:fs/promises';

const tests = (await readdir(new URL('.', import.meta.url))).filter((name) => name.endsWith('.test.mjs')).sort();
for (const name of tests) await import(`./${name}`);
