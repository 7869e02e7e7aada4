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

test('a knob is spelled as one types it, a score as the tables have it', () => {
  const knob = { kind: 'knob', values: null };
  assert.deepEqual([1e-4, 3e-4, 3, 0.0015, 0, 2e6, -1e-5, 0.123456].map((v) => p.told(knob, v)), ['1e-4', '3e-4', '3', '0.0015', '0', '2e6', '−1e-5', '0.1235']);
  assert.equal(p.told({ kind: 'score', values: null }, 11), '11.0');
  assert.equal(p.told(knob, null), 'none');
});

test('few axes fill the room, many keep their distance and scroll', () => {
  assert.deepEqual([p.apart(3, 1200), p.apart(5, 1200), p.apart(20, 1200), p.apart(0, 300)], [280, 240, 132, 280]);
});
