// Sound on one clock: all sources start at the same frame and run side by side, only one of them can be heard, so that
// switching stays at the same instant. A change of what plays (another epoch, a seek, a loop) is a second set of
// sources that fades in over the first. Nothing is normalised: a source sounds as loud as it is, times its own gain.
export { fetched } from './sounds.js';

export const FADE_S = 0.01; // linear: two takes of one clip are alike, and equal power would swell by 3 dB
const START_S = 0.03; // all sources are told to begin this much later, so that they begin together
const SWITCH_S = 0.008; // both gains of a switch are told of an instant that is still to come
const LEAST_LOOP_S = 0.02;
/** Shares of left and right in each ear: [[L→L, R→L], [L→R, R→R]]. */
const ROUTES = {
  both: [[1, 0], [0, 1]],
  left: [[1, 0], [1, 0]],
  right: [[0, 1], [0, 1]],
  mid: [[0.5, 0.5], [0.5, 0.5]],
  side: [[0.5, -0.5], [0.5, -0.5]],
};

/** Where the clock stands: `elapsed` s after starting at `offset`, in a clip of `length` s, with a loop or none. */
export function position(offset, elapsed, length, loop = null) {
  const at = offset + Math.max(0, elapsed);
  if (!loop) return Math.min(at, length);
  const [from, to] = loop;
  return at < to || to <= from ? at : from + ((at - from) % (to - from));
}

/** A fade of `gain`, an AudioParam, from what it is to `to`: from `at` on, over `seconds`. */
export function fade(gain, from, to, at, seconds = FADE_S) {
  if (gain.cancelAndHoldAtTime) gain.cancelAndHoldAtTime(at);
  else gain.cancelScheduledValues(at);
  gain.setValueAtTime(from, at);
  gain.linearRampToValueAtTime(to, at + seconds);
}

/** Lowest and highest sample of each of `width` columns over samples [start, end), as [lows, highs]; 0 outside. */
export function peaks(samples, width, start = 0, end = samples.length) {
  const lows = new Float32Array(width);
  const highs = new Float32Array(width);
  const span = end - start;
  for (let p = 0; p < width; p++) {
    const from = Math.floor(start + (p * span) / width);
    const to = Math.max(from + 1, Math.floor(start + ((p + 1) * span) / width));
    let low = Infinity;
    let high = -Infinity;
    for (let i = Math.max(0, from); i < to && i < samples.length; i++) {
      if (samples[i] < low) low = samples[i];
      if (samples[i] > high) high = samples[i];
    }
    lows[p] = Number.isFinite(low) ? low : 0;
    highs[p] = Number.isFinite(high) ? high : 0;
  }
  return [lows, highs];
}

export class Player extends EventTarget {
  /** `make` makes an audio context of a rate in Hz, on the first play; sources of one `load` share their rate. */
  constructor({ make = (sampleRate) => new AudioContext({ sampleRate, latencyHint: 'interactive' }) } = {}) {
    super();
    this.make = make;
    this.tracks = new Map(); // source → {buffer, level, node, gain}
    this.chosen = null;
    this.before = null; // the source heard before this one
    this.loop = null;
    this.looping = false;
    this.playing = false;
    this.channel = 'both';
    this.offset = 0;
    this.began = 0;
    this.length = 0;
    this.rate = 44100;
  }

  /** Seconds into the clip; the one clock of all sources. */
  get currentTime() {
    if (!this.playing) return this.offset;
    return position(this.offset, this.context.currentTime - this.began, this.length, this.window);
  }

  /** Seconds into the clip of what is heard now: the graph's clock, less the device's delay. */
  get heardTime() {
    if (!this.playing) return this.offset;
    const late = this.context.outputLatency || this.context.baseLatency || 0;
    return position(this.offset, this.context.currentTime - this.began - late, this.length, this.window);
  }

  get paused() {
    return !this.playing;
  }

  /** The stretch that repeats: the loop where one is set, the whole clip where looping is on. */
  get window() {
    return this.looping ? (this.loop ?? [0, this.length]) : null;
  }

  /** Take {source: AudioBuffer}, in order, with {source: factor} of gain; what plays goes on at the same instant. */
  load(buffers, levels = {}) {
    const same = Object.entries(buffers).length === this.tracks.size && Object.entries(buffers).every(([s, b]) => this.tracks.get(s)?.buffer === b);
    if (!same) {
      const at = this.currentTime;
      const old = this.tracks;
      this.length = Math.max(0, ...Object.values(buffers).map((b) => b.duration));
      this.rate = Object.values(buffers)[0]?.sampleRate ?? this.rate;
      this.tracks = new Map(Object.entries(buffers).map(([source, buffer]) => [source, { buffer, level: levels[source] ?? 1 }]));
      if (!this.tracks.has(this.before)) this.before = null;
      if (!this.tracks.has(this.chosen)) this.chosen = this.tracks.keys().next().value ?? null;
      if (this.loop && this.loop[0] >= this.length - LEAST_LOOP_S) this.loop = null;
      if (this.loop) this.loop = [this.loop[0], Math.min(this.loop[1], this.length)];
      if (this.playing && this.tracks.size && at < this.length && this.context.sampleRate === this.rate) this.#start(at, old);
      else {
        this.#silence(old);
        this.playing = false;
        this.offset = Math.min(at, this.length);
      }
    }
    this.level(levels);
  }

  /** Set gains as factors, {source: factor}; 1 is the sound as it is. */
  level(levels) {
    for (const [source, track] of this.tracks) {
      const to = levels[source] ?? track.level;
      if (to !== track.level && track.gain && source === this.chosen) fade(track.gain.gain, track.level, to, this.context.currentTime + SWITCH_S);
      track.level = to;
    }
    this.#tell();
  }

  async play() {
    if (this.playing || !this.tracks.size) return;
    this.#ready();
    await this.context.resume(); // waits for the browser's leave to sound
    await this.context.suspend?.(); // while the graph stands still all sources are told of one instant
    if (this.playing) return void (await this.context.resume()); // asked for twice
    const [from, to] = this.window ?? [0, this.length];
    if (this.offset >= to - 0.01) this.offset = from;
    this.#start(this.offset);
    await this.context.resume();
    this.#tell();
  }

  pause() {
    if (this.playing) this.offset = this.heardTime;
    this.#silence(this.tracks);
    this.playing = false;
    this.#tell();
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(seconds) {
    const to = Math.max(0, Math.min(seconds, this.length));
    if (this.playing) this.#start(this.window && to >= this.window[1] ? this.window[0] : to, this.#copy());
    else this.offset = to;
    this.#tell();
  }

  /** Hear another source from this instant on. */
  choose(source) {
    if (!this.tracks.has(source)) return false;
    if (source !== this.chosen) this.before = this.chosen;
    const was = this.tracks.get(this.chosen);
    this.chosen = source;
    const now = this.tracks.get(source);
    if (this.playing && was !== now) {
      const at = this.context.currentTime + SWITCH_S;
      fade(was.gain.gain, was.level, 0, at);
      fade(now.gain.gain, 0, now.level, at);
    }
    this.#tell();
    return true;
  }

  /** Back to the source that was heard before this one, or on to the next. */
  swap() {
    const names = [...this.tracks.keys()];
    return this.choose(this.before ?? names[(names.indexOf(this.chosen) + 1) % names.length]);
  }

  /** Repeat a stretch [from, to], the whole clip (null), or nothing (`on` false). */
  repeat(on, stretch = this.loop) {
    const at = this.currentTime;
    if (this.playing) [this.offset, this.began] = [at, this.context.currentTime]; // counted under the old loop so far
    this.looping = on;
    this.loop = stretch && stretch[1] - stretch[0] > LEAST_LOOP_S ? [Math.max(0, stretch[0]), Math.min(stretch[1], this.length)] : null;
    this.seek(at);
  }

  /** Hear "both", "left", "right", "mid" or "side" of every source. */
  route(channel) {
    this.channel = channel in ROUTES ? channel : 'both';
    if (this.cross) this.#cross(this.context.currentTime + SWITCH_S);
    this.#tell();
  }

  /** The audio graph of the sources' rate: sources → bus → what goes to which ear → output → device. */
  #ready() {
    if (this.context?.sampleRate === this.rate) return;
    this.context?.close?.();
    const context = (this.context = this.make(this.rate));
    this.bus = context.createGain();
    Object.assign(this.bus, { channelCount: 2, channelCountMode: 'explicit' });
    const split = context.createChannelSplitter(2);
    const merge = context.createChannelMerger(2);
    this.output = context.createGain();
    this.bus.connect(split);
    this.cross = [0, 1].map((ear) =>
      [0, 1].map((side) => {
        const gain = context.createGain();
        gain.gain.value = ROUTES[this.channel][ear][side];
        split.connect(gain, side);
        gain.connect(merge, 0, ear);
        return gain.gain;
      }),
    );
    merge.connect(this.output);
    this.output.connect(context.destination);
  }

  #cross(at) {
    this.cross.forEach((ear, e) => ear.forEach((gain, side) => gain.setTargetAtTime(ROUTES[this.channel][e][side], at, FADE_S / 4)));
  }

  /** Start every track at `at` s of the clip, at one frame; those in `old` fade out meanwhile, in step with them. */
  #start(at, old = null, lead = START_S) {
    this.#ready();
    const { context, rate } = this;
    const frame = (seconds) => Math.round(seconds * rate) / rate;
    const when = Math.ceil((context.currentTime + lead) * rate) / rate;
    // what already plays goes on until the new set begins, so the new set begins further on by as much
    const moving = old && this.playing && Math.abs(at - this.currentTime) < 1e-3;
    const offset = frame(moving ? position(this.offset, when - this.began, this.length, this.window) : at);
    for (const [source, track] of this.tracks) {
      const heard = source === this.chosen ? track.level : 0;
      track.gain = context.createGain();
      track.gain.gain.value = offset > 0 || old ? 0 : heard; // a clip's very beginning is not softened
      if (heard && (offset > 0 || old)) fade(track.gain.gain, 0, heard, when);
      track.node = context.createBufferSource();
      track.node.buffer = this.#padded(track.buffer);
      if (this.window) [track.node.loop, track.node.loopStart, track.node.loopEnd] = [true, ...this.window.map(frame)];
      track.node.connect(track.gain);
      track.gain.connect(this.bus);
    }
    for (const { node } of this.tracks.values()) node.start(when, offset);
    if (context.currentTime >= when && lead < 1) {
      // the machine was too busy: some began on time, some late, so all begin again with more time to spare
      for (const { node, gain } of this.tracks.values()) {
        node.stop();
        gain.disconnect();
      }
      this.#start(at, old, 3 * lead);
      return;
    }
    if (old) this.#silence(old, when);
    this.offset = offset;
    this.began = when;
    this.playing = true;
    clearTimeout(this.timer);
    if (!this.window) this.timer = setTimeout(() => this.#ended(), (when - context.currentTime + this.length - offset) * 1000 + 30);
  }

  #ended() {
    if (!this.playing || this.window) return;
    this.#silence(this.tracks);
    this.playing = false;
    this.offset = this.length;
    this.#tell();
  }

  /** The tracks that play now, for a fade while new ones take their places. */
  #copy() {
    return new Map([...this.tracks].map(([source, track]) => [source, { ...track }]));
  }

  /** Fade out what sounds in `tracks` from `when` on, then stop it. */
  #silence(tracks, when = (this.context?.currentTime ?? 0) + SWITCH_S) {
    clearTimeout(this.timer);
    for (const track of tracks.values()) {
      const { node, gain } = track;
      if (!node) continue;
      if (gain.gain.value) fade(gain.gain, gain.gain.value, 0, when);
      node.stop(when + FADE_S);
      node.onended = () => gain.disconnect();
      track.node = track.gain = null;
    }
  }

  /** Clips of one slot may differ by some samples; a loop needs them equally long. */
  #padded(buffer) {
    const frames = Math.round(this.length * buffer.sampleRate);
    if (buffer.length >= frames) return buffer;
    const longer = this.context.createBuffer(buffer.numberOfChannels, frames, buffer.sampleRate);
    for (let c = 0; c < buffer.numberOfChannels; c++) longer.copyToChannel(buffer.getChannelData(c), c);
    return longer;
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}
