import assert from 'node:assert/strict';
import test from 'node:test';
import { after, named } from '../../static/js/findings.js';

test('next and previous go round, and begin at an end', () => {
  assert.deepEqual([after(-1, 1, 3), after(-1, -1, 3), after(2, 1, 3), after(0, -1, 3), after(1, 1, 3)], [0, 2, 0, 2, 2]);
  assert.equal(after(-1, 1, 0), -1);
});

test('a link names a finding by its rule', () => {
  assert.equal(named('#finding=disc-stuck'), 'disc-stuck');
  assert.equal(named('#findings'), '');
  assert.equal(named('#finding=<b>'), '');
});
