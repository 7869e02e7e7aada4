import assert from 'node:assert/strict';
import test from 'node:test';
import { factor, gainsOf, loudness } from '../../static/js/gains.js';
import { commonRate } from '../../static/js/sounds.js';
import { Kept } from '../../static/js/spectra.js';

const source = (id, lufs, peak = -20, rms = lufs) => ({ id, facts: { lufs, peak_dbfs: peak, rms_dbfs: rms } });

test('the same gain for all unless asked', () => {
  const { gains, lowered, target } = gainsOf([source('R', -23.4), source('A', -10)]);
  assert.deepEqual([gains, lowered, target], [{ R: 0, A: 0 }, 0, null]);
  assert.deepEqual(gainsOf([source('R', -23), source('A', -10)], 'same', -6).gains, { R: -6, A: -6 });
});

test('matched to the reference, in its loudness', () => {
  const { gains, target, unit } = gainsOf([source('R', -23.5), source('A', -21.5), source('B', -24)], 'matched');
  assert.deepEqual([gains, target, unit], [{ R: 0, A: -2, B: 0.5 }, -23.5, 'LUFS']);
});

test('without a reference the quietest is the measure', () => {
  assert.deepEqual(gainsOf([source('A', -20), source('B', -26)], 'matched').gains, { A: -6, B: 0 });
});

test('nothing is raised past full scale: all are lowered together, and it is told', () => {
  const { gains, lowered, over } = gainsOf([source('R', -20, -3), source('A', -30, -4)], 'matched');
  assert.equal(lowered, 6);
  assert.deepEqual(gains, { R: -6, A: 4 });
  assert.deepEqual(over, []);
  assert.deepEqual(gainsOf([source('R', -20, 2.3)]).over, ['R']);
});

test('short clips are matched by RMS, silence not at all', () => {
  const short = gainsOf([source('R', null, -10, -20), source('A', null, -10, -26)], 'matched');
  assert.deepEqual([short.gains, short.unit], [{ R: 0, A: 6 }, 'dBFS RMS']);
  const silent = gainsOf([source('R', -20), { id: 'A', facts: { lufs: '-Infinity', rms_dbfs: '-Infinity' } }], 'matched');
  assert.deepEqual([silent.gains.A, silent.unmatched], [0, ['A']]);
  assert.equal(loudness({}), null);
  assert.ok(Math.abs(factor(-6.0206) - 0.5) < 1e-5);
});

test('sounds of several rates are decoded at the highest', () => {
  assert.equal(commonRate([16000, 44100]), 44100);
  assert.equal(commonRate([undefined, 'x']), 44100);
  assert.equal(commonRate([4000]), 8000);
});

test('what is kept stays within its bytes, the newest always', () => {
  const gone = [];
  const kept = new Kept(100, (key) => gone.push(key));
  kept.put('a', 1, 40);
  kept.put('b', 2, 40);
  kept.get('a');
  kept.put('c', 3, 40);
  assert.deepEqual(gone, ['b']);
  kept.put('d', 4, 500);
  assert.deepEqual([kept.get('a'), kept.get('c'), kept.get('d'), kept.bytes], [undefined, undefined, 4, 500]);
});
