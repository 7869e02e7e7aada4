import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';

const source = await readFile(new URL('../../static/js/report.js', import.meta.url), 'utf8');

class Sound extends EventTarget {
  constructor(duration = 4) {
    super();
    Object.assign(this, { duration, currentTime: 0, ended: false, paused: true });
  }

  play() {
    this.paused = false;
    this.dispatchEvent(new Event('play'));
  }

  pause() {
    this.paused = true;
  }
}

/** The script run over slots of sounds, as a page or a file opened from disk runs it. */
function page(...slots) {
  const document = {
    querySelectorAll: (wanted) => (wanted === '[data-slot]' ? slots.map((sounds) => ({ querySelectorAll: () => sounds })) : slots.flat()),
  };
  new Function('document', source)(document);
  return slots;
}

test('another sound of the slot goes on where the one before was', () => {
  const [[a, b]] = page([new Sound(), new Sound()]);
  a.play();
  a.currentTime = 1.5;
  b.play();
  assert.deepEqual([a.paused, b.paused, b.currentTime], [true, false, 1.5]);
});

test('after an end, or past a shorter one, a sound begins at its beginning', () => {
  const [[a, b]] = page([new Sound(), new Sound(1)]);
  a.play();
  a.currentTime = 3;
  b.play();
  assert.equal(b.currentTime, 0);
  const [[c, d]] = page([new Sound(), new Sound()]);
  c.play();
  Object.assign(c, { currentTime: 4, ended: true });
  d.play();
  assert.equal(d.currentTime, 0);
});

test('a sound whose length is not known yet takes the place too', () => {
  const [[a, b]] = page([new Sound(), new Sound(NaN)]);
  a.play();
  a.currentTime = 2;
  b.play();
  assert.equal(b.currentTime, 2);
});

test('one sound of the page plays at a time, and a slot does not move another', () => {
  const [[a], [b]] = page([new Sound()], [new Sound()]);
  a.play();
  a.currentTime = 2;
  b.play();
  assert.deepEqual([a.paused, b.currentTime], [true, 0]);
});

test('the script imports nothing: the downloaded file holds it whole', () => {
  assert.doesNotMatch(source, /^\s*(import|export)\b/m);
});
