import assert from 'node:assert/strict';
import test from 'node:test';
import { fits, refusal } from '../../static/js/doctor.js';

test('a file that cannot be sent is refused in words', () => {
  assert.match(refusal(undefined, 10), /Choose a CSV/);
  assert.match(refusal({ name: 'run', size: 0 }, 10), /run is empty, or a folder/);
  assert.match(refusal({ name: 'a.csv', size: 2000 }, 1000), /a.csv has 2,000 bytes; the limit is 1,000/);
  assert.equal(refusal({ name: 'a.csv', size: 10 }, 10), '');
});

test('the rule book is searched by all words', () => {
  assert.ok(fits('disc-stuck Discriminator stuck', 'STUCK disc'));
  assert.ok(fits('anything', ''));
  assert.ok(!fits('disc-stuck', 'disc mel'));
});
