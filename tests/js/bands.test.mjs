import assert from 'node:assert/strict';
import test from 'node:test';
import { options } from '../../static/js/bandchoice.js';
import { chosen } from '../../static/js/bands.js';
import { figureQuery, searchOf, stateOf } from '../../static/js/figures.js';

const SETS = [{ id: 'a1', name: 'mine', kept: 2 }, { id: 'codec-claimed', name: 'codec claimed', kept: 0 }];

test('sets are offered by name, the library named as such', () => {
  assert.deepEqual(options(SETS, ''), [{ value: 'a1', text: 'mine' }, { value: 'codec-claimed', text: 'codec claimed (library)' }]);
});

test('several sets of an address are one option, unknown ones by their id', () => {
  assert.deepEqual(options(SETS, 'a1,zz')[0], { value: 'a1,zz', text: 'mine, zz' });
  assert.equal(options(SETS, 'none').length, 2);
});

test('the choice is in the address and in what is asked of the server', () => {
  const state = stateOf('?runs=r1&bands=a1,codec-claimed');
  assert.equal(state.bands, 'a1,codec-claimed');
  assert.match(searchOf(state), /bands=a1,codec-claimed/);
  assert.match(figureQuery(state, ['loss/disc'], 600), /bands=a1%2Ccodec-claimed/);
});

test('runs are counted in words', () => {
  assert.equal(chosen(1), '1 run chosen');
  assert.equal(chosen(3), '3 runs chosen');
});
