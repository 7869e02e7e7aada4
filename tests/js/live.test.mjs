import assert from 'node:assert/strict';
import test from 'node:test';
import { Followed, merged, wait } from '../../static/js/live.js';

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

test('a run that left the list is followed until its end, and two minutes on', () => {
  const followed = new Followed();
  assert.deepEqual(followed.ids(['b', 'a'], 0), ['a', 'b']);
  assert.deepEqual(followed.ids(['b'], 1000), ['a', 'b'], 'another page shows a');
  followed.hear({ a: { run: 'a', ended: true }, x: { run: 'x', ended: true } }, 2000);
  assert.deepEqual(followed.ids(['b'], 122_000), ['a', 'b'], 'the doctor may still speak');
  assert.deepEqual(followed.ids(['b'], 122_001), ['b']);
  assert.deepEqual(followed.ids(['b', 'a'], 130_000), ['a', 'b'], 'it was revived');
});

test('past the limit the oldest are let go', () => {
  const followed = new Followed({ most: 2 });
  followed.ids(['a'], 0);
  assert.deepEqual(followed.ids(['b', 'c'], 1), ['b', 'c']);
});
