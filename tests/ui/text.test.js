import assert from 'node:assert/strict';
import test from 'node:test';

import { cut, line, safeLink, visible } from '../../src/ui/lib/text.js';

test('plain text stays as it is', () => {
  assert.equal(visible('Should we?\n\tYes: 3 < 4 & "so".'), 'Should we?\n\tYes: 3 < 4 & "so".');
  assert.equal(visible('Grüße, 世界, مرحبا, 👩‍👩‍👧'), 'Grüße, 世界, مرحبا, 👩‍👩‍👧');
});

test('what would steer a terminal is a picture', () => {
  assert.equal(visible('\u001b[31mred\u001b[0m\u0007\u007f'), '␛[31mred␛[0m␇␡');
  assert.equal(visible('a\r\nb\rc'), 'a\nb␍c');
  assert.equal(visible('\u0085\u009b'), '⟨0085⟩⟨009B⟩');
});

test('what would reorder or hide text is shown as its code point', () => {
  assert.equal(visible('user\u202etxt.exe\u2066'), 'user⟨202E⟩txt.exe⟨2066⟩');
  assert.equal(visible('pay\u200bpal\ufeff \u2028'), 'pay⟨200B⟩pal⟨FEFF⟩ ⟨2028⟩');
  assert.equal(visible('a\u{e0041}b'), 'a⟨E0041⟩b');
});

test('a pile of marks and half a character do no harm', () => {
  assert.equal(visible(`Z${'\u0353'.repeat(40)}a`), `Z${'\u0353'.repeat(4)}a`);
  assert.equal(visible('a\ud800b\udc00'), 'a\ufffdb\ufffd');
});

test('what is no text is shown as text', () => {
  assert.equal(visible(null), '');
  assert.equal(visible(undefined), '');
  assert.equal(visible(12), '12');
});

test('a line has no line breaks and an end', () => {
  assert.equal(line('a\n\n  b\tc'), 'a b c');
  assert.equal(line('x'.repeat(50), 10), `${'x'.repeat(9)}…`);
  assert.equal(line('x'.repeat(5_000_000), 10).length, 10);
});

test('a cut never halves a character', () => {
  assert.equal(cut('ab😀', 3), 'ab');
  assert.equal(cut('ab😀', 4), 'ab😀');
});

test('only addresses of the web and of mail are links', () => {
  assert.deepEqual(safeLink('https://example.org/a?b#c'), { href: 'https://example.org/a?b#c', host: 'example.org' });
  assert.equal(safeLink('mailto:a@example.org')?.host, 'a@example.org');
  for (const address of ['javascript:alert(1)', ' JaVaScRiPt:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'blob:x', '//example.org', 'x', '', null, 7]) {
    assert.equal(safeLink(address), null, String(address));
  }
});

test('a link shows the host it leads to and not the one it claims', () => {
  assert.equal(safeLink('https://bank.example@evil.example/'), null);
  assert.equal(safeLink('https://раураl.example/')?.host, 'xn--l-7sba6dbr.example');
});
