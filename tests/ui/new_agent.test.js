import assert from 'node:assert/strict';
import test from 'node:test';

import { faultsOf, nameFault } from '../../src/ui/pages/new-agent/checks.js';
import { beginWith, blank, resumeOf } from '../../src/ui/pages/new-agent/draft.js';

const RESUME = {
  name: 'critic',
  title: 'Critic',
  short_description: 'Looks for what is missing.',
  workflow_description: 'Works on odd ticks.',
  instructions: 'Look.',
  model: { key: 'desk', temperature: 0.3, max_tokens: 4096, top_p: 0.9 },
  permissions: { read_outboxes: ['researcher'], send_outboxes: ['editor'], tools: ['memory_read'] },
  schedule: { run_every_n_ticks: 2, phase_offset: 1, when: 'on_message' },
  credits: { max_credits: 2, soft_cap: 0.5, opening_credits: 1 },
  limits: { max_steps: 3, max_turn_credits: 0.1 },
};

test('a clone is the resume under its new name, and opens its own account', () => {
  const draft = beginWith({ ...blank(), start: 'agent', from: 'critic', name: 'second_critic' }, RESUME);
  const { $schema, ...resume } = resumeOf(draft);
  assert.equal($schema, '../../schemas/resume.schema.json');
  assert.deepEqual(resume, { ...RESUME, name: 'second_critic', credits: { max_credits: 2, soft_cap: 0.5 } });
});

test('what a blank agent does not say is not written', () => {
  const draft = { ...blank(), name: 'poet', title: ' Poet ', description: 'Answers in rhyme.', instructions: 'Rhyme.', model: 'desk' };
  const resume = resumeOf(draft);
  assert.equal(resume.title, 'Poet');
  assert.ok(!('limits' in resume) && !('enabled' in resume) && !('send_outboxes' in resume.permissions));
  assert.deepEqual(resume.schedule, { run_every_n_ticks: 1, phase_offset: 0, when: 'always' });
  assert.equal(resumeOf({ ...draft, enabled: false }).enabled, false);
  assert.deepEqual(resumeOf({ ...draft, readsAll: true }).permissions.read_outboxes, ['*']);
});

test('a name is refused for the reason that it is wrong', () => {
  const taken = new Set(['critic']);
  assert.equal(nameFault('second_critic', taken), null);
  for (const wrong of ['', 'Critic', '7th', 'a-b', 'grüße', 'human', 'all', 'agent_template', 'critic', 'a'.repeat(129)]) {
    assert.ok(nameFault(wrong, taken), wrong);
  }
});

test('a draft that is right has no faults, and each wrong field is named in its step', () => {
  const known = { taken: new Set(['critic']), models: new Set(['desk']) };
  const draft = beginWith({ ...blank(), start: 'agent', from: 'critic', name: 'second_critic' }, RESUME);
  assert.deepEqual(Object.values(faultsOf(draft, known)).map((faults) => Object.keys(faults)), [[], [], [], [], [], [], []]);
  const wrong = faultsOf({ ...draft, model: 'other', temperature: '3', every: '0', softCap: '9', description: 'x'.repeat(201) }, known);
  assert.deepEqual([Object.keys(wrong.who), Object.keys(wrong.work), Object.keys(wrong.schedule), Object.keys(wrong.credits)], [['description'], ['model', 'temperature'], ['every'], ['softCap']]);
});
