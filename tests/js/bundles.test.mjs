import assert from 'node:assert/strict';
import test from 'node:test';
import { isBundle, leadsTo, problemOf, refusal, sending } from '../../static/js/bundlefile.js';
import { further, linesOf } from '../../static/js/bundles.js';

test('a file that is no bundle is not sent, and the words say why', () => {
  assert.match(refusal(undefined, 10), /Choose a bundle/);
  assert.match(refusal({ name: 'log.csv', size: 5 }, 10), /log\.csv is no bundle: its name does not end in \.zip/);
  assert.match(refusal({ name: 'a.zip', size: 0 }, 10), /a\.zip is empty/);
  assert.match(refusal({ name: 'a.zip', size: 2000 }, 1000), /2,000 bytes; the limit is 1,000/);
  assert.equal(refusal({ name: 'A.Nashboard.ZIP', size: 10 }, 10), '');
  assert.ok(isBundle({ name: 'run.nashboard.zip' }) && !isBundle({ name: 'zip' }));
});

test('a bundle leads to its run, or to all of them', () => {
  assert.equal(leadsTo([{ id: 'a' }]), '/runs/a');
  assert.equal(leadsTo([{ id: 'a' }, { id: 'b' }]), '/compare?runs=a,b');
  assert.equal(leadsTo([{ id: '../x' }]), '/runs/..%2Fx');
  assert.deepEqual([further([{}]), further([{}, {}])], ['Look at it', 'Compare the 2 runs']);
});

test('the line of an error is the server\'s own, or its status', () => {
  assert.equal(problemOf(422, '{"error": {"message": "x.zip is no bundle"}}'), 'x.zip is no bundle');
  assert.match(problemOf(502, '<html>'), /answered 502.*not opened/);
  assert.match(problemOf(422, '{"error": {}}'), /answered 422/);
});

test('the share that is sent, then that it is opened', () => {
  assert.deepEqual([sending(0), sending(0.999), sending(1)], ['Sending, 0 %', 'Sending, 99 %', 'Opening …']);
});

test('an answer has a line for each run and each note', () => {
  const run = { id: 'a', words: 'run a was imported:' };
  assert.deepEqual(linesOf({ runs: [run], notes: ['2 checkpoints stay'] }), [['run a was imported:', run], ['2 checkpoints stay', null]]);
});
