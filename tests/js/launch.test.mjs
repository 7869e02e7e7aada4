import assert from 'node:assert/strict';
import test from 'node:test';
import * as launch from '../../static/js/launch.js';

test('a form is sent as it stands, the same name more than once', () => {
  const pairs = [['preset', 'old'], ['preset', 'fixed'], ['knob:disc.lr', '1e-4'], ['tags', 'a & b']];
  assert.equal(launch.encoded(pairs, { do: 'show' }), 'preset=old&preset=fixed&knob%3Adisc.lr=1e-4&tags=a+%26+b&do=show');
});

test('trainer, presets and size decide which knobs there are', () => {
  assert.deepEqual(['trainer', 'preset', 'size', 'seed', 'knob:disc.lr'].map(launch.reshapes), [true, true, true, false, false]);
});

test('a knob is found by every word', () => {
  assert.equal(launch.matches('disc.lr learning rate step size of the discriminator', 'rate DISC'), true);
  assert.equal(launch.matches('disc.lr learning rate', 'rate gen'), false);
  assert.equal(launch.matches('anything', '  '), true);
});

test('a third preset takes the place of the one chosen first', () => {
  assert.deepEqual(launch.chosen(['old', 'fixed'], 'dac-plain', true), ['fixed', 'dac-plain']);
  assert.deepEqual(launch.chosen(['old', 'fixed'], 'old', false), ['fixed']);
  assert.deepEqual(launch.chosen([], 'old', true), ['old']);
});

test('problems of a refusal go by knob, the first one said', () => {
  const problems = [{ knob: 'disc.lr', message: 'a' }, { knob: 'disc.lr', message: 'b' }, { message: 'c' }];
  assert.deepEqual(launch.byKnob(problems), { 'disc.lr': 'a', '': 'c' });
});

test('what the doctor proposes goes into fields and is said in words', () => {
  assert.deepEqual([100, 1e-3, true, 'kaiming', null].map(launch.typed), ['100', '0.001', 'true', 'kaiming', '']);
  assert.equal(launch.said({ 'disc.start': 100 }), 'Set disc.start to 100.');
  assert.equal(launch.said({ 'disc.init': 'kaiming', 'disc.lr': 1e-3, 'disc.input_gain': 5 }), 'Set disc.init to kaiming, disc.lr to 0.001 and disc.input_gain to 5.');
});
