import assert from 'node:assert/strict';
import test from 'node:test';
import { Analyser, decibels, delay, difference, Fft, fromMel, hzAt, levels, mel, octaves, placeOf, routed, SILENT_DB } from '../../static/js/dsp.js';

const RATE = 16000;
const tone = (hz, amplitude = 1, seconds = 1, rate = RATE) => Float32Array.from({ length: seconds * rate }, (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / rate));
const loudest = (values) => values.reduce((best, v, i) => (v > values[best] ? i : best), 0);
const close = (a, b, by, what = '') => assert.ok(Math.abs(a - b) <= by, `${what} ${a} is not within ${by} of ${b}`);

test('a transform agrees with the sum that defines it', () => {
  const size = 32;
  const re = Float64Array.from({ length: size }, (_, i) => Math.sin(i * i));
  const im = Float64Array.from({ length: size }, (_, i) => Math.cos(3 * i));
  const [x, y] = [re.slice(), im.slice()];
  new Fft(size).transform(x, y);
  for (let k = 0; k < size; k++) {
    let [a, b] = [0, 0];
    for (let i = 0; i < size; i++) {
      const t = (-2 * Math.PI * k * i) / size;
      a += re[i] * Math.cos(t) - im[i] * Math.sin(t);
      b += re[i] * Math.sin(t) + im[i] * Math.cos(t);
    }
    close(x[k], a, 1e-9);
    close(y[k], b, 1e-9);
  }
  assert.throws(() => new Fft(48), /power of two/);
});

test('a full-scale sine reads 0 dBFS in its bin, at any window and amplitude', () => {
  for (const size of [256, 512, 2048]) {
    const analyser = new Analyser(size);
    const hz = (RATE / analyser.padded) * 2 * Math.round(1000 / ((2 * RATE) / analyser.padded));
    for (const amplitude of [1, 0.5, 0.001]) {
      const power = new Float64Array(analyser.bins);
      analyser.add(tone(hz, amplitude), 8000, power);
      const at = loudest(power);
      assert.equal(at, Math.round((hz * analyser.padded) / RATE));
      close(decibels(power[at]), 20 * Math.log10(amplitude), 0.01, `${size} samples`);
    }
  }
});

test('a tone between two bins loses less than 0.4 dB', () => {
  const analyser = new Analyser(512);
  for (let part = 0; part < 1; part += 0.1) {
    const power = new Float64Array(analyser.bins);
    analyser.add(tone((RATE / analyser.padded) * (64 + part)), 8000, power);
    close(decibels(Math.max(...power)), 0, 0.4);
  }
});

test('on each axis a tone lies at its frequency, at its level', () => {
  for (const scale of ['log', 'mel', 'linear']) {
    for (const hz of [440, 1000, 3500]) {
      const rows = 120;
      const found = levels([tone(hz, 0.5)], { rate: RATE, from: 0.2, to: 0.8, columns: 10, rows, scale, size: 512 });
      const column = found.subarray(5 * rows, 6 * rows);
      const at = loudest(column);
      const tolerance = Math.max(RATE / 512, hzAt((at + 1) / rows, scale, RATE / 2) - hzAt(at / rows, scale, RATE / 2));
      close(hzAt((at + 0.5) / rows, scale, RATE / 2), hz, tolerance, scale);
      close(column[at], -6.02, scale === 'mel' ? 3.1 : 0.4, `${scale} ${hz}`);
    }
  }
});

test('a tone in the middle of a mel band reads its level, at any width of band', () => {
  const bands = 100;
  for (const band of [5, 30, 60, 95]) {
    const hz = fromMel(((band + 1) * mel(RATE / 2)) / (bands + 1));
    const found = levels([tone(hz, 0.25)], { rate: RATE, from: 0.4, to: 0.6, columns: 1, rows: bands, scale: 'mel', size: 512 });
    assert.equal(loudest(found), band);
    close(found[band], -12.04, 0.1);
  }
});

test('mel is HTK’s, and axes are undone by their inverse', () => {
  close(mel(1000), 1000, 0.1);
  close(fromMel(mel(4321)), 4321, 1e-6);
  for (const scale of ['log', 'mel', 'linear']) close(placeOf(hzAt(0.37, scale, 8000), scale, 8000), 0.37, 1e-9);
});

test('half the amplitude is −6.02 dB everywhere it is heard, and 0 where neither is', () => {
  const options = { rate: RATE, from: 0, to: 1, columns: 20, rows: 90, size: 512 };
  const base = levels([tone(1000, 0.8)], options);
  const found = difference(levels([tone(1000, 0.4)], options), base, -90);
  let heard = 0;
  found.forEach((d, i) => {
    if (base[i] > -80) {
      close(d, -6.0206, 0.001);
      heard += 1;
    } else if (base[i] < -90) assert.equal(d, 0);
  });
  assert.ok(heard > 20);
});

test('silence, sounds that end early and samples that are no numbers stay finite', () => {
  const options = { rate: RATE, from: 0, to: 2, columns: 8, rows: 16, size: 256 };
  const wave = tone(500, 0.5, 1);
  wave[100] = NaN;
  const found = levels([wave], options);
  assert.ok(found.every(Number.isFinite));
  assert.ok(found.subarray(6 * 16).every((v) => v === SILENT_DB));
  assert.ok(levels([new Float32Array(0)], options).every((v) => v === SILENT_DB));
});

test('a click is in the picture at every zoom', () => {
  const wave = new Float32Array(60 * RATE);
  wave[31 * RATE + 17] = 1;
  const found = levels([wave], { rate: RATE, from: 0, to: 60, columns: 600, rows: 8, size: 512 });
  assert.ok(Math.max(...found.subarray(309 * 8, 312 * 8)) > -60);
});

test('left, right, mid and side; two channels are drawn by their mean power', () => {
  const [left, right] = [Float32Array.of(1, 0.5), Float32Array.of(0, 0.5)];
  assert.deepEqual([...routed([left, right], 'mid')[0]], [0.5, 0.5]);
  assert.deepEqual([...routed([left, right], 'side')[0]], [0.5, 0]);
  assert.equal(routed([left, right], 'right')[0], right);
  assert.equal(routed([left], 'right')[0], left);
  assert.deepEqual([...routed([left], 'side')[0]], [0, 0]);
  const options = { rate: RATE, from: 0.3, to: 0.7, columns: 1, rows: 60, size: 512 };
  const one = levels([tone(1000), new Float32Array(RATE)], options);
  const two = levels([tone(1000), tone(1000)], options);
  close(Math.max(...two) - Math.max(...one), 3.01, 0.01);
});

test('delay is found in samples, and unlike sounds have none', () => {
  let seed = 7;
  const noise = (n) => Float32Array.from({ length: n }, () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5);
  const base = noise(100_000);
  for (const lag of [0, 13, -240]) {
    const late = new Float32Array(base.length);
    for (let i = 0; i < late.length; i++) late[i] = 0.3 * (base[i - lag] || 0);
    assert.equal(delay(base, late), lag);
  }
  assert.equal(delay(base, noise(100_000)), null);
  assert.equal(delay(base, new Float32Array(100_000)), null);
  const shift = 160 / RATE;
  const options = { rate: RATE, from: 0, to: 1, columns: 10, rows: 30, size: 512 };
  const late = new Float32Array(base.length);
  late.set(base.subarray(0, base.length - 160), 160);
  const apart = difference(levels([late], { ...options, shift }), levels([base], options), -100);
  assert.ok(apart.subarray(60, 240).every((d) => Math.abs(d) < 1e-3));
});

test('a tone falls into its octave at its level', () => {
  const [low, here, high] = octaves([tone(1000, 0.1)], RATE, [250, 1000, 4000]);
  close(here, -20, 0.1);
  assert.ok(low < -60 && high < -60);
});
