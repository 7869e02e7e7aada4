// The lanes of the Listen section: waveforms, spectrograms and differences under one time axis.
import { glyph } from './base.js';
import { keyOf } from './charts.js';
import { difference, routed } from './dsp.js';
import { tint, whenOf } from './listenview.js';
import { peaks } from './player.js';
import { channelsOf } from './spectra.js';
import * as pictures from './spectrogram.js';
import * as theme from './theme.js';
import * as words from './words.js';

const MOST_COLUMNS = 1600;
const made = (tag, className = '', textContent = '') => Object.assign(document.createElement(tag), { className, textContent });

/** What stands in which lane: [{key, kind, source}], kinds wave, levels and difference. */
export function laneList({ sources, chosen, diffOf, base, show }) {
  const kind = { spectrogram: 'levels', waveform: 'wave', difference: 'difference' }[show];
  const found = show === 'waveform' || !chosen ? [] : [{ key: 'top', kind: 'wave', source: chosen }];
  for (const source of sources) found.push({ key: source.id, kind: kind === 'difference' && (!base || source === base) ? 'levels' : kind, source });
  if (show !== 'difference' && diffOf && base) found.push({ key: 'difference', kind: 'difference', source: diffOf });
  return found;
}

/** In words what the difference was made of: whose delay was taken out, whose length differs. */
export function aligned(lag, rate, seconds, baseSeconds, mark, baseMark) {
  const parts = [];
  if (lag) parts.push(`${mark} ${lag > 0 ? 'lags' : 'leads'} by ${words.count(Math.abs(lag))} ${Math.abs(lag) === 1 ? 'sample' : 'samples'} (${words.number((1000 * Math.abs(lag)) / rate, 2)} ms), aligned`);
  if (lag === null) parts.push('too unlike to tell a delay, taken as 0');
  const apart = seconds - baseSeconds;
  if (Math.abs(apart) >= 0.0005) parts.push(`${mark} is ${words.fixed(Math.abs(apart), 3)} s ${apart > 0 ? 'longer' : 'shorter'} than ${baseMark}`);
  return parts.join('; ');
}

export class Lanes {
  constructor(list, spectra) {
    this.list = list;
    this.spectra = spectra;
    this.known = new Map(); // lane's key → {lane, kind, picture}
    this.colours = null;
    this.painting = false;
    this.model = null;
    document.addEventListener('themechange', () => {
      this.colours = null;
      this.paint();
    });
  }

  /** Put the lanes of a model in place, and draw them. */
  show(model) {
    this.model = model;
    const wanted = laneList(model);
    for (const [key, { lane, kind }] of this.known) {
      const now = wanted.find((w) => w.key === key);
      if (now?.kind === kind) continue;
      lane.remove();
      this.known.delete(key);
    }
    wanted.forEach((spec, i) => {
      if (!this.known.has(spec.key)) this.known.set(spec.key, { lane: this.#lane(spec), kind: spec.kind, picture: null });
      const known = this.known.get(spec.key);
      known.spec = spec;
      if (this.list.children[i] !== known.lane) this.list.insertBefore(known.lane, this.list.children[i] ?? null);
      this.#caption(known.lane, spec);
    });
    this.paint();
  }

  /** The picture of a lane: {levels, columns, rows, from, to, scale, top, kind}. */
  picture(key) {
    return this.known.get(key)?.picture ?? null;
  }

  #lane(spec) {
    const lane = made('div', `lane ${spec.kind}`);
    lane.dataset.lane = spec.key;
    const body = made('div', 'cv');
    const canvas = document.createElement('canvas');
    body.tabIndex = 0;
    body.setAttribute('role', 'slider');
    body.setAttribute('aria-valuemin', '0');
    body.setAttribute('aria-valuenow', '0');
    body.append(canvas, made('div', 'lane-state'), made('div', 'at-hz'));
    body.querySelector('.at-hz').hidden = true;
    const scale = made('div', 'lane-scale');
    if (spec.kind !== 'wave') scale.append(Object.assign(document.createElement('canvas'), { className: 'scale' }), made('div', 'ax r'));
    lane.append(made('div', 'cap'), made('div', 'ax'), body, scale);
    return lane;
  }

  #caption(lane, { key, kind, source }) {
    const { base, chosen, view, name } = this.model;
    lane.classList.toggle('now', source === chosen && key !== 'top');
    const difference_ = kind === 'difference';
    const badge = keyOf(tint(source.key));
    badge.textContent = source.mark;
    badge.classList.toggle('ref', source.key === 'R');
    const title = difference_ ? (key === 'difference' ? 'Difference' : name(source)) : key === 'top' ? 'Waveform' : name(source);
    const parts = [badge, made('b', 'cut', title)];
    if (difference_) parts.push(made('span', 'dim nowrap', `${source.mark} − ${base.mark}`), made('span', 'dm lo', 'missing'), made('span', 'dm hi', 'added'));
    else if (key === 'top') parts.push(made('span', 'dim cut', base && base !== source ? `the line is ${base.key === 'R' ? 'the reference' : base.mark}` : name(source)));
    else if (source.key !== 'R') parts.push(made('span', 'dim nowrap', whenOf(source.take)));
    if (view.ch !== 'both' && key !== 'top') parts.push(made('span', 'dim nowrap', view.ch));
    parts.push(made('span', 'dim aligned'), made('span', 'right mono-s readout'));
    const cap = lane.querySelector('.cap');
    const told = cap.querySelector('.readout')?.textContent ?? '';
    cap.replaceChildren(...parts);
    cap.querySelector('.readout').textContent = told;
    const shows = { wave: 'waveform', levels: 'spectrogram', difference: `difference against ${base ? base.mark : ''}` }[kind];
    const body = lane.querySelector('.cv');
    body.setAttribute('aria-label', `${name(source)}, ${whenOf(source.take)}: ${shows}`);
    const state = lane.querySelector('.lane-state');
    const said = this.model.states.get(source.id) || (difference_ && this.model.states.get(base.id)) || '';
    state.replaceChildren(...(said ? [glyph(said.level ?? 'info'), made('span', '', said.text)] : []));
    body.setAttribute('aria-busy', String(said.busy === true));
    lane.classList.toggle('said', Boolean(said));
  }

  /** Draw what is shown; while one drawing is under way the next waits, and only the last of those is made. */
  async paint() {
    if (!this.model) return;
    this.again = this.painting;
    if (this.painting) return;
    this.painting = true;
    try {
      do {
        this.again = false;
        await this.#draw(this.model);
      } while (this.again);
    } finally {
      this.painting = false;
    }
    this.list.dispatchEvent(new Event('painted'));
  }

  async #draw(model) {
    const began = performance.now();
    const lanes = [...this.known.values()].filter((k) => model.buffers.has(k.spec.source.id));
    for (const known of lanes) if (known.kind === 'wave') this.#wave(known.lane.querySelector('.cv canvas'), known, model); // these need no waiting
    const found = await Promise.all(lanes.map((k) => this.#picture(k, model).catch((problem) => ({ problem }))));
    if (this.again) return; // a newer view waits: it will be drawn instead
    this.colours ??= { levels: pictures.ramp(pictures.LEVEL_TOKENS.map((t) => theme.colour(t))), difference: pictures.ramp(pictures.DIFFERENCE_TOKENS.map((t) => theme.colour(t))) };
    const seen = found.filter((p) => p?.kind === 'levels').map((p) => p.levels);
    const top = model.view.top ?? (seen.length ? pictures.autoTop(seen) : 0);
    const floor = top - model.view.range;
    this.scale = { top, floor };
    for (const [i, known] of lanes.entries()) {
      const picture = found[i];
      const canvas = known.lane.querySelector('.cv canvas');
      if (picture?.problem) {
        known.lane.querySelector('.lane-state').replaceChildren(glyph('warn'), made('span', '', picture.problem.message));
        known.lane.classList.add('said');
      } else if (picture) this.#spectrum(canvas, known, picture, top, floor, model);
    }
    this.lastMs = performance.now() - began;
  }

  async #picture(known, model) {
    const { spec } = known;
    if (known.kind === 'wave') return null;
    const canvas = known.lane.querySelector('.cv canvas');
    const ratio = Math.min(2, devicePixelRatio || 1);
    const { view, length, rate, buffers, keys, base } = model;
    const [from, to] = view.span ?? [0, length];
    const size = view.win || model.size;
    const asked = {
      from, to, size, scale: view.freq, top: rate / 2, channel: view.ch,
      columns: Math.max(1, Math.min(MOST_COLUMNS, Math.round(canvas.clientWidth * ratio))),
      rows: Math.max(1, Math.round(canvas.clientHeight * ratio)),
    }; // prettier-ignore
    const of = ({ id }, shift = 0) => this.spectra.levels(keys.get(id), buffers.get(id), { ...asked, shift });
    const axis = { ...asked, kind: known.kind };
    if (known.kind === 'levels') return { ...axis, levels: await of(spec.source) };
    if (!buffers.has(base.id)) return null;
    const lag = await this.spectra.delay(keys.get(spec.source.id), buffers.get(spec.source.id), keys.get(base.id), buffers.get(base.id));
    const [mine, other] = await Promise.all([of(spec.source, (lag ?? 0) / rate), of(base)]);
    return { ...axis, lag, mine, other };
  }

  #spectrum(canvas, known, picture, top, floor, model) {
    const { view, base, buffers } = model;
    const { columns, rows } = picture;
    const apart = picture.kind === 'difference';
    if (apart) picture.levels = difference(picture.mine, picture.other, floor);
    const [low, high] = apart ? [-view.dif, view.dif] : [floor, top];
    const colours = this.colours[apart ? 'difference' : 'levels'];
    pictures.draw(canvas, picture.levels, columns, rows, colours, low, high);
    pictures.drawScale(known.lane.querySelector('.scale'), colours);
    const marks = (places, box) => box.replaceChildren(...places.map(([share, text]) => {
      const span = made('span', '', text);
      span.style.top = `${100 * (1 - share)}%`;
      return span;
    }));
    const [axis, scale] = known.lane.querySelectorAll('.ax');
    marks(pictures.ticksOf(view.freq, picture.top, canvas.clientHeight > 120 ? 6 : 4, 6 / canvas.clientHeight), axis); // half a line of text
    const middle = (low + high) / 2;
    marks([[0.91, signed(high, apart)], [0.5, signed(middle, apart)], [0.09, signed(low, apart)]], scale);
    known.picture = picture;
    if (apart) {
      const [mine, other] = [known.spec.source, base];
      known.lane.querySelector('.aligned').textContent = aligned(picture.lag, model.rate, buffers.get(mine.id).duration, buffers.get(other.id).duration, mine.mark, other.mark);
    }
  }

  /** A waveform at full scale: what goes beyond the lane's edge is beyond full scale. The base is a line over it. */
  #wave(canvas, known, model) {
    const { view, length, buffers, base } = model;
    const { source, key } = known.spec;
    wave(canvas, buffers.get(source.id), source.key, view.span ?? [0, length], view.ch, key === 'top' && base !== source ? buffers.get(base?.id) : null);
    const [axis] = known.lane.querySelectorAll('.ax');
    if (!axis.children.length) {
      for (const [text, at] of [['+1', 8], ['0', 50], ['−1', 92]]) {
        const span = made('span', '', text);
        span.style.top = `${at}%`;
        axis.append(span);
      }
    }
    known.picture = null;
  }
}

function signed(value, sign) {
  return `${sign && value > 0 ? '+' : ''}${words.fixed(value, 0)}`;
}

/** Lowest and highest sample of each column, over all channels that are drawn. */
function envelope(buffer, width, [from, to], channel) {
  const rate = buffer.sampleRate;
  const parts = routed(channelsOf(buffer), channel).map((c) => peaks(c, width, from * rate, to * rate));
  const over = (which, pick) => parts[0][which].map((_, i) => parts.reduce((m, p) => pick(m, p[which][i]), parts[0][which][i]));
  return parts.length === 1 ? parts[0] : [over(0, Math.min), over(1, Math.max)];
}

/** Draws a waveform, red where it passes full scale, with another's outline over it. */
export function wave(canvas, buffer, key, span, channel = 'both', outline = null) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = (canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio)));
  const height = (canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio)));
  const pen = canvas.getContext('2d');
  const y = (v) => Math.max(0, Math.min(height, (height / 2) * (1 - v)));
  pen.fillStyle = theme.colour('--sheet');
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = theme.colour('--hair');
  pen.fillRect(0, height / 2, width, ratio);
  const colour = theme.colour(key === 'R' ? '--ink-3' : `--run-${tint(key).toLowerCase()}`);
  const over = theme.colour('--fail');
  const [lows, highs] = envelope(buffer, width, span, channel);
  const end = ((buffer.duration - span[0]) / (span[1] - span[0])) * width;
  for (let p = 0; p < Math.min(width, end); p++) {
    pen.fillStyle = highs[p] > 1 || lows[p] < -1 ? over : colour;
    pen.fillRect(p, y(highs[p]), 1, Math.max(ratio, y(lows[p]) - y(highs[p])));
  }
  if (!outline) return;
  pen.strokeStyle = theme.colour('--ink-1');
  pen.globalAlpha = 0.7;
  pen.lineWidth = ratio;
  for (const edge of envelope(outline, Math.ceil(width / (3 * ratio)), span, channel)) {
    pen.beginPath();
    edge.forEach((v, p) => pen.lineTo((p + 0.5) * 3 * ratio, y(v)));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

/** What is told of a spot: "1.357 s, 3.2 kHz: −11.4 dB". */
export function reading(picture, seconds, hz) {
  const value = pictures.valueAt(picture, seconds, hz);
  if (value === null) return '';
  const text = picture.kind === 'difference' ? `${value > 0.05 ? '+' : ''}${words.fixed(value, 1)} dB` : `${words.fixed(value, 1)} dBFS`;
  return `${pictures.spot(seconds, hz)}: ${text}`;
}
