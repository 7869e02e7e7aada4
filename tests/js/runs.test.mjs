import assert from 'node:assert/strict';
import test from 'node:test';
import * as runs from '../../static/js/runs.js';

test('a selection keeps the order, and its first eight have keys', () => {
  let { selected } = runs.toggled([], 'a');
  selected = runs.toggled(selected, 'b').selected;
  assert.deepEqual(selected, ['a', 'b']);
  assert.deepEqual(runs.letters(selected), { a: 'A', b: 'B' });
  assert.deepEqual(runs.toggled(selected, 'a').selected, ['b']);
  const eight = [...'abcdefgh'];
  assert.deepEqual(runs.toggled(eight, 'i', true, 8), { selected: eight, full: true });
  assert.equal(Object.keys(runs.letters([...eight, 'i'])).length, 8);
  assert.deepEqual(runs.toggled(['a', 'b'], 'a', true).selected, ['a', 'b']);
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

test('a range goes from the row ticked last to this one, either way', () => {
  const ids = [...'abcde'];
  assert.deepEqual(runs.between(ids, 'b', 'd'), ['b', 'c', 'd']);
  assert.deepEqual(runs.between(ids, 'd', 'b'), ['b', 'c', 'd']);
  assert.deepEqual(runs.between(ids, 'gone', 'b'), ['b']);
  assert.deepEqual(runs.between(ids, 'b', 'gone'), []);
});

test('what was done and what was refused are both said', () => {
  assert.equal(runs.outcome('Tagged', { done: ['a', 'b'], refused: [] }), 'Tagged 2 runs.');
  assert.equal(runs.outcome('Deleted', { done: ['a'], refused: [{ name: 'x', why: 'it is running; stop it first' }] }, () => 'one'), 'Deleted one. Not done: x: it is running; stop it first.');
  const many = Array.from({ length: 6 }, (_, i) => ({ name: `r${i}`, why: 'no' }));
  assert.match(runs.outcome('Deleted', { done: [], refused: many }), /^Not done: r0: no; .* and 2 more\.$/);
});
