import assert from 'node:assert/strict';
import test from 'node:test';
import * as p from '../../static/js/parallel.js';

const runs = [
  { key: 'A', values: [1e-4, 0, 5] },
  { key: 'B', values: [1e-3, 1, 9] },
  { key: 'C', values: [1e-2, 1, null] },
];
const axes = p.reaching(
  [
    { name: 'disc.lr', kind: 'knob', log: true, values: null },
    { name: 'disc.kind', kind: 'knob', log: false, values: ['mpd', 'stft'] },
    { name: 'eval/snr', kind: 'score', log: false, values: null },
    { name: 'eval/none', kind: 'score', log: false, values: null },
  ],
  runs.map((run) => ({ ...run, values: [...run.values, null] })),
);

test('an axis reaches over its values, and one without values is left out', () => {
  assert.deepEqual(axes.map((a) => a.name), ['disc.lr', 'disc.kind', 'eval/snr']);
  assert.deepEqual(axes[2].reach, [5, 9]);
});

test('places on an axis, in decades where it is logarithmic', () => {
  assert.ok(Math.abs(p.share(axes[0], 1e-3) - 0.5) < 1e-9);
  assert.ok(Math.abs(p.valueAt(axes[0], 0.5) - 1e-3) < 1e-9);
  assert.equal(p.share(axes[2], 6), 0.25);
  assert.ok(Number.isNaN(p.share(axes[2], null)));
  assert.equal(p.valueAt(axes[2], 7), 9);
  assert.equal(p.told(axes[1], 1), 'stft');
});

test('a brush leaves out what lies outside, and what has no value there', () => {
  assert.deepEqual([...p.outside(new Map([['disc.lr', [1e-4, 1e-3]]]), axes, runs)], ['C']);
  assert.deepEqual([...p.outside(new Map([['eval/snr', [6, 9]]]), axes, runs)], ['A', 'C']);
  assert.equal(p.outside(new Map([['gone', [0, 1]]]), axes, runs).size, 0);
});
