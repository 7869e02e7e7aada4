import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as address from '../../static/js/address.js';
import { answerFor, foundWords } from '../../static/js/nearest.js';
import * as pix from '../../static/js/pixels.js';

const CELLS = { columns: 2, rows: 3, side: 4, gap: 2, classes: ['a', 'b', 'c'] };

test('the nearest take is shown, and that it is not the one asked for is said', () => {
  const takes = [0, 2, 5].map((epoch) => ({ epoch, step: 10 * epoch }));
  assert.equal(pix.nearest(takes, 3).epoch, 2);
  assert.equal(pix.nearest(takes, 3.5).epoch, 2);
  assert.equal(pix.nearest([], 3), null);
  assert.equal(pix.when(takes[1], 2), 'epoch 2');
  assert.equal(pix.when(takes[1], 3), 'epoch 2, the nearest to 3');
  assert.equal(pix.when({ epoch: null, step: 1200 }, 1200), 'step 1,200');
});

test('moments are those of the runs, each once', () => {
  const at = (...epochs) => epochs.map((epoch) => ({ epoch, step: epoch }));
  assert.deepEqual(pix.moments({ sources: [{ key: 'R', takes: at(0) }, { key: 'A', takes: at(0, 4) }, { key: 'B', takes: at(2, 4) }] }), [0, 2, 4]);
  assert.deepEqual(pix.moments({ sources: [{ key: 'R', takes: at(0) }] }), [0]);
});

test('a cell is found under a pixel, and nothing between cells', () => {
  for (let i = 0; i < 6; i += 1) {
    const { x, y, side } = pix.cellAt(CELLS, i);
    assert.equal(pix.cellUnder(CELLS, x, y), i);
    assert.equal(pix.cellUnder(CELLS, x + side - 1, y + side - 1), i);
    assert.equal(pix.cellUnder(CELLS, x + side, y), -1);
  }
  assert.equal(pix.cellUnder(CELLS, 1, 1), -1);
  assert.equal(pix.cellUnder(CELLS, 200, 3), -1);
  assert.equal(pix.cellAt(CELLS, 3).name, 'b, column 2');
});

test('saturated is what was at least 0.95 before it became a byte', () => {
  const [low, high] = pix.inside('image');
  for (let byte = 0; byte < 256; byte += 1) assert.equal(byte < low || byte > high, Math.abs(byte / 127.5 - 1) >= pix.BOUND, String(byte));
  const data = new Uint8ClampedArray([0, 128, 128, 255, 255, 255, 255, 255, 128, 128, 128, 255, 255, 0, 255, 255]);
  const found = pix.saturated(data, 4);
  assert.deepEqual([...found.mask], [1, 2, 0, 2]);
  assert.equal(found.values, 7 / 12);
  assert.equal(found.pixels, 2 / 4);
  assert.match(pix.saturationWords(found, 'image'), /^58.3 % of values at \|v\| ≥ 0.95, 50.0 % of pixels/);
});

test('the white lines of a grid are not saturated', () => {
  const [width, height] = [14, 20];
  const white = new Uint8ClampedArray(width * height * 4).fill(255);
  const found = pix.saturated(white, width, { cells: CELLS });
  assert.equal(found.mask.reduce((a, b) => a + (b ? 1 : 0), 0), 6 * 16);
  assert.equal(found.values, 1);
});

test('a difference has its sign, mean and largest', () => {
  const found = pix.difference([255, 255, 255, 255, 0, 0, 0, 255], [0, 0, 0, 255, 51, 51, 51, 255]);
  assert.equal(found.signed[0], 1);
  assert.ok(Math.abs(found.signed[1] + 0.2) < 1e-6);
  assert.ok(Math.abs(found.mean - 0.6) < 1e-6);
  assert.equal(found.most, 1);
  assert.deepEqual(pix.mixed(-0.25, 0.5, [[0, 0, 100], [200, 200, 200], [255, 0, 0]]), [100, 100, 150]);
});

test('the lines between the cells of a grid are no likeness', () => {
  const [width, height] = [14, 20];
  const white = new Uint8ClampedArray(width * height * 4).fill(255);
  const other = white.slice();
  for (let i = 0; i < width * height; i += 1) if (pix.cellUnder(CELLS, i % width, Math.floor(i / width)) >= 0) other.fill(204, 4 * i, 4 * i + 3);
  assert.ok(Math.abs(pix.difference(white, other, width, CELLS).mean - 0.2) < 1e-6);
});

test('the take nearest to a step, the earlier of two as near', () => {
  const takes = [{ step: 0 }, { step: 60 }, { step: 120 }];
  assert.deepEqual([-5, 30, 31, 500].map((s) => pix.atStep(takes, s).step), [0, 0, 60, 120]);
  assert.equal(pix.atStep([], 3), null);
});

test('a view is an address and back; nonsense is as by default', () => {
  const view = pix.viewOf({ slot: 'image:grid', at: '2', mode: 'flicker', zoom: '4', sat: '1', a: 'A', b: 'B', cell: '7' });
  const search = address.put('p.', pix.valuesOf(view), '?runs=x,y&smooth=0.5');
  assert.match(search, /^\?runs=x,y&smooth=0.5&p.slot=image:grid/);
  assert.deepEqual(pix.viewOf(address.read('p.', search)), view);
  assert.deepEqual(pix.viewOf({ mode: 'dance', zoom: '99', cell: '-3', at: 'soon' }), pix.viewOf({}));
  assert.equal(address.kept('?runs=x', search), '?runs=x&p.slot=image:grid&p.at=2&p.mode=flicker&p.zoom=4&p.sat=1&p.a=A&p.b=B&p.cell=7');
  assert.equal(address.put('p.', {}, search), '?runs=x,y&smooth=0.5');
});

test('many epochs are thinned evenly with both ends', () => {
  const some = pix.thinned(Array.from({ length: 101 }, (_, i) => i));
  assert.equal(some.length, 10);
  assert.deepEqual([some[0], some[9]], [0, 100]);
});

test('the answer of an image is that of its picture and cell', () => {
  const errands = [{ ask: { picture: 'b', cell: 1 } }, { ask: { picture: 'a', cell: 1 }, id: 2 }];
  assert.equal(answerFor(errands, 'a', 1).id, 2);
  assert.equal(answerFor(errands, 'a', 0), null);
  assert.equal(foundWords({ class: '3', split: 'training', index: 1200, distance: 0.5 }), '3, training, image 1,200: distance 0.500');
});
