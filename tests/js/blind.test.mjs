import assert from 'node:assert/strict';
import test from 'node:test';
import { answerOf, choicesOf, progress, rated, spoken, told } from '../../static/js/blind.js';
import { asked, wrong } from '../../static/js/blindmake.js';

const trial = { trial: 't', sounds: [{ label: 'R' }, { label: '1' }, { label: '2' }] };

test('an answer is complete or it is none', () => {
  assert.equal(answerOf('abx', trial, {}), null);
  assert.equal(answerOf('abx', trial, { choice: 'same' }), null, 'ABX knows no tie');
  assert.deepEqual(answerOf('abx', trial, { choice: 'B' }), { trial: 't', choice: 'B' });
  assert.deepEqual(answerOf('preference', trial, { choice: 'same' }), { trial: 't', choice: 'same' });
  assert.equal(answerOf('mushra', trial, { ratings: { 1: 50 } }), null, 'each is rated');
  assert.equal(answerOf('mushra', trial, { ratings: { 1: 50, 2: 101 } }), null);
  assert.deepEqual(answerOf('mushra', trial, { ratings: { 1: 50, 2: 0, R: 3 } }), { trial: 't', ratings: { 1: 50, 2: 0 } });
});

test('labels, choices and progress in words', () => {
  assert.deepEqual(rated(trial.sounds), ['1', '2']);
  assert.deepEqual(choicesOf('preference').map(([value]) => value), ['A', 'B', 'same']);
  assert.deepEqual(choicesOf('mushra'), []);
  assert.equal(progress(2, 16), 'trial 3 of 16');
  assert.equal(progress(16, 16), '16 of 16 answered');
  assert.equal(spoken('R'), 'Reference');
});

test('the end tells what each trial was', () => {
  const names = { A: 'old', B: 'fixed', R: 'hidden reference' };
  const hidden = { A: 'B', B: 'A', X: 'A' };
  assert.equal(told({ hidden, choice: 'B' }, names), 'X was B, old: right');
  assert.equal(told({ hidden, choice: 'A' }, names), 'X was B, old: wrong');
  assert.equal(told({ hidden: { A: 'B', B: 'A' }, choice: 'same' }, names), 'no difference');
  assert.equal(told({ hidden: { A: 'B', B: 'A' }, choice: 'A' }, names), 'fixed');
  assert.equal(told({ hidden: { 1: 'A', 2: 'R' }, ratings: { 1: 40, 2: 100 } }, names), 'hidden reference 100, old 40');
});

test('the form says what is wrong before it is sent, and sends no more than was given', () => {
  const form = { kind: 'abx', sources: [{ run: 'a', step: '10' }, { run: 'b', reference: true }], trials: '16', level: 'same', alone: true, note: '', slot: '', seed: '' };
  assert.equal(wrong(form), '');
  assert.deepEqual(asked(form), { kind: 'abx', sources: [{ run: 'a', step: 10 }, { run: 'b', reference: true }], trials: 16, level: 'same', alone: true, note: '' });
  assert.match(wrong({ ...form, sources: [] }), /exactly two/);
  assert.match(wrong({ ...form, trials: '0' }), /1 to 200/);
  assert.match(wrong({ ...form, trials: '2.5' }), /1 to 200/);
  assert.match(wrong({ ...form, seed: 'x' }), /whole number/);
  assert.match(wrong({ ...form, kind: 'mushra', sources: [] }), /at least one/);
  assert.deepEqual(asked({ ...form, slot: 's', seed: '7' }).seed, 7);
});
