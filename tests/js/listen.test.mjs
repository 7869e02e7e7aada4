import assert from 'node:assert/strict';
import test from 'node:test';
import { aligned, laneList, reading } from '../../static/js/lanes.js';
import * as views from '../../static/js/listenview.js';
import { against, centresAt, limits } from '../../static/js/octaves.js';
import { decibels, levelling } from '../../static/js/rail.js';
import * as pictures from '../../static/js/spectrogram.js';

const take = (step, epoch = step / 60) => ({ step, epoch, url: `/${step}` });

test('every evaluated epoch of any run is a moment, and runs snap to the nearest that they have', () => {
  const found = views.moments({ R: [take(0)], A: [take(0), take(60), take(120)], B: [take(0), take(110)] });
  assert.deepEqual(found.map((m) => m.at), [0, 1, 110 / 60, 2]);
  assert.equal(found[1].takes.A.step, 60);
  assert.equal(found[1].takes.B.step, 110, 'nearest, not the one before');
  assert.equal(found[1].takes.R.step, 0);
  assert.equal(views.nearest([take(0), take(120)], 1).step, 0, 'of two as near, the earlier');
  assert.equal(views.indexOf(found, 1.2), 1);
  assert.equal(views.indexOf(found, null), 3);
});

test('runs without epochs are told by step; a reference alone is a moment', () => {
  assert.deepEqual(views.moments({ A: [take(10, null), take(20, null)] }).map((m) => m.at), [10, 20]);
  assert.deepEqual(views.moments({ R: [take(0)] }).map((m) => m.at), [0]);
  assert.deepEqual(views.moments({}), []);
});

test('sources stand in order, pinned takes behind their run; what is not the epoch asked for is told', () => {
  const slot = { A: [take(60), take(120)], R: [take(0)], B: [take(60)] };
  const moment = views.moments(slot).at(-1);
  const view = { ...views.viewOf(''), pins: [{ key: 'A', step: 60 }], own: {} };
  const found = views.sourcesAt(slot, moment, view);
  assert.deepEqual(found.map((s) => [s.id, s.mark, s.take.step, s.off]), [['R', 'R', 0, 0], ['A', 'A', 120, 0], ['A@60', 'A′', 60, 0], ['B', 'B', 60, -1]]);
  const own = views.sourcesAt(slot, moment, { ...view, pins: [], own: { A: 60 } });
  assert.deepEqual(own.map((s) => s.take.step), [0, 60, 60]);
});

test('a view goes into the address and comes back; what makes no sense does not', () => {
  const view = { ...views.viewOf(''), slot: 'clip 1', at: 3, own: { A: 60 }, pins: [{ key: 'B', step: 120 }], base: 'B@120', hear: 'A', freq: 'mel', show: 'difference', ch: 'side', level: 'matched', gain: -6, span: [0.5, 1.25], loop: [0.6, 0.9], top: -12, range: 96, dif: 6, win: 1024 };
  const search = views.searchOf('?runs=a,b&x=epoch&slot=old', view);
  assert.deepEqual(views.viewOf(search), view);
  assert.ok(search.startsWith('?runs=a,b&x=epoch'), search);
  assert.equal(views.searchOf('?runs=a', views.viewOf('')), '?runs=a');
  const bad = views.viewOf('?freq=bark&gain=999&span=3,1&loop=x,y&pins=9:1,A:z,A:5&against=<b>&win=777&epoch=much');
  assert.deepEqual(bad, { ...views.viewOf(''), pins: [{ key: 'A', step: 5 }] });
  assert.equal(views.joined('?runs=a&x=epoch', '?runs=a&freq=mel&x=step'), '?runs=a&x=epoch&freq=mel');
});

test('keys past H, and the colours they wear', () => {
  assert.deepEqual([0, 16, 17, 24, 25].map(views.keyAt), ['A', 'Q', 'S', 'Z', 'A2']);
  assert.deepEqual(['R', 'A', 'H', 'I', 'A2'].map(views.tint), ['R', 'A', 'H', 'A', 'B']);
});

test('peak, loudness, clipped share and DC are told, and what is wrong with them stands out', () => {
  const fine = views.told({ facts: { peak_dbfs: -4.1, lufs: -23.4, clipped_share: 0, dc: 0.0001, nonfinite: 0 } });
  assert.deepEqual(fine.map((p) => p.text), ['−23.4 LUFS', 'peak −4.1 dBFS', 'clipped 0 %', 'DC 0.01 %']);
  assert.equal(fine.some((p) => p.bad), false);
  const bad = views.told({ facts: { peak_dbfs: 2.3, lufs: null, rms_dbfs: '-Infinity', clipped_share: 0.0213, dc: 0.02, nonfinite: 3 } });
  assert.deepEqual(bad.filter((p) => p.bad).map((p) => p.text), ['peak 2.3 dBFS', 'clipped 2.1 %', 'DC 2.00 %', '3 samples are no numbers']);
  assert.ok(bad.some((p) => p.text === 'rms −∞ dBFS'));
  assert.deepEqual(views.told({}), []);
});

test('a time axis has few, round ticks, at any zoom', () => {
  assert.deepEqual(views.ticks(0, 2.95).map(([, text]) => text), ['0.0', '0.5', '1.0', '1.5', '2.0', '2.5']);
  assert.deepEqual(views.ticks(1.2, 1.3).map(([, text]) => text), ['1.20', '1.22', '1.24', '1.26', '1.28']);
  assert.deepEqual(views.ticks(0, 0), []);
  assert.ok(views.ticks(0, 3600).length <= 8);
});

test('zoom keeps the place under the pointer and stays within the clip', () => {
  assert.deepEqual(views.zoomed(null, 4, 0.5, 1), [0.5, 2.5]);
  assert.deepEqual(views.zoomed([0.5, 2.5], 4, 4, 1), null);
  assert.deepEqual(views.zoomed(null, 4, 0.5, 4), [2, 4]);
  assert.deepEqual(views.panned([1, 2], 4, 9), [3, 4]);
  assert.deepEqual(views.panned([1, 2], 4, -9), [0, 1]);
  assert.equal(views.panned(null, 4, 1), null);
  assert.deepEqual([8000, 16000, 44100, 48000].map(views.windowAt), [256, 512, 2048, 2048]);
});

test('lanes: the chosen waveform, every source, one difference; or a difference each', () => {
  const [r, a, b] = ['R', 'A', 'B'].map((id) => ({ id, key: id }));
  const model = { sources: [r, a, b], chosen: a, diffOf: a, base: r };
  const list = (show) => laneList({ ...model, show }).map((l) => `${l.key}:${l.kind}`);
  assert.deepEqual(list('spectrogram'), ['top:wave', 'R:levels', 'A:levels', 'B:levels', 'difference:difference']);
  assert.deepEqual(list('difference'), ['top:wave', 'R:levels', 'A:difference', 'B:difference']);
  assert.deepEqual(list('waveform'), ['R:wave', 'A:wave', 'B:wave', 'difference:difference']);
  assert.deepEqual(laneList({ ...model, base: null, show: 'difference' }).map((l) => l.kind), ['wave', 'levels', 'levels', 'levels']);
});

test('delay and unequal lengths are told in words', () => {
  assert.equal(aligned(0, 16000, 2, 2, 'B', 'R'), '');
  assert.equal(aligned(13, 16000, 1.95, 2, 'B', 'R'), 'B lags by 13 samples (0.81 ms), aligned; B is 0.050 s shorter than R');
  assert.equal(aligned(-1, 16000, 2, 2, 'B', 'R'), 'B leads by 1 sample (0.063 ms), aligned');
  assert.match(aligned(null, 16000, 2, 2, 'B', 'R'), /too unlike/);
});

test('the levels of sources are told in words', () => {
  const mark = (id) => id;
  const none = { target: null, unit: '', lowered: 0, unmatched: [], over: [] };
  assert.equal(levelling(none, 'same', 0, mark), 'The same gain for all, 0.0 dB: each source sounds as loud as it is.');
  assert.match(levelling({ ...none, over: ['A'] }, 'same', 0, mark), /A passes full scale: your device clips/);
  assert.equal(levelling({ ...none, target: -23.4, unit: 'LUFS', lowered: 2 }, 'matched', 0, mark), 'Loudness matched to −23.4 LUFS. All are lowered by 2.0 dB, so that none passes full scale.');
  assert.deepEqual([decibels(0), decibels(-0.01), decibels(1.94), decibels(-1.94)], ['0.0 dB', '0.0 dB', '+1.9 dB', '−1.9 dB']);
});

test('colours of levels go from end to end, lightness in one direction', () => {
  const ramp = pictures.ramp(['rgb(255, 255, 255)', 'rgb(143, 171, 184)', 'rgb(13, 43, 58)']);
  const parts = (c) => [c & 255, (c >> 8) & 255, (c >> 16) & 255, c >>> 24];
  assert.deepEqual(parts(ramp[0]), [255, 255, 255, 255]);
  assert.deepEqual(parts(ramp[255]), [13, 43, 58, 255]);
  const lightness = [...ramp].map((c) => pictures.oklab(`rgb(${parts(c).slice(0, 3).join(',')})`)[0]);
  for (let i = 1; i < 256; i++) assert.ok(lightness[i] <= lightness[i - 1] + 0.003, `${i}`);
});

test('a picture puts low frequencies at its foot and clamps at the ends of its scale', () => {
  const colours = Uint32Array.from({ length: 256 }, (_, i) => i);
  const out = pictures.pixels(Float32Array.of(-100, 10, -36, NaN), 2, 2, colours, -72, 0);
  assert.deepEqual([...out].slice(0, 3), [255, 0, 0]);
  assert.equal(out[3], 128);
});

test('one scale for all: the loudest, rounded up to 6 dB', () => {
  assert.equal(pictures.autoTop([Float32Array.of(-25, -80), Float32Array.of(-31)]), -24);
  assert.equal(pictures.autoTop([Float32Array.of(0.02)]), 0);
  assert.equal(pictures.autoTop([]), -60);
});

test('frequency ticks are few and round, the level under a spot is read from the picture', () => {
  assert.deepEqual(pictures.ticksOf('log', 8000).map(([, text]) => text), ['4k', '1k', '250']);
  assert.deepEqual(pictures.ticksOf('log', 22050).map(([, text]) => text), ['16k', '4k', '1k', '250']);
  assert.deepEqual(pictures.ticksOf('log', 22050, 4, 6 / 84).map(([, text]) => text)[0], '8k', 'a word that the lane would cut off is left out');
  assert.deepEqual(pictures.ticksOf('linear', 8000).map(([, text]) => text), ['6k', '4k', '2k']);
  const picture = { levels: Float32Array.of(-10, -20, -30, -40), columns: 2, rows: 2, from: 0, to: 2, scale: 'linear', top: 8000, kind: 'levels' };
  assert.equal(pictures.valueAt(picture, 1.5, 6000), -40);
  assert.equal(pictures.valueAt(picture, 2.5, 6000), null);
  assert.equal(reading(picture, 0.5, 1000), '0.500 s, 1 kHz: −10.0 dBFS');
  assert.equal(reading({ ...picture, kind: 'difference', levels: Float32Array.of(6, 0, 0, 0) }, 0.5, 1000), '0.500 s, 1 kHz: +6.0 dB');
});

test('octaves: those below half the rate, against a base that has something', () => {
  assert.equal(centresAt(16000).at(-1), 8000);
  assert.equal(centresAt(44100).at(-1), 16000);
  assert.deepEqual(against([-20, -30], [-14, -150]), [-6, null]);
  assert.deepEqual(limits([[-16, 2], [null, 0]]), [-18, 6]);
});
