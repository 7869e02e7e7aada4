import assert from 'node:assert/strict';
import test from 'node:test';
import * as address from '../../static/js/address.js';
import { Store } from '../../static/js/canvases.js';
import { lineWords } from '../../static/js/histograms.js';
import { rowsOf, widthOf } from '../../static/js/picturestrips.js';
import { asked, legend } from '../../static/js/scatters.js';
import { between, columnsOf, placeOf } from '../../static/js/told.js';

test('a step that was not told is answered by the nearest, no step by the last', () => {
  assert.equal(placeOf([0, 40, 80], null), 2);
  assert.equal(placeOf([0, 40, 80], 55), 1);
  assert.equal(placeOf([0, 40, 80], -9), 0);
  assert.deepEqual(columnsOf([0, 10], 0, 10, 4), [0, 0, 1, 1]);
});

test('a colour lies between the marks of its scale, and never beyond them', () => {
  const marks = [[0, [0, 0, 0]], [0.5, [100, 0, 0]], [1, [100, 200, 0]]];
  assert.deepEqual(between(marks, 0.25), [50, 0, 0]);
  assert.deepEqual(between(marks, 0.75), [100, 100, 0]);
  assert.deepEqual(between(marks, 7), [100, 200, 0]);
  assert.deepEqual(between(marks, -1), [0, 0, 0]);
});

test('a line of the slice says its own step where that is another one', () => {
  assert.equal(lineWords({ side: 'real', dash: 'solid', step: 40, exact: true }, 40), 'real (solid), step 40');
  assert.equal(lineWords({ side: '', dash: 'solid', step: 40, exact: false }, 50), 'step 40, the nearest to 50');
});

test("a scatter's step stands in the address, beside what others keep there", () => {
  assert.equal(asked('pesq_scatter', '?s.pesq_scatter=120&t.at=3'), 120);
  assert.equal(asked('pesq_scatter', '?s.pesq_scatter=soon'), null);
  assert.equal(asked('pesq_scatter', '?s.other=120'), null);
  assert.equal(address.put('s.', { pesq_scatter: 120 }, '?t.at=3&x=step'), '?t.at=3&x=step&s.pesq_scatter=120');
  assert.equal(address.kept('?x=epoch', '?x=step&s.pesq_scatter=120'), '?x=epoch&s.pesq_scatter=120');
  assert.equal(legend([{ name: 'enhanced', symbol: 'circle' }, { name: 'noisy', symbol: 'circle-open' }]), '● enhanced   ○ noisy');
});

test('over epochs stand the first cell of each class, the chosen one before them', () => {
  const cells = { rows: 3, columns: 4 };
  assert.deepEqual(rowsOf(null, 5), [-1]);
  assert.deepEqual(rowsOf(cells, -1), [0, 4, 8]);
  assert.deepEqual(rowsOf(cells, 6), [6, 0, 4, 8]);
  assert.deepEqual(rowsOf(cells, 4), [4, 0, 8]);
  assert.equal(widthOf(32, 0, { side: 32 }), 64);
  assert.equal(widthOf(480, 0, null), 240);
  assert.equal(widthOf(100, 0, null), 100);
  assert.equal(widthOf(32, 3, { side: 32 }), 96);
});

test('pixels are read once, the last ones kept, and what failed is read again', async () => {
  const read = [];
  const store = new Store((url) => {
    read.push(url);
    return url === 'broken' ? Promise.reject(new Error('no picture')) : Promise.resolve(url);
  }, 2);
  assert.equal(await store.get('a'), 'a');
  await store.get('a');
  assert.deepEqual(read, ['a']);
  await store.get('b');
  await store.get('c');
  await store.get('a');
  assert.deepEqual(read, ['a', 'b', 'c', 'a'], 'two are kept');
  await assert.rejects(store.get('broken'));
  await assert.rejects(store.get('broken'));
  assert.equal(read.filter((url) => url === 'broken').length, 2);
});
