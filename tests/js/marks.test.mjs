import assert from 'node:assert/strict';
import test from 'node:test';
import { spans, spoken } from '../../static/js/marks.js';

const stuck = { key: 'A', run: 'r', label: 'F1', code: 'disc-stuck', severity: 'fail', title: 'D stuck', from: 20, to: 60, step: 2000, open: true };
const dead = { ...stuck, label: 'F2', code: 'feat-tiny', severity: 'warn', from: 50, to: 80, open: false };

test('a bracket lies over its steps, and has no right end while it lasts', () => {
  const [a, b] = spans([stuck, { ...dead, from: 70 }], [0, 100], 200);
  assert.deepEqual([a.left, a.width, a.begins, a.ends, a.row], [40, 80, true, false, 0]);
  assert.deepEqual([b.left, b.width, b.begins, b.ends, b.row], [140, 20, true, true, 0]);
});

test('overlapping brackets lie in rows, labels that would lie on one another move', () => {
  const found = spans([stuck, dead, { ...dead, from: 21 }], [0, 100], 200);
  assert.deepEqual(found.map((s) => s.row), [0, 1, 2]);
  assert.deepEqual(found.map((s) => s.label), [0, 0, 1]);
});

test('zoomed, ends beyond the plot are not drawn, and what lies outside is not there', () => {
  const [only] = spans([stuck, dead], [30, 45], 150);
  assert.deepEqual([only.found.code, only.left, only.width, only.begins, only.ends], ['disc-stuck', 0, 150, false, false]);
  assert.deepEqual(spans([stuck], [70, 100], 150), []);
});

test('a single step can still be hit, a hidden run has no bracket, clock time is shifted', () => {
  assert.equal(spans([{ ...stuck, to: 20 }], [0, 100], 200)[0].width, 6);
  assert.deepEqual(spans([stuck], [0, 100], 200, { off: new Set(['A']) }), []);
  assert.equal(spans([stuck], [0, 100], 200, { shift: 10 })[0].left, 60);
});

test('a bracket says what it is, and whose where there are several runs', () => {
  assert.equal(spoken(stuck, false), 'F1: fail: D stuck, from step 2,000, lasts');
  assert.equal(spoken({ ...stuck, open: false }, true), 'F1: A, fail: D stuck, from step 2,000');
});
