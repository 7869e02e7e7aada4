import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moved, stateUrl } from '../../static/js/plan.js';
import { asked, seedsOf, verdictLines } from '../../static/js/plans.js';

test('an item moves by one place, and not past the ends', () => {
  assert.deepEqual(moved([4, 2, 7], 2, -1), [2, 4, 7]);
  assert.deepEqual(moved([4, 2, 7], 2, 1), [4, 7, 2]);
  assert.deepEqual(moved([4, 2, 7], 4, -1), [4, 2, 7]);
  assert.deepEqual(moved([4, 2, 7], 7, 1), [4, 2, 7]);
  assert.deepEqual(moved([4, 2, 7], 9, 1), [4, 2, 7]);
});

test('the moving part is ranked as the page is', () => {
  assert.equal(stateUrl('ab12', ''), '/plans/ab12/state');
  assert.equal(stateUrl('ab12', '?metric=eval/mel&of=last&x=1'), '/plans/ab12/state?metric=eval%2Fmel&of=last');
  assert.equal(stateUrl('../x', '?metric='), '/plans/..%2Fx/state');
});

test('seeds are a number, a list, or text that the server refuses', () => {
  assert.equal(seedsOf(' 3 '), 3);
  assert.deepEqual(seedsOf('0, 7,21'), [0, 7, 21]);
  assert.deepEqual(seedsOf('5,'), [5]);
  assert.equal(seedsOf(''), null);
  assert.equal(seedsOf('three'), 'three');
});

test('empty fields ask for nothing', () => {
  assert.deepEqual(asked({ text: 'trainer: codec', name: ' ', device: '', tags: '', seeds: '', size: '' }), { plan: 'trainer: codec' });
  const full = { text: 'x', name: 'n', device: 'cpu', project: 'p', size: 'small', seeds: '2', tags: 'a, b,' };
  assert.deepEqual(asked(full), { plan: 'x', name: 'n', device: 'cpu', project: 'p', size: 'small', seeds: 2, tags: ['a', 'b'] });
});

test('what a plan would be, in lines', () => {
  const found = { runs: 12, varied: ['disc.lr', 'loss'], doubles: 1, estimate: { text: 'about 3 h' } };
  assert.deepEqual(verdictLines(found).map((l) => l.text), ['12 runs', 'varies disc.lr, loss', '1 run left out as doubles', 'about 3 h']);
  assert.deepEqual(verdictLines({ ...found, runs: 1, varied: [], doubles: 0 }, true).map((l) => l.text), ['at most 1 run', 'about 3 h']);
});
