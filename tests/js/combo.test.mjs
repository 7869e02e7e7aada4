import assert from 'node:assert/strict';
import test from 'node:test';
import { fitting, spelled, suggested, tokenAt } from '../../static/js/combo.js';

const names = {
  fields: ['tag', 'status', 'finding', 'trainer'],
  statuses: ['failed', 'finished', 'active'],
  verdicts: ['fail', 'healthy'],
  findings: ['disc_stuck', 'nan'],
  knobs: ['disc.lr', 'gen.lr', 'trainer.max_steps'],
  series: ['eval/fid', 'eval/pesq', 'loss/disc'],
  tags: ['paper', 'two words'],
};
const texts = (token) => suggested(token, names).map((s) => s.text);

test('the token at the caret ends at blanks that no quotes hold', () => {
  assert.deepEqual(tokenAt('codec disc.l', 12), { from: 6, to: 12, text: 'disc.l' });
  assert.deepEqual(tokenAt('a bcd e', 3), { from: 2, to: 5, text: 'b' });
  assert.deepEqual(tokenAt('name:"two wo', 12), { from: 0, to: 12, text: 'name:"two wo' });
  assert.deepEqual(tokenAt('', 0), { from: 0, to: 0, text: '' });
});

test('what begins so comes first, then what holds it', () => {
  assert.deepEqual(fitting('disc', ['loss/disc', 'undisc', 'disc.lr']), ['disc.lr', 'loss/disc', 'undisc']);
  assert.deepEqual(fitting('lr', names.knobs), ['disc.lr', 'gen.lr']);
  assert.deepEqual(fitting('zz', names.knobs), []);
});

test('knobs, series, filters and tags are suggested', () => {
  assert.deepEqual(texts('disc'), ['loss/disc', 'disc.lr']);
  assert.deepEqual(texts('ta'), ['tag:', 'status:']);
  assert.deepEqual(texts('-pap'), ['-tag:paper']);
  assert.deepEqual(texts('best(pe'), ['best(eval/pesq)']);
  assert.deepEqual(texts('disc.lr<2'), []);
});

test('values of a filter are suggested, one after a comma as well, quoted where they need it', () => {
  assert.deepEqual(texts('status:f'), ['status:failed', 'status:finished']);
  assert.deepEqual(texts('-status:failed,ac'), ['-status:failed,active']);
  assert.deepEqual(texts('tag:two'), ['tag:"two words"']);
  assert.deepEqual(texts('finding:st'), ['finding:disc_stuck']);
  assert.deepEqual(texts('verdict:h'), ['verdict:healthy']);
  assert.deepEqual(texts('preset:o'), []);
  assert.equal(spelled('a"b'), '"a\\"b"');
});
