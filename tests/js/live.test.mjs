import assert from 'node:assert/strict';
import test from 'node:test';
import { merged, wait } from '../../static/js/live.js';

test('changes of several events come as one', () => {
  const found = merged([
    { run: 'a', status: 'running', series: ['loss/disc'], samples: 2, ended: false },
    { run: 'b', status: 'running', series: ['eval/snr'] },
    { run: 'a', status: 'finished', series: ['loss/disc', 'loss/gen'], samples: 1, ended: true },
  ]);
  assert.deepEqual([...found.series], ['loss/disc', 'eval/snr', 'loss/gen']);
  assert.equal(found.samples, 3);
  assert.equal(found.ended, true);
  assert.equal(found.runs.a.status, 'finished');
  assert.equal(found.runs.b.status, 'running');
});

test('nothing is nothing', () => {
  assert.deepEqual(merged([]), { runs: {}, series: new Set(), samples: 0, ended: false });
});

test('reconnecting is tried less and less often, but never given up', () => {
  assert.deepEqual([0, 1, 2].map(wait), [500, 1000, 2000]);
  assert.equal(wait(30), 15_000);
});
