import assert from 'node:assert/strict';
import { test } from 'node:test';
import { about, ends, words } from '../../static/js/preflight.js';

const BODY = { trainer: 'codec', preset: 'fixed', size: 'tiny', device: 'cpu', patch: { 'data.root': '/d', 'disc.lr': '1e-3' }, name: 'a' };

test('a card is of the data alone, a dry run of the whole recipe and its device', () => {
  const other = { ...BODY, patch: { ...BODY.patch, 'disc.lr': '1e-4' }, device: 'auto' };
  assert.equal(about('card', BODY), about('card', other));
  assert.notEqual(about('dry', BODY), about('dry', other));
  assert.notEqual(about('card', BODY), about('card', { ...BODY, patch: { 'data.root': '/e' } }));
});

test('a name, tags and rules to stop at change neither', () => {
  const named = { ...BODY, name: 'b', tags: ['x'], project: 'p', stop_on: ['nonfinite'] };
  assert.equal(about('dry', BODY), about('dry', named));
});

test('when it ends, with the day where that is another one', () => {
  const now = new Date(2026, 4, 3, 12, 30);
  assert.equal(ends(3600, now, 'en-GB'), '13:30');
  assert.match(ends(86400, now, 'en-GB'), /4 May.*12:30/);
});

test('each state has words', () => {
  assert.equal(words('card', 'running'), 'reading the data');
  assert.equal(words('dry', 'running'), 'running two steps');
  assert.match(words('dry', 'stale'), /ask again/);
});
