import assert from 'node:assert/strict';
import { test } from 'node:test';
import { active, heard, stateOf } from '../../static/js/errands.js';
import { lineWords } from '../../static/js/histograms.js';
import { placeOf } from '../../static/js/told.js';

test('states of an errand in words, with the reason', () => {
  assert.equal(stateOf({ kind: 'say', state: 'queued' }), 'queued');
  assert.equal(stateOf({ kind: 'say', state: 'queued' }, 'no worker on box'), 'queued: no worker on box');
  assert.equal(stateOf({ kind: 'say', state: 'running' }), 'speaking');
  assert.equal(stateOf({ kind: 'probe', state: 'running' }), 'running');
  assert.equal(stateOf({ kind: 'say', state: 'failed', reason: "the symbol '₿' is unknown" }), "failed: the symbol '₿' is unknown");
  assert.equal(active([{ state: 'done' }, { state: 'failed' }]), false);
  assert.equal(active([{ state: 'done' }, { state: 'queued' }]), true);
});

test('what was heard, with what stood in for a phoneme', () => {
  const outcome = { seconds: 1.234, rate_hz: 22050, stood_in: { ʒ: 'ʃ' }, samples: [{ facts: { peak_dbfs: -3.21, lufs: '-Infinity' } }] };
  assert.equal(heard(outcome), '1.23 s · 22,050 Hz · −3.2 dBFS peak · stood in: ʃ for ʒ');
});

test('a slice says which step it shows', () => {
  assert.equal(lineWords({ side: 'real', dash: 'solid', step: 40, exact: true }, 40), 'real (solid), step 40');
  assert.equal(lineWords({ side: 'fake', dash: '4px,3px', step: 1200, exact: false }, 1300), 'fake (dashed), step 1,200, the nearest to 1,300');
  assert.equal(placeOf([0, 10, 20], null), 2);
  assert.equal(placeOf([0, 10, 20], 14), 1);
});
