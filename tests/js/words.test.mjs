import assert from 'node:assert/strict';
import test from 'node:test';
import * as w from '../../static/js/words.js';

test('numbers are said to three digits, with comma and true minus', () => {
  assert.deepEqual(
    [0, 2, 0.0011, 41.3, -3.694, 12340, 1e-5, 1.234e-7].map((n) => w.number(n)),
    ['0', '2.00', '0.00110', '41.3', '−3.69', '12,340', '1e−5', '1.23e−7'],
  );
  assert.deepEqual([NaN, Infinity, -Infinity, null].map((n) => w.number(n)), ['NaN', 'Inf', '−Inf', 'none']);
});

test('decibel and per cent have one decimal', () => {
  assert.equal(w.measured(-2.44, 'dB'), '−2.4');
  assert.equal(w.measured(113.62, '%'), '113.6');
  assert.equal(w.fixed(-0.001, 1), '0.0');
  assert.equal(w.count(1234567), '1,234,567');
});

test('durations and ages', () => {
  assert.deepEqual([4.4, 63, 11_520, 200_000].map(w.duration), ['4 s', '1 min 03 s', '3 h 12 min', '2 d 7 h']);
  assert.equal(w.duration(NaN), 'unknown');
  const now = 1_700_000_000;
  assert.deepEqual([0, 40, 180, 7200, 100_000].map((gap) => w.ago(now - gap, now)), ['just now', '40 s', '3 min', '2 h', 'yesterday']);
});
