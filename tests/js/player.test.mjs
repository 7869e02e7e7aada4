import assert from 'node:assert/strict';
import test from 'node:test';
import { peaks, position, snapped } from '../../static/js/player.js';

test('the clock stops at the end of a clip without a loop', () => {
  assert.equal(position(0.5, 0.25, 2), 0.75);
  assert.equal(position(0.5, 9, 2), 2);
});

test('the clock goes round in a loop, and runs into it from before', () => {
  assert.equal(position(0, 0.5, 2, [1, 1.5]), 0.5);
  assert.ok(Math.abs(position(0, 1.6, 2, [1, 1.5]) - 1.1) < 1e-9);
  assert.ok(Math.abs(position(1.2, 10, 2, [1, 1.5]) - 1.2) < 1e-9);
  assert.equal(position(0.2, 0.1, 2, [1, 1]), 0.2 + 0.1);
});

test('an epoch that a run has not evaluated snaps to the one before it', () => {
  assert.equal(snapped([0, 60, 120], 100), 60);
  assert.equal(snapped([0, 60, 120], 120), 120);
  assert.equal(snapped([60, 120], 10), 60);
  assert.equal(snapped([], 10), undefined);
});

test('no peak is lost, whatever the width', () => {
  const wave = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i / 7));
  wave[501] = 1.75;
  wave[502] = -1.5;
  for (const width of [3, 64, 999, 1000, 2500]) {
    const [lows, highs] = peaks(wave, width);
    assert.equal(Math.max(...highs), 1.75);
    assert.equal(Math.min(...lows), -1.5);
  }
  assert.deepEqual([...peaks(new Float32Array(0), 2)[1]], [0, 0]);
});
