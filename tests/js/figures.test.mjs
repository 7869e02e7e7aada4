import assert from 'node:assert/strict';
import test from 'node:test';
import * as f from '../../static/js/figures.js';

const packed = (values) => ({ dtype: 'f8', bdata: Buffer.from(Float64Array.from(values).buffer).toString('base64') });
const figure = () => ({
  data: [
    { meta: { band: 'claimed' }, x: packed([0, 1]), y: packed([1, 1]) },
    { meta: { run: 'A', part: 'raw' }, x: packed([0, 1, 1, 2]), y: packed([1, 2, NaN, 3]), line: { color: '--run-a/.32' } },
    { meta: { run: 'A', part: 'line' }, x: packed([0, 1, 1, 2]), y: packed([1, 1.5, NaN, 2]), line: { color: '--run-a' } },
    { meta: { run: 'B', part: 'line' }, x: packed([0]), y: packed([7]), line: { color: '--run-b' } },
    { meta: { run: 'B', part: 'end' }, x: [0], y: [7], marker: { symbol: 'diamond-open' } },
  ],
  layout: {
    xaxis: { range: [0, 10] },
    annotations: [{ name: 'run:A', x: 2 }, { name: 'run:B', x: 0 }, { name: 'band:claimed', xref: 'paper', x: 1 }, { name: 'mark-label:phases', x: 3, text: 'lr' }],
    shapes: [{ name: 'now', x0: 0, x1: 0 }, { name: 'mark:phases', x0: 3, x1: 3 }],
  },
});

test('the address says what differs from the defaults, and reads back', () => {
  const defaults = { x: 'epoch', smooth: 0.6 };
  const state = f.stateOf('?runs=a,b&smooth=0.9&off=B,claimed&log=eval/snr&from=1&to=2.5&at=best', defaults);
  assert.deepEqual(state.runs, ['a', 'b']);
  assert.equal(state.x, 'epoch');
  assert.deepEqual(state.zoom, [1, 2.5]);
  assert.deepEqual(f.stateOf(f.searchOf(state, defaults), defaults), state);
  assert.equal(f.searchOf(f.stateOf('?runs=a', defaults), defaults), '?runs=a');
});

test('nonsense in the address falls back to the defaults', () => {
  const state = f.stateOf('?x=moon&smooth=1.5&from=3&to=1&off=', { x: 'epoch' });
  assert.equal(state.x, 'epoch');
  assert.equal(state.smooth, 0.6);
  assert.equal(state.zoom, null);
  assert.equal(state.off.size, 0);
  assert.equal(f.stateOf('?smooth=').smooth, 0.6);
});

test('a query names only what concerns its series', () => {
  const state = f.stateOf('?runs=a&log=eval/snr,loss/disc&from=1&to=2');
  const asked = new URLSearchParams(f.figureQuery(state, ['eval/snr'], 333.4).split('?')[1]);
  assert.equal(asked.get('log'), 'eval/snr');
  assert.equal(asked.get('from'), '1');
  assert.equal(asked.get('width'), '333');
  assert.equal(asked.get('small'), null);
  assert.deepEqual(f.batches(['a', 'b', 'c'], 24), [['a', 'b'], ['c']]);
  assert.equal(f.batches(Array.from({ length: 24 }, String)).length, 1);
});

test('tokens become colours, with their opacity, everywhere but in packed numbers', () => {
  const colour = (token) => ({ '--run-a': 'rgb(184, 88, 0)', '--run-b': 'rgb(1, 2, 3)' })[token];
  const done = f.themed(figure(), colour, () => 'Mono');
  assert.equal(done.data[1].line.color, 'rgba(184,88,0,0.32)');
  assert.equal(done.data[2].line.color, 'rgb(184, 88, 0)');
  assert.equal(f.themed({ family: '--mono' }, colour, () => 'Mono').family, 'Mono');
  assert.equal(f.faded('rgba(9, 8, 7, 0.2)', 0.5), 'rgba(9,8,7,0.5)');
});

test('a hidden run takes its traces, words and the line at now with it', () => {
  const left = f.visible(figure(), new Set(['B']));
  assert.deepEqual(left.data.map((t) => t.meta.run ?? t.meta.band), ['claimed', 'A', 'A']);
  assert.deepEqual(left.layout.annotations.map((a) => a.name), ['run:A', 'band:claimed', 'mark-label:phases']);
  assert.deepEqual(left.layout.shapes.map((s) => s.name), ['mark:phases']);
});

test('bands and phases can be switched off, and labels stand in the first tile of a row only', () => {
  const left = f.visible(figure(), new Set(['claimed', 'phases']));
  assert.equal(left.data.some((t) => t.meta.band), false);
  assert.deepEqual(left.layout.annotations.map((a) => a.name), ['run:A', 'run:B']);
  assert.deepEqual(left.layout.shapes.map((s) => s.name), ['now']);
  assert.equal(f.visible(figure(), new Set(), false).layout.annotations.some((a) => a.name === 'mark-label:phases'), false);
});

test('dates move to the local clock and back', () => {
  const there = f.moved(figure(), 3600e3);
  assert.deepEqual([...there.data[0].x], [3600e3, 3600e3 + 1]);
  assert.deepEqual(there.layout.xaxis.range, [3600e3, 3600e3 + 10]);
  assert.equal(there.layout.annotations[2].x, 1);
  assert.deepEqual(f.zoomOf({ 'xaxis.range[0]': '1970-01-01 01:00', 'xaxis.range[1]': '1970-01-01 02:00' }, 3600e3), [0, 3600e3]);
});

test('a zoom is read from either form of the event, and anything else is none', () => {
  assert.deepEqual(f.zoomOf({ 'xaxis.range[0]': 5, 'xaxis.range[1]': 2 }), [2, 5]);
  assert.deepEqual(f.zoomOf({ 'xaxis.range': [1, 2] }), [1, 2]);
  assert.equal(f.zoomOf({ 'yaxis.range[0]': 1, 'yaxis.range[1]': 2 }), null);
  assert.equal(f.zoomOf({ width: 300 }), null);
});

test('a tile carries points and last values by key', () => {
  const meta = { total: 30, shown: 20, runs: { A: { points: 30, last: 1.25, last_x: 9, nonfinite: 1 }, B: { points: 0, last: null, last_x: null, nonfinite: 0 } } };
  assert.deepEqual(f.facts(meta), {
    points: '30', shown: '20', pointsA: '30', lastA: '1.25', lastXA: '9', nonfiniteA: '1', pointsB: '0', lastB: '', lastXB: '', nonfiniteB: '0',
  });
});

test('the table of a chart holds the raw points, without gaps', () => {
  const found = f.rows(figure());
  assert.deepEqual(found.filter((p) => p.key === 'A').map((p) => p.y), [1, 2, 3]);
  assert.deepEqual(found.filter((p) => p.key === 'B'), [{ key: 'B', x: 0, y: 7 }]);
});

test('every option of a view is in its address, and an address gives it back', () => {
  const search = '?runs=a,b,c&x=disc_steps&off=B&on=findings,notes&from=-1&to=2&group=disc.lr&base=b&mode=diff&sort=-eval/snr.best&sx=disc.lr&sy=eval/snr&brush=disc.lr%3A0.0001%3A0.0003%3Beval/snr%3A5%3A9';
  const state = f.stateOf(search);
  assert.deepEqual([state.x, state.group, state.base, state.mode, state.sort], ['disc_steps', 'disc.lr', 'b', 'diff', '-eval/snr.best']);
  assert.deepEqual([...state.brush], [['disc.lr', [0.0001, 0.0003]], ['eval/snr', [5, 9]]]);
  assert.deepEqual(f.stateOf(f.searchOf(state)), state);
  assert.equal(f.stateOf('?mode=diff').mode, '', 'a difference needs a baseline');
  assert.equal(f.stateOf('?brush=disc.lr:3:1;x;a:b:c').brush.size, 0);
  assert.equal(f.stateOf('?on=moons').on.size, 0);
});

test('keys go on past H, without the R of the reference', () => {
  assert.deepEqual([0, 7, 8, 16, 17, 24, 25, 49, 50].map(f.keyAt), ['A', 'H', 'I', 'Q', 'S', 'Z', 'A2', 'Z2', 'A3']);
});

test('a group is asked for without the runs that are hidden', () => {
  const state = f.stateOf('?runs=a,b,c&group=disc.lr&off=B,claimed');
  const hide = () => new URLSearchParams(f.figureQuery(state, ['eval/snr'], 300).split('?')[1]).get('hide');
  assert.equal(hide(), 'B');
  state.filtered = new Set(['C']);
  assert.equal(hide(), 'B,C');
  assert.equal(new URLSearchParams(f.figureQuery({ ...state, group: '' }, ['eval/snr'], 300)).get('hide'), null);
});

test('numbers of four bytes are read too', () => {
  const short = (kind, dtype, values) => ({ dtype, bdata: Buffer.from(kind.from(values).buffer).toString('base64') });
  assert.deepEqual([...f.decoded(short(Int32Array, 'i4', [1, -2, 300000]))], [1, -2, 300000]);
  assert.deepEqual([...f.decoded(short(Float32Array, 'f4', [0.5, NaN]))], [0.5, NaN]);
});

test('what happened is an upright a place, its words where there is room', () => {
  const marks = [
    { key: 'A', x: 1, words: 'checkpoint', kind: 'checkpoints', severity: '', about: '' },
    { key: 'B', x: 1, words: 'checkpoint', kind: 'checkpoints', severity: '', about: '' },
    { key: 'A', x: 1.2, words: 'A·F1', kind: 'findings', severity: 'fail', about: 'stuck' },
    { key: 'A', x: 9, words: 'late', kind: 'checkpoints', severity: '', about: '' },
    { key: 'A', x: 11, words: 'off the axis', kind: 'checkpoints', severity: '', about: '' },
  ];
  const on = new Set(['checkpoints', 'findings']);
  const { shapes, annotations } = f.withMarks(figure(), marks, { on }).layout;
  const added = shapes.filter((s) => s.name.startsWith('mark:') && s.name !== 'mark:phases');
  assert.deepEqual(added.map((s) => s.x0), [1, 1.2, 9]);
  assert.equal(added[1].line.color, '--fail');
  const words = annotations.filter((a) => /mark-label:(check|find)/.test(a.name)).map((a) => a.text);
  assert.deepEqual(words, ['A·F1', 'late'], 'the word checkpoint would lie on that of the phase');
  assert.equal(f.withMarks(figure(), marks, { on: new Set() }).layout.shapes.length, 2);
  assert.equal(f.withMarks(figure(), marks, { on, off: new Set(['A']) }).layout.shapes.length, 3);
});
