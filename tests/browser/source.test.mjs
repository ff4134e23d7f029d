/** The dashboard's source: its types, and the libraries that it carries. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { installed, root } from './support/packages.mjs';

const ui = join(root, 'src/ui');

describe('the source of the dashboard', { skip: existsSync(ui) ? false : 'there is no src/ui' }, () => {
  test('its types hold', async () => {
    const { bin } = installed('typescript/package.json');
    const compiler = join(dirname(installed.resolve('typescript/package.json')), bin.tsc);
    await promisify(execFile)(process.execPath, [compiler, '-p', join(ui, 'jsconfig.json')]).catch((error) => {
      assert.fail(`${error.stdout}${error.stderr}`);
    });
  });

  test('each library is the one that its checksum names, and each has a checksum', async () => {
    const sums = (await readFile(join(ui, 'vendor/SHA256SUMS'), 'utf8')).trim().split('\n').map((line) => line.split(/\s+\*?/));
    for (const [sum, file] of sums) {
      const bytes = await readFile(join(ui, 'vendor', file));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), sum, file);
    }
    const named = new Set(sums.map(([, file]) => file));
    const scripts = (await readdir(join(ui, 'vendor'), { recursive: true })).filter((file) => file.endsWith('.js'));
    assert.deepEqual(scripts.filter((file) => !named.has(file)), [], 'scripts without a checksum');
  });

  test('nothing in it makes markup of text, or a program of text', async () => {
    const forbidden = /\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|srcdoc|eval|new Function|setAttribute\(['"]on)\b/;
    const files = (await readdir(ui, { recursive: true })).filter((file) => file.endsWith('.js') && !file.startsWith('vendor'));
    const found = [];
    for (const file of files) {
      for (const [i, line] of (await readFile(join(ui, file), 'utf8')).split('\n').entries()) {
        if (forbidden.test(line)) found.push(`${file}:${i + 1}: ${line.trim()}`);
      }
    }
    assert.deepEqual(found, []);
  });
});
