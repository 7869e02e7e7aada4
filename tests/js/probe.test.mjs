import assert from 'node:assert/strict';
import test from 'node:test';
import { pointsTo, shown } from '../../static/js/probe.js';

test('what probes point to is said in words', () => {
  assert.equal(pointsTo({ cause: 'training' }), 'Points to initialisation and learning rate.');
  assert.equal(pointsTo({ cause: '' }), 'Points to none of the suspects.');
  assert.equal(pointsTo({}), 'Points to none of the suspects.');
});

test('what waits or runs is shown, and the newest that ended', () => {
  const list = ['running', 'failed', 'done', 'queued'].map((state, id) => ({ id, state }));
  assert.deepEqual(shown(list).map((e) => e.id), [0, 1, 3]);
  assert.deepEqual(shown([]), []);
});
