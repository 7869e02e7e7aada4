import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import * as w from '../../static/js/words.js';

const cases = JSON.parse(readFileSync(new URL('../words.json', import.meta.url), 'utf8'));
const saying = {
  number: w.number,
  count: w.count,
  decibel: (x) => w.measured(x, 'dB'),
  plain: (x) => w.measured(x),
  duration: w.duration,
  ago: (gap) => w.ago(1_800_000_000 - gap, 1_800_000_000),
};

for (const [kind, rows] of Object.entries(cases)) {
  test(`${kind} is said as the server says it`, () => {
    for (const [value, text] of rows) assert.equal(saying[kind](typeof value === 'string' ? Number(value) : value), text);
  });
}
