// The Listen section: slots, sources and epochs around one player; waveforms as lanes under one cursor.
import { api, notice, throttled } from './base.js';
import { keyOf } from './charts.js';
import { fetched, peaks, Player, snapped } from './player.js';
import * as theme from './theme.js';
import * as words from './words.js';

/** Every moment at which some run has something to hear: [{epoch, steps: {key: step}}], ascending. */
export function moments(sources) {
  const places = new Set();
  const at = (take) => take.epoch ?? take.step;
  for (const [key, takes] of Object.entries(sources)) if (key !== 'R') for (const take of takes) places.add(at(take));
  return [...places].sort((a, b) => a - b).map((here) => ({
    at: here,
    takes: Object.fromEntries(
      Object.entries(sources).map(([key, takes]) => {
        const mine = takes.map(at);
        return [key, key === 'R' ? takes[0] : takes[mine.indexOf(snapped(mine, here))]];
      }),
    ),
  }));
}

/** An epoch in the fewest digits: "8", "0.5". */
export function place(epoch) {
  return words.fixed(epoch, Math.abs(epoch - Math.round(epoch)) < 0.005 ? 0 : 2);
}

/** What is told of a take beside its lane: true step, level, what is wrong with it. */
export function told(take) {
  const f = take.facts ?? {};
  const number = (v) => (typeof v === 'string' ? { Infinity: '∞', '-Infinity': '−∞' }[v] ?? v : words.fixed(v, 1));
  const parts = [];
  if (f.peak_dbfs !== undefined) parts.push({ text: `peak ${number(f.peak_dbfs)} dBFS`, bad: typeof f.peak_dbfs === 'number' && f.peak_dbfs > 0 });
  if (f.clipped_share > 0) parts.push({ text: `${words.number(100 * f.clipped_share, 2)} % at full scale or beyond`, bad: true });
  if (f.lufs !== undefined && f.lufs !== null) parts.push({ text: `${number(f.lufs)} LUFS` });
  else if (f.rms_dbfs !== undefined) parts.push({ text: `rms ${number(f.rms_dbfs)} dBFS` });
  if (Math.abs(f.dc ?? 0) > 0.005) parts.push({ text: `DC ${words.number(100 * f.dc, 2)} %`, bad: true });
  if (f.nonfinite > 0) parts.push({ text: `${words.count(f.nonfinite)} samples are no numbers`, bad: true });
  return parts;
}

/** Tick places of a time axis of `length` s: [[share, text]]. */
export function ticks(length) {
  if (!(length > 0)) return [];
  const step = [0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 30, 60].find((s) => length / s <= 8) ?? length / 8;
  const found = [];
  for (let t = 0; t < length - step * 0.3; t += step) found.push([t / length, words.fixed(t, step < 1 ? (step === 0.25 ? 2 : 1) : 0)]);
  return found;
}

export class Listen {
  constructor(section, state, onChange) {
    this.section = section;
    this.state = state;
    this.onChange = onChange;
    this.player = new Player();
    this.slots = [];
    this.off = new Set();
    this.$ = (selector) => section.querySelector(selector);
    this.player.addEventListener('change', () => this.#controls());
    this.#wire();
    document.addEventListener('themechange', () => this.#paint());
    addEventListener('resize', throttled(() => this.#paint(), 150));
  }

  /** Ask what there is to hear; what plays goes on. */
  async refresh() {
    let found;
    try {
      found = await api(`/api/listen?runs=${this.state.runs.join(',')}`);
    } catch (problem) {
      notice(`What can be heard could not be read. ${problem.message}`, 'warn');
      return;
    }
    const before = this.moment;
    const atEnd = this.index >= (this.list?.length ?? 0) - 1;
    this.slots = found.slots;
    this.section.hidden = !this.slots.length;
    if (!this.slots.length) return;
    const slot = this.$('#slot');
    const names = this.slots.map((s) => s.slot);
    if ([...slot.options].map((o) => o.value).join() !== names.join()) {
      slot.replaceChildren(...this.slots.map((s) => new Option(s.caption && s.caption !== s.slot ? `${s.slot}, ${s.caption}` : s.slot, s.slot)));
    }
    slot.value = names.includes(this.state.slot) ? this.state.slot : names[0];
    this.#slot(before && !atEnd ? before.at : null);
  }

  get slot() {
    return this.slots.find((s) => s.slot === this.$('#slot').value);
  }

  get moment() {
    return this.list?.[this.index];
  }

  #slot(at = null) {
    this.list = moments(this.slot.sources);
    const range = this.$('#moment');
    range.max = Math.max(0, this.list.length - 1);
    this.index = at === null ? this.list.length - 1 : Math.max(0, this.list.findIndex((m) => m.at >= at));
    this.$('#listen-differ').hidden = this.slot.same;
    this.#load();
  }

  /** Go to the nth evaluated epoch. */
  go(index) {
    const to = Math.max(0, Math.min(this.list.length - 1, index));
    if (to === this.index) return;
    this.index = to;
    this.#load();
  }

  async #load() {
    const moment = this.moment;
    this.$('#moment').value = this.index;
    const counted = Object.values(moment?.takes ?? {}).some((t) => t.epoch !== null);
    this.$('#moment-value').textContent = moment ? (counted ? place(moment.at) : words.count(moment.at)) : 'none';
    this.$('.eps .sec').textContent = counted ? 'epoch, all runs' : 'step, all runs';
    if (!moment) return;
    const takes = Object.entries(moment.takes).filter(([, take]) => take);
    const buffers = {};
    const wrong = [];
    await Promise.all(
      takes.map(async ([key, take]) => {
        if (!take.url) return;
        try {
          buffers[key] = await fetched(take.url, Number(take.facts?.rate_hz) || 44100);
        } catch (problem) {
          wrong.push(`${key}: ${problem.message || 'this sound cannot be decoded by the browser'}`);
        }
      }),
    );
    if (moment !== this.moment) return; // another epoch was chosen meanwhile
    if (wrong.length) notice(wrong.join(' '), 'warn');
    this.buffers = Object.fromEntries(takes.map(([key]) => [key, buffers[key]]).filter(([, b]) => b));
    this.player.load(this.buffers);
    this.#lanes(takes);
    this.onChange({ slot: this.slot.slot });
  }

  #lanes(takes) {
    const keys = takes.map(([key]) => key);
    const sources = this.$('#sources');
    if ([...sources.children].map((b) => b.dataset.source).join() !== keys.join()) {
      sources.replaceChildren(
        ...keys.map((key) => {
          const button = Object.assign(document.createElement('button'), { type: 'button', textContent: key, title: key === 'R' ? 'Reference (r)' : `Run ${key} (${key.toLowerCase()})` });
          button.dataset.source = key;
          if (key !== 'R') button.dataset.k = key;
          return button;
        }),
      );
    }
    this.$('#lane-list').replaceChildren(...takes.map(([key, take]) => this.#lane(key, take)));
    this.$('#ticks').replaceChildren(
      ...ticks(this.player.length).map(([share, text]) => {
        const tick = Object.assign(document.createElement('span'), { textContent: text });
        tick.style.left = `${100 * share}%`;
        return tick;
      }),
    );
    this.$('[data-length]').textContent = words.fixed(this.player.length, 3);
    this.#controls();
    this.#paint();
  }

  #lane(key, take) {
    const lane = document.createElement('div');
    lane.className = 'lane';
    lane.dataset.source = key;
    const cap = document.createElement('div');
    cap.className = 'cap';
    const badge = keyOf(key);
    badge.classList.toggle('ref', key === 'R');
    const name = Object.assign(document.createElement('b'), { className: 'cut', textContent: key === 'R' ? 'Reference' : this.name(key) });
    const when = take.epoch === null || take.epoch === undefined ? `step ${words.count(take.step)}` : `epoch ${place(take.epoch)}, step ${words.count(take.step)}`;
    cap.append(badge, ' ', name, Object.assign(document.createElement('span'), { className: 'dim nowrap', textContent: key === 'R' ? this.slot.caption : when }));
    const levels = Object.assign(document.createElement('span'), { className: 'mono-s right levels' });
    for (const part of take.url ? told(take) : [{ text: 'on its way here' }]) {
      levels.append(Object.assign(document.createElement('span'), { className: part.bad ? 'bad' : '', textContent: part.text }), ' ');
    }
    cap.append(levels);
    const axis = document.createElement('div');
    axis.className = 'ax';
    for (const text of ['+1', '0', '−1']) axis.append(Object.assign(document.createElement('span'), { textContent: text }));
    const body = document.createElement('div');
    body.className = 'cv';
    body.append(document.createElement('canvas'));
    lane.append(cap, axis, body, document.createElement('div'));
    return lane;
  }

  /** Play what a run made at a step in a slot, or the reference ("R") there; pause it when it plays already. */
  async hear(slot, step, source) {
    if (this.playing(slot, step, source) && !this.player.paused) {
      this.player.pause();
      return;
    }
    this.$('#slot').value = slot;
    this.list = moments(this.slot.sources);
    this.$('#moment').max = Math.max(0, this.list.length - 1);
    const at = this.list.findIndex((m) => m.takes[source]?.step === step);
    this.index = at < 0 ? this.list.length - 1 : at;
    await this.#load();
    this.player.choose(source);
    if (this.player.paused) this.player.seek(0);
    if (this.player.paused) await this.toggle();
  }

  /** Whether that sound is the one chosen now. */
  playing(slot, step, source) {
    const take = this.moment?.takes[source];
    return this.player.chosen === source && this.slot?.slot === slot && (source === 'R' || take?.step === step);
  }

  name(key) {
    return this.state.names?.[key] ?? document.querySelector(`[data-toggle-run="${key}"] .nm`)?.textContent ?? `Run ${key}`;
  }

  #paint() {
    for (const lane of this.section.querySelectorAll('.lane[data-source]')) {
      const key = lane.dataset.source;
      lane.hidden = this.off.has(key);
      if (this.buffers?.[key]) wave(lane.querySelector('canvas'), this.buffers[key], key, this.player.length);
    }
    for (const button of this.section.querySelectorAll('#sources [data-source]')) button.hidden = this.off.has(button.dataset.source);
  }

  /** Hide what the legend hides. */
  hide(off) {
    this.off = off;
    this.#paint();
  }

  #wire() {
    this.section.addEventListener('click', (event) => {
      const source = event.target.closest('#sources [data-source]');
      if (source) this.player.choose(source.dataset.source);
      else if (event.target.closest('[data-play]')) this.toggle();
      else if (event.target.closest('[data-loop]')) this.player.repeat(!this.player.looping, this.player.looping ? null : this.player.loop);
      else if (event.target.closest('.cv')) {
        const box = event.target.getBoundingClientRect();
        this.player.seek(((event.clientX - box.left) / box.width) * this.player.length);
        const lane = event.target.closest('[data-source]');
        if (lane) this.player.choose(lane.dataset.source);
      }
    });
    this.$('#slot').addEventListener('change', () => {
      this.state.slot = this.$('#slot').value;
      this.#slot(this.moment?.at ?? null);
    });
    this.$('#moment').addEventListener('input', () => this.go(Number(this.$('#moment').value)));
  }

  async toggle() {
    try {
      await this.player.toggle();
    } catch {
      notice('The browser does not let this page play sound yet. Press play once more.', 'warn');
    }
  }

  /** Set the loop's end nearest to what the key says: "[" its start, "]" its end, at this instant. */
  mark(which) {
    const at = this.player.currentTime;
    const [from, to] = this.player.loop ?? [0, this.player.length];
    const next = which === '[' ? [at, Math.max(to, at)] : [Math.min(from, at), at];
    if (next[1] - next[0] > 0.02) this.player.repeat(true, next);
  }

  #controls() {
    const { player } = this;
    const play = this.$('[data-play]');
    play.setAttribute('aria-label', player.paused ? 'Play' : 'Pause');
    play.querySelector('use').setAttribute('href', player.paused ? '#g-play' : '#g-pause');
    play.disabled = !player.tracks.size;
    this.$('[data-loop]').setAttribute('aria-pressed', String(player.looping));
    for (const button of this.section.querySelectorAll('#sources [data-source]')) {
      button.setAttribute('aria-pressed', String(button.dataset.source === player.chosen));
    }
    for (const lane of this.section.querySelectorAll('.lane[data-source]')) lane.classList.toggle('now', lane.dataset.source === player.chosen);
    const mark = this.$('#loop-mark');
    mark.hidden = !(player.looping && player.loop);
    if (!mark.hidden) {
      mark.style.left = `${(100 * player.loop[0]) / player.length}%`;
      mark.style.width = `${(100 * (player.loop[1] - player.loop[0])) / player.length}%`;
    }
    this.#run();
  }

  #clock() {
    const at = this.player.currentTime;
    this.$('[data-clock]').textContent = words.fixed(at, 3);
    const cursor = this.$('#cursor');
    cursor.style.left = `${this.player.length ? (100 * at) / this.player.length : 0}%`;
    cursor.dataset.t = words.fixed(at, 2);
  }

  /** The clock and cursor run while sound does. */
  #run() {
    cancelAnimationFrame(this.frame);
    this.#clock();
    if (this.player.playing) this.frame = requestAnimationFrame(() => this.#run());
  }
}

/** A waveform at full scale: what goes beyond the lane's edge is beyond full scale. */
function wave(canvas, buffer, key, length) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext('2d');
  pen.fillStyle = theme.colour('--sheet');
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = theme.colour('--hair');
  pen.fillRect(0, height / 2, width, ratio);
  const columns = Math.max(1, Math.round((width * buffer.duration) / (length || buffer.duration)));
  const [lows, highs] = peaks(buffer.getChannelData(0), columns);
  const over = theme.colour('--fail');
  const colour = theme.colour(key === 'R' ? '--ink-2' : `--run-${key.toLowerCase()}`);
  for (let p = 0; p < columns; p++) {
    const top = (height / 2) * (1 - highs[p]);
    const foot = (height / 2) * (1 - lows[p]);
    pen.fillStyle = highs[p] > 1 || lows[p] < -1 ? over : colour;
    pen.fillRect(p, Math.max(0, top), 1, Math.max(ratio, Math.min(height, foot) - Math.max(0, top)));
  }
}
