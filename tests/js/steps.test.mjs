import assert from 'node:assert/strict';
import test from 'node:test';
import { pinched } from '../../static/js/gestures.js';
import { detailOf, nearestPoint, stepsAt } from '../../static/js/steps.js';

const point = (run, y) => ({ x: 40, y, data: { meta: { run } }, yaxis: { _offset: 10, d2p: (v) => 100 - v } });

test('of the runs at one place a click means the one nearest to the pointer', () => {
  const points = [point('A', 80), point('B', 20)]; // 30 and 90 px from the plot's top
  assert.equal(nearestPoint(points, 235, 200).data.meta.run, 'A');
  assert.equal(nearestPoint(points, 265, 200).data.meta.run, 'B');
  assert.equal(nearestPoint(points, undefined, 0).data.meta.run, 'A', 'a click from nowhere: the first');
  assert.equal(nearestPoint([], 5, 0), null);
});

test('a click on steps is a step; times come back from the zone in which they are drawn', () => {
  assert.deepEqual(detailOf(point('A', 1), 'step'), { run: 'A', axis: 'step', x: 40, step: 40 });
  assert.deepEqual(detailOf(point('B', 1), 'epoch'), { run: 'B', axis: 'epoch', x: 40, step: null });
  const noon = Date.UTC(2026, 0, 2, 12);
  const two = 2 * 3600e3; // drawn two hours east of UTC
  assert.equal(detailOf({ x: '2026-01-02 14:00:00', data: {} }, 'time', two).x, noon);
  assert.equal(detailOf({ x: noon + two, data: {} }, 'time', two).x, noon);
});

test('of one click the server is asked once, and not at all where the step is known', async (t) => {
  const asked = [];
  t.mock.method(globalThis, 'fetch', async (path) => {
    asked.push(path);
    return { ok: true, status: 200, json: async () => ({ steps: { A: 60, B: null } }) };
  });
  assert.deepEqual(await stepsAt({ run: 'B', axis: 'step', x: 7, step: 7 }, ['r1', 'r2']), { B: 7, r1: 7, r2: 7 });
  assert.deepEqual(asked, []);
  const click = { run: 'A', axis: 'epoch', x: 1.5, step: null };
  assert.deepEqual(await Promise.all([stepsAt(click, ['r1', 'r2']), stepsAt(click, ['r1', 'r2'])]), [{ A: 60, B: null }, { A: 60, B: null }]);
  assert.deepEqual(asked, ['/api/steps?runs=r1%2Cr2&x=epoch&at=1.5']);
});

test('two fingers keep the instants that they hold', () => {
  assert.deepEqual(pinched([2, 4], [0.25, 0.75], 10), [1, 5], 'two seconds between half of the width: four show');
  const near = pinched([2, 4], [0, 1], 10);
  assert.deepEqual(near, [2, 4]);
  assert.equal(pinched([2, 4], [0.45, 0.55], 10), null, 'more than there is: all of it');
  assert.deepEqual(pinched([0, 2], [0.4, 0.8], 10), [0, 5], 'never before the beginning');
  assert.deepEqual(pinched([8, 10], [0.2, 0.6], 10), [5, 10], 'nor past the end');
  assert.equal(pinched([2, 4], [0.5, 0.51], 10), undefined, 'too near to each other');
  assert.equal(pinched([2, 4], [0.75, 0.25], 10), undefined, 'fingers that crossed');
});
