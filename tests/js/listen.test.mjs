import assert from 'node:assert/strict';
import test from 'node:test';
import { moments, ticks, told } from '../../static/js/listen.js';

const take = (step, epoch = step / 60) => ({ step, epoch, url: `/${step}` });

test('every evaluated epoch of any run is a moment, and runs snap to what they have', () => {
  const found = moments({ R: [take(0)], A: [take(0), take(60), take(120)], B: [take(0), take(120)] });
  assert.deepEqual(found.map((m) => m.at), [0, 1, 2]);
  assert.equal(found[1].takes.A.step, 60);
  assert.equal(found[1].takes.B.step, 0);
  assert.equal(found[1].takes.R.step, 0);
});

test('runs without epochs are told by step', () => {
  assert.deepEqual(moments({ A: [take(10, null), take(20, null)] }).map((m) => m.at), [10, 20]);
  assert.deepEqual(moments({ R: [take(0)] }), []);
});

test('levels are told, and what is wrong with them stands out', () => {
  const fine = told({ facts: { peak_dbfs: -4.1, lufs: -23.4, clipped_share: 0, dc: 0.0001, nonfinite: 0 } });
  assert.deepEqual(fine.map((p) => p.text), ['peak −4.1 dBFS', '−23.4 LUFS']);
  assert.equal(fine.some((p) => p.bad), false);
  const bad = told({ facts: { peak_dbfs: 2.3, lufs: null, rms_dbfs: '-Infinity', clipped_share: 0.0213, dc: 0.02, nonfinite: 3 } });
  assert.deepEqual(bad.filter((p) => p.bad).map((p) => p.text), ['peak 2.3 dBFS', '2.1 % at full scale or beyond', 'DC 2.0 %', '3 samples are no numbers']);
  assert.ok(bad.some((p) => p.text === 'rms −∞ dBFS'));
  assert.deepEqual(told({}), []);
});

test('a time axis has few, round ticks', () => {
  assert.deepEqual(ticks(2.95).map(([, text]) => text), ['0.0', '0.5', '1.0', '1.5', '2.0', '2.5']);
  assert.deepEqual(ticks(0), []);
  assert.ok(ticks(3600).length <= 8);
});
