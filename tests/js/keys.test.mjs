import assert from 'node:assert/strict';
import test from 'node:test';
import * as keys from '../../static/js/keys.js';
import * as theme from '../../static/js/theme.js';

const press = (key, more = {}) => ({ key, target: { tagName: 'BODY' }, ...more });

test('a key does its work, but not while a field has the focus', () => {
  let done = 0;
  const read = keys.reader({ x: () => done++ });
  assert.equal(read(press('x')), true);
  assert.equal(read(press('x', { target: { tagName: 'INPUT', type: 'text' } })), false);
  assert.equal(read(press('x', { target: { tagName: 'TEXTAREA' } })), false);
  assert.equal(read(press('x', { target: { tagName: 'INPUT', type: 'checkbox' } })), true);
  assert.equal(read(press('x', { ctrlKey: true })), false);
  assert.equal(done, 2);
});

test('a function that does not want the key leaves it to the browser', () => {
  let prevented = 0;
  const read = keys.reader({ Enter: () => false });
  assert.equal(read(press('Enter', { preventDefault: () => prevented++ })), false);
  assert.equal(prevented, 0);
});

test('g and a letter lead to a page, if the letter comes soon', () => {
  let now = 0;
  const went = [];
  const read = keys.reader({}, { go: (path) => went.push(path), now: () => now });
  for (const key of ['g', 'n']) read(press(key));
  read(press('g'));
  now = 5000;
  read(press('r'));
  assert.deepEqual(went, ['/launch']);
});

test('keys can be switched off', () => {
  const read = keys.reader({ x: () => assert.fail('it is off') }, { on: () => false });
  assert.equal(read(press('x')), false);
  assert.equal(keys.enabled({ getItem: () => 'off' }), false);
  assert.equal(keys.enabled({ getItem: () => null }), true);
});

test('the theme turns from what is seen, chosen or the system’s', () => {
  assert.equal(theme.other(undefined, true), 'light');
  assert.equal(theme.other(undefined, false), 'dark');
  assert.equal(theme.other('light', true), 'dark');
  assert.match(theme.cookie('dark'), /^theme=dark; path=\/; max-age=\d+; samesite=lax$/);
});
