// Asks the workers for spectra, and keeps the answers: a picture that was drawn once is there again at once.
import { routed } from './dsp.js';

const KEPT_BYTES = 48 * 1024 * 1024;
const SOUND_BYTES = 256 * 1024 * 1024;

/** Things by key up to so many bytes; what was used longest ago goes first, `onDrop` hears of it. */
export class Kept {
  constructor(limit, onDrop = () => {}) {
    this.limit = limit;
    this.onDrop = onDrop;
    this.bytes = 0;
    this.things = new Map();
  }

  get(key) {
    const found = this.things.get(key);
    if (!found) return undefined;
    this.things.delete(key);
    this.things.set(key, found);
    return found.thing;
  }

  put(key, thing, bytes) {
    this.drop(key);
    this.things.set(key, { thing, bytes });
    this.bytes += bytes;
    for (const old of [...this.things.keys()]) {
      if (this.bytes <= this.limit || old === key) break; // the newest stays, however large it is
      const { thing: gone } = this.things.get(old);
      this.drop(old);
      this.onDrop(old, gone);
    }
    return thing;
  }

  drop(key) {
    const old = this.things.get(key);
    if (!old) return;
    this.bytes -= old.bytes;
    this.things.delete(key);
  }
}

export class Spectra {
  /** `make` makes a worker; there are `many` of them, each keeps its own sounds. */
  constructor({ make = () => new Worker('/static/js/spectrumworker.js', { type: 'module' }), many = 2 } = {}) {
    this.make = make;
    this.many = many;
    this.workers = [];
    this.waiting = new Map(); // id → {resolve, reject}
    this.next = 0;
    this.turn = 0;
    this.lastMs = 0;
    this.homes = new Kept(SOUND_BYTES, (key, worker) => worker.postMessage({ id: -1, task: 'forget', key }));
    this.pictures = new Kept(KEPT_BYTES);
  }

  /** Levels of a sound's stretch as `dsp.levels` gives them; `sound` is an AudioBuffer, `key` names it for good. */
  levels(key, sound, view) {
    return this.#kept(['levels', key, JSON.stringify(view)].join('|'), () => this.#ask(key, sound, 'levels', view));
  }

  /** Mean level by octave, for the centres given. */
  octaves(key, sound, view) {
    return this.#kept(['octaves', key, JSON.stringify(view)].join('|'), () => this.#ask(key, sound, 'octaves', view));
  }

  /** Samples by which a sound lags behind another, or null where they are not alike. */
  delay(key, sound, baseKey, base) {
    return this.#kept(['delay', key, baseKey].join('|'), () => {
      const [late, early] = [sound, base].map((s) => routed(channelsOf(s), 'mid')[0].slice());
      return this.#post(this.#worker(), 'delay', { late, base: early }, [late.buffer, early.buffer]);
    });
  }

  #kept(name, ask) {
    const known = this.pictures.get(name);
    if (known) return known;
    const answer = ask();
    this.pictures.put(name, answer, 256);
    answer.then(
      (result) => this.pictures.put(name, answer, result?.byteLength ?? 256),
      () => this.pictures.drop(name), // asked again, it may go well
    );
    return answer;
  }

  #ask(key, sound, task, view) {
    return this.#post(this.#home(key, sound), task, { key, ...view });
  }

  /** The worker that keeps a sound, after sending it there where it is new. */
  #home(key, sound) {
    const known = this.homes.get(key);
    if (known) return known;
    const worker = this.#worker();
    const channels = channelsOf(sound).map((c) => c.slice());
    this.#post(worker, 'keep', { key, channels, rate: sound.sampleRate }, channels.map((c) => c.buffer));
    return this.homes.put(key, worker, bytesOf(sound));
  }

  #worker() {
    if (this.workers.length < this.many) this.workers.push(this.#started());
    return this.workers[this.turn++ % this.workers.length];
  }

  #started() {
    const worker = this.make();
    worker.onmessage = ({ data }) => {
      const asked = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.ms) this.lastMs = data.ms;
      if (data.problem) asked?.reject(new Error(data.problem));
      else asked?.resolve(data.result);
    };
    worker.onerror = (event) => {
      event.preventDefault?.();
      for (const { reject } of this.waiting.values()) reject(new Error('The spectrum could not be computed: its script did not start.'));
      this.waiting.clear();
    };
    return worker;
  }

  #post(worker, task, asked, transfer = []) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      worker.postMessage({ id, task, ...asked }, transfer);
    });
  }
}

/** A sound's channels as float32 arrays; they are its own, not copies. */
export function channelsOf(sound) {
  return Array.from({ length: sound.numberOfChannels }, (_, c) => sound.getChannelData(c));
}

/** Bytes of a decoded sound in memory. */
export function bytesOf(sound) {
  return 4 * sound.length * sound.numberOfChannels;
}
