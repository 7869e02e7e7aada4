import assert from 'node:assert/strict';
import test from 'node:test';
import { button, told, wanted } from '../../static/js/notify.js';

const before = { ended: false, verdict: 'warn' };

test('an end and a first fail are told, once', () => {
  assert.deepEqual(told({ run: 'r', name: 'n', status: 'finished', ended: true, reason: '' }, before), { title: 'n finished', text: '' });
  assert.equal(told({ run: 'r', name: '', status: 'lost', ended: true, reason: 'silence' }, before).title, 'r is lost');
  assert.equal(told({ run: 'r', name: 'n', status: 'stopped', ended: true, reason: '' }, before).title, 'n was stopped');
  assert.equal(told({ run: 'r', name: 'n', verdict: 'fail', ended: false }, before).title, 'n: the doctor says fail');
  assert.equal(told({ run: 'r', verdict: 'fail', ended: true }, { ended: true, verdict: 'fail' }), null);
});

test('how runs stood when the page opened, and their deletion, are no news', () => {
  assert.equal(told({ run: 'r', ended: true, status: 'failed', verdict: 'fail' }, undefined), null);
  assert.equal(told({ run: 'r', ended: true, status: 'deleted' }, before), null);
});

test('an end while the stream was opened anew is told by the first news of the next one', () => {
  assert.equal(told({ run: 'r', name: 'n', ended: true, status: 'failed', first: true }, before).title, 'n failed');
  assert.equal(told({ run: 'r', ended: false, status: 'running', first: true }, before), null);
});

test('nothing is shown unless it was asked for and allowed', () => {
  const store = (value) => ({ getItem: () => value });
  assert.equal(wanted(store('on'), { permission: 'granted' }), true);
  assert.equal(wanted(store('on'), { permission: 'default' }), false);
  assert.equal(wanted(store(null), { permission: 'granted' }), false);
  assert.equal(wanted({ getItem: () => { throw new Error('forbidden'); } }, { permission: 'granted' }), false);
  assert.equal(button(false, undefined).off, true);
  assert.equal(button(false, 'denied').off, true);
  assert.equal(button(true, 'granted').text, 'Stop notifying me here');
});
