import assert from 'node:assert/strict';
import test from 'node:test';
import * as runs from '../../static/js/runs.js';

test('a selection keeps the order, and eight is the end', () => {
  let { selected } = runs.toggled([], 'a');
  selected = runs.toggled(selected, 'b').selected;
  assert.deepEqual(selected, ['a', 'b']);
  assert.deepEqual(runs.letters(selected), { a: 'A', b: 'B' });
  assert.deepEqual(runs.toggled(selected, 'a').selected, ['b']);
  const eight = [...'abcdefgh'];
  assert.deepEqual(runs.toggled(eight, 'i'), { selected: eight, full: true });
  assert.deepEqual(runs.toggled(['a'], 'a', true).selected, ['a']);
});

test('tags are split at commas, without blanks and doubles', () => {
  assert.deepEqual(runs.tagList(' a, b ,,a, c d '), ['a', 'b', 'c d']);
  assert.deepEqual(runs.tagList(''), []);
});

test('only rows that differ are put anew', () => {
  const before = [['a', '1'], ['b', '1'], ['c', '1']];
  assert.deepEqual(runs.plan(before, before), { changed: [], gone: [], order: false });
  assert.deepEqual(runs.plan(before, [['a', '2'], ['c', '1']]), { changed: ['a'], gone: ['b'], order: false });
  assert.deepEqual(runs.plan(before, [['d', '1'], ['a', '1'], ['b', '1'], ['c', '1']]), { changed: ['d'], gone: [], order: true });
  assert.equal(runs.plan(before, [['b', '1'], ['a', '1'], ['c', '1']]).order, true);
});

test('arrows move within the list', () => {
  assert.equal(runs.moved(-1, 1, 3), 0);
  assert.equal(runs.moved(-1, -1, 3), 2);
  assert.equal(runs.moved(2, 1, 3), 2);
  assert.equal(runs.moved(0, -1, 3), 0);
  assert.equal(runs.moved(-1, 1, 0), -1);
});
