import assert from 'node:assert/strict';
import test from 'node:test';
import { patchOf, rangeOf, sentence, timeOfDay } from '../../static/js/run.js';
import { lasts } from '../../static/js/view.js';

test('a fork changes only what was changed', () => {
  const rows = [
    { knob: 'disc.lr', was: '1e-4', value: ' 1e-3 ' },
    { knob: 'seed', was: '3', value: '3' },
  ];
  assert.deepEqual(patchOf(rows), { 'disc.lr': '1e-3' });
});

test('ranges in words', () => {
  assert.equal(rangeOf('0', '1'), '0 to 1');
  assert.equal(rangeOf('0', undefined), 'at least 0');
  assert.equal(rangeOf(undefined, '9'), 'at most 9');
  assert.equal(rangeOf(undefined, undefined), '');
});

test('messages become sentences', () => {
  assert.equal(sentence('the broker is down'), 'The broker is down.');
  assert.equal(sentence('Gone.'), 'Gone.');
});

test('times of the console are the reader’s own', () => {
  assert.match(timeOfDay(0), /^\d\d:\d\d:\d\d$/);
});

test('small multiples show last values without a leading nought, hidden runs left out', () => {
  const meta = { runs: { A: { last: 0.5 }, B: { last: 0.843 }, C: { last: null }, D: { last: 12.3 } } };
  assert.equal(lasts(meta), '.50 .84 12.3');
  assert.equal(lasts(meta, new Set(['A'])), '.84 12.3');
  assert.equal(lasts(undefined), '');
});
