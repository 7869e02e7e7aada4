// Sound on one clock: all sources of a slot start together and run side by side, only one of them can be heard, so
// that switching stays at the same instant. Nothing is normalised: a sample sounds as loud as it is.

const FADE_S = 0.008;

/** Where the clock stands: `elapsed` s after starting at `offset`, in a clip of `length` s, with a loop or none. */
export function position(offset, elapsed, length, loop = null) {
  const at = offset + elapsed;
  if (!loop) return Math.min(at, length);
  const [from, to] = loop;
  return at < to || to <= from ? at : from + ((at - from) % (to - from));
}

/** The nearest of `steps` (ascending) that is not past `step`; the first where all are past it. */
export function snapped(steps, step) {
  let found = steps[0];
  for (const s of steps) if (s <= step) found = s;
  return found;
}

/** Lowest and highest sample of each of `width` columns, as [lows, highs]. */
export function peaks(samples, width) {
  const lows = new Float32Array(width);
  const highs = new Float32Array(width);
  for (let p = 0; p < width; p++) {
    const from = Math.floor((p * samples.length) / width);
    const to = Math.max(from + 1, Math.floor(((p + 1) * samples.length) / width));
    let low = Infinity;
    let high = -Infinity;
    for (let i = from; i < to && i < samples.length; i++) {
      if (samples[i] < low) low = samples[i];
      if (samples[i] > high) high = samples[i];
    }
    lows[p] = Number.isFinite(low) ? low : 0;
    highs[p] = Number.isFinite(high) ? high : 0;
  }
  return [lows, highs];
}

/** Sound of one address, decoded at its own rate; kept, since its address is its digest. */
const decoded = new Map();
export function fetched(url, rate = 44100) {
  if (!decoded.has(url)) {
    const sound = (async () => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`The sample could not be read: the server answered ${answer.status}.`);
      const bytes = await answer.arrayBuffer();
      return new OfflineAudioContext(1, 1, rate >= 3000 && rate <= 384_000 ? rate : 44100).decodeAudioData(bytes);
    })();
    sound.catch(() => decoded.delete(url));
    decoded.set(url, sound);
    if (decoded.size > 60) decoded.delete(decoded.keys().next().value);
  }
  return decoded.get(url);
}

export class Player extends EventTarget {
  constructor() {
    super();
    this.tracks = new Map(); // source → {buffer, node, gain}
    this.chosen = null;
    this.loop = null;
    this.looping = false;
    this.playing = false;
    this.offset = 0;
    this.began = 0;
    this.length = 0;
  }

  /** Seconds into the clip; the one clock of all sources. */
  get currentTime() {
    if (!this.playing) return this.offset;
    return position(this.offset, this.context.currentTime - this.began, this.length, this.window);
  }

  get paused() {
    return !this.playing;
  }

  /** The stretch that repeats: the loop where one is set, the whole clip where looping is on. */
  get window() {
    return this.looping ? (this.loop ?? [0, this.length]) : null;
  }

  /** Take {source: AudioBuffer}; what plays goes on at the same instant. */
  load(buffers) {
    const at = this.currentTime;
    const playing = this.playing;
    this.#silence();
    this.tracks.clear();
    this.length = Math.max(0, ...Object.values(buffers).map((b) => b.duration));
    for (const [source, buffer] of Object.entries(buffers)) this.tracks.set(source, { buffer });
    if (!this.tracks.has(this.chosen)) this.chosen = this.tracks.keys().next().value ?? null;
    this.offset = Math.min(at, this.length);
    if (playing && this.tracks.size) this.#start();
    else this.playing = false;
    this.#tell();
  }

  async play() {
    if (this.playing || !this.tracks.size) return;
    this.context ??= new AudioContext();
    await this.context.resume();
    if (this.offset >= this.length - 0.01 && !this.looping) this.offset = 0;
    this.#start();
    this.#tell();
  }

  pause() {
    this.offset = this.currentTime;
    this.#silence();
    this.playing = false;
    this.#tell();
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(seconds) {
    const playing = this.playing;
    this.#silence();
    this.offset = Math.max(0, Math.min(seconds, this.length));
    if (playing) this.#start();
    this.#tell();
  }

  /** Hear another source from this instant on. */
  choose(source) {
    if (!this.tracks.has(source)) return false;
    this.chosen = source;
    if (this.playing) {
      const now = this.context.currentTime;
      for (const [name, track] of this.tracks) {
        track.gain.gain.cancelScheduledValues(now);
        track.gain.gain.setValueAtTime(track.gain.gain.value, now);
        track.gain.gain.linearRampToValueAtTime(name === source ? 1 : 0, now + FADE_S);
      }
    }
    this.#tell();
    return true;
  }

  /** Repeat a stretch [from, to], the whole clip (null), or nothing (`on` false). */
  repeat(on, stretch = this.loop) {
    const at = this.currentTime;
    this.looping = on;
    this.loop = stretch && stretch[1] - stretch[0] > 0.02 ? stretch : null;
    this.seek(at);
  }

  #start() {
    this.context ??= new AudioContext();
    const when = this.context.currentTime;
    for (const [source, track] of this.tracks) {
      track.gain = new GainNode(this.context, { gain: source === this.chosen ? 1 : 0 });
      track.node = new AudioBufferSourceNode(this.context, { buffer: this.#padded(track.buffer) });
      if (this.window) [track.node.loop, track.node.loopStart, track.node.loopEnd] = [true, ...this.window];
      track.node.connect(track.gain).connect(this.context.destination);
      track.node.start(when, this.offset);
    }
    this.began = when;
    this.playing = true;
    clearTimeout(this.timer);
    if (!this.window) this.timer = setTimeout(() => this.#ended(), (this.length - this.offset) * 1000 + 30);
  }

  #ended() {
    if (!this.playing || this.window) return;
    this.#silence();
    this.playing = false;
    this.offset = this.length;
    this.#tell();
  }

  #silence() {
    clearTimeout(this.timer);
    for (const track of this.tracks.values()) {
      track.node?.stop();
      track.gain?.disconnect();
      track.node = track.gain = null;
    }
  }

  /** Clips of one slot may differ by some samples; a loop needs them equally long. */
  #padded(buffer) {
    const frames = Math.round(this.length * buffer.sampleRate);
    if (buffer.length >= frames) return buffer;
    const longer = new AudioBuffer({ length: frames, numberOfChannels: buffer.numberOfChannels, sampleRate: buffer.sampleRate });
    for (let c = 0; c < buffer.numberOfChannels; c++) longer.copyToChannel(buffer.getChannelData(c), c);
    return longer;
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}
