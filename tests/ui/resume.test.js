import assert from 'node:assert/strict';
import test from 'node:test';

import { firePoint, nextFires, scheduleInWords } from '../../src/ui/pages/agents/fire-points.js';
import { sectionsOf } from '../../src/ui/pages/agents/prompt-sections.js';
import { changesOf, conflictsOf, reapply } from '../../src/ui/pages/agents/resume-merge.js';
import { check } from '../../src/ui/pages/agents/resume-rules.js';

const GOOD = { name: 'critic', title: 'Critic', short_description: 'Looks.', instructions: 'Look.', model: { key: 'desk' } };
const wrong = (/** @type {unknown} */ resume) => check(resume, 'critic').map((finding) => finding.pointer);

test('a resume with what is required has nothing wrong', () => {
  assert.deepEqual(wrong(GOOD), []);
  assert.deepEqual(wrong({ ...GOOD, permissions: { read_outboxes: '*', send_outboxes: ['a'], tools: [] }, enabled: false, made_up: 1 }), []);
});

test('what is missing, of another type or out of range is named by its pointer', () => {
  assert.deepEqual(wrong({}), ['/name', '/title', '/short_description', '/instructions', '/model/key']);
  assert.deepEqual(wrong({ ...GOOD, name: 'writer' }), ['/name']);
  assert.deepEqual(wrong({ ...GOOD, short_description: 'é'.repeat(200) }), []);
  assert.deepEqual(wrong({ ...GOOD, short_description: 'é'.repeat(201) }), ['/short_description']);
  assert.deepEqual(wrong({ ...GOOD, schedule: { run_every_n_ticks: 0, phase_offset: 1.5, when: 'never' } }), ['/schedule/run_every_n_ticks', '/schedule/phase_offset', '/schedule/when']);
  assert.deepEqual(wrong({ ...GOOD, schedule: { phase_offset: 2 ** 60 } }), ['/schedule/phase_offset']);
  assert.deepEqual(wrong({ ...GOOD, model: 'desk' }), ['/model', '/model/key']);
  assert.deepEqual(wrong({ ...GOOD, model: { key: 'desk', temperature: 3 } }), ['/model/temperature']);
  assert.deepEqual(wrong({ ...GOOD, permissions: { tools: ['a', 1] } }), ['/permissions/tools']);
  assert.deepEqual(wrong([]), ['']);
});

test('two people who changed different fields keep both changes', () => {
  const base = { title: 'Critic', limits: { max_steps: 3 }, tools: ['a'] };
  const mine = changesOf(base, { ...base, limits: { max_steps: 5 } });
  const theirs = '{\n  "title": "Chief",\n  "limits": { "max_steps": 3 },\n  "tools": ["a"]\n}\n';
  assert.deepEqual(conflictsOf(mine, changesOf(base, JSON.parse(theirs))), []);
  assert.equal(reapply(theirs, mine, new Set()), theirs.replace('3', '5'));
});

test('a field that both changed is a conflict, unless both say the same', () => {
  const base = { title: 'Critic', model: { key: 'a' } };
  const mine = changesOf(base, { title: 'Mine', model: { key: 'b' } });
  const theirs = { title: 'Theirs', model: { key: 'b' } };
  assert.deepEqual(conflictsOf(mine, changesOf(base, theirs)), ['/title']);
  assert.equal(JSON.parse(reapply(JSON.stringify(theirs), mine, new Set(['/title']))).title, 'Theirs');
  assert.equal(JSON.parse(reapply(JSON.stringify(theirs), mine, new Set())).title, 'Mine');
});

test('who changes a field in an object that the other took away has a conflict', () => {
  const base = { limits: { max_steps: 3 } };
  const mine = changesOf(base, { limits: { max_steps: 5 } });
  assert.deepEqual(conflictsOf(mine, changesOf(base, {})), ['/limits/max_steps']);
});

test('the order of fields is no change', () => {
  assert.equal(changesOf({ a: [{ x: 1, y: 2 }] }, { a: [{ y: 2, x: 1 }] }).size, 0);
});

test('an agent fires where clock plus offset is a multiple of its period', () => {
  for (const [every, offset] of [[1, 0], [2, 1], [6, 0], [6, -1], [7, 20], [5, -13]]) {
    const schedule = { run_every_n_ticks: every, phase_offset: offset };
    const expected = [];
    for (let clock = 11; expected.length < 4; clock += 1) if ((((clock + offset) % every) + every) % every === 0) expected.push(clock);
    assert.deepEqual(nextFires(schedule, 10, 4), expected, `every ${every}, offset ${offset}`);
    assert.equal(expected[0] % every, firePoint(schedule));
  }
  assert.equal(scheduleInWords({ run_every_n_ticks: 6, when: 'on_message' }), 'every 6 ticks, with mail');
});

test('a prompt is cut at the headings of the engine', () => {
  const sections = sectionsOf([
    { role: 'system', content: 'Rules.\n\n# Who you are\n\nName: a\n## not a section\n' },
    { role: 'user', content: '# Now\n\nTick 5.' },
  ]);
  assert.deepEqual(
    sections.map(({ role, title, text }) => [role, title, text]),
    [
      ['system', 'How it works', 'Rules.'],
      ['system', 'Who you are', 'Name: a\n## not a section'],
      ['user', 'Now', 'Tick 5.'],
    ],
  );
});
