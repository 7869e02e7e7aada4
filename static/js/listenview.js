// What the Listen section shows, as plain data: the view in the address, the moments of a slot, the sources at one.
import * as words from './words.js';

export const SCALES = ['log', 'mel', 'linear'];
export const SHOWS = ['spectrogram', 'difference', 'waveform'];
export const CHANNELS = ['both', 'left', 'right', 'mid', 'side'];
export const TOPS = [0, -12, -24, -36, -48];
export const RANGES = [40, 60, 72, 96, 120];
export const SPANS = [6, 12, 18, 30];
export const WINDOWS = [128, 256, 512, 1024, 2048, 4096, 8192];
const PRIMES = ['′', '″', '‴', '⁗'];

/** The names in the address that are this section's; the rest is the page's. */
const NAMES = ['slot', 'epoch', 'own', 'pins', 'against', 'hear', 'freq', 'show', 'ch', 'level', 'gain', 'span', 'loop', 'top', 'range', 'dif', 'win'];

const LETTERS = 'ABCDEFGHIJKLMNOPQSTUVWXYZ'; // R is the reference's
const KEY = '[A-QS-Z]\\d*';
const RUN_KEY = new RegExp(`^${KEY}$`);
const BASE = new RegExp(`^(R|${KEY}(@\\d+)?)$`);

/** The key of the run at a place, as the server gives it: A to Z without R, then A2, B2, … */
export function keyAt(index) {
  const lap = Math.floor(index / LETTERS.length);
  return LETTERS[index % LETTERS.length] + (lap ? String(lap + 1) : '');
}

/** The letter A to H whose colour a key wears; R for the reference. */
export function tint(key) {
  if (key === 'R') return key;
  const place = LETTERS.indexOf(key[0]) + LETTERS.length * (Number(key.slice(1) || 1) - 1);
  return 'ABCDEFGH'[place % 8];
}

const oneOf = (list, value, otherwise) => (list.includes(value) ? value : otherwise);

function pair(text) {
  const parts = (text || '').split(',').map(Number);
  return parts.length === 2 && parts[0] >= 0 && parts[0] < parts[1] && Number.isFinite(parts[1]) ? parts : null;
}

function takes(text) {
  return (text || '')
    .split(',')
    .map((part) => part.split(':'))
    .filter(([key, step]) => RUN_KEY.test(key) && /^\d+$/.test(step ?? ''))
    .map(([key, step]) => ({ key, step: Number(step) }));
}

/** The view that an address asks for; what makes no sense in it is as by default. */
export function viewOf(search) {
  const asked = new URLSearchParams(search);
  const number = (name, otherwise) => (asked.get(name)?.trim() ? Number(asked.get(name)) : otherwise);
  const at = number('epoch', NaN);
  const gain = number('gain', 0);
  return {
    slot: asked.get('slot') || '',
    at: Number.isFinite(at) ? at : null,
    own: Object.fromEntries(takes(asked.get('own')).map(({ key, step }) => [key, step])),
    pins: takes(asked.get('pins')).slice(0, 8),
    base: BASE.test(asked.get('against') ?? '') ? asked.get('against') : 'R',
    hear: asked.get('hear') || '',
    freq: oneOf(SCALES, asked.get('freq'), 'log'),
    show: oneOf(SHOWS, asked.get('show'), 'spectrogram'),
    ch: oneOf(CHANNELS, asked.get('ch'), 'both'),
    level: oneOf(['same', 'matched'], asked.get('level'), 'same'),
    gain: gain >= -40 && gain <= 20 ? gain : 0,
    span: pair(asked.get('span')),
    loop: pair(asked.get('loop')),
    top: oneOf(TOPS, number('top', NaN), null),
    range: oneOf(RANGES, number('range', NaN), 72),
    dif: oneOf(SPANS, number('dif', NaN), 18),
    win: oneOf(WINDOWS, number('win', NaN), 0),
  };
}

/** `search` with this view in it and all else left; only what differs from the default is written. */
export function searchOf(search, view) {
  const kept = new URLSearchParams(search);
  for (const name of NAMES) kept.delete(name);
  const normal = viewOf('');
  const put = (name, value) => value !== '' && value !== null && kept.set(name, value);
  const seconds = (stretch) => stretch?.map((s) => Number(s.toFixed(4))).join(',') ?? '';
  put('slot', view.slot);
  put('epoch', view.at);
  put('own', Object.entries(view.own).map(([key, step]) => `${key}:${step}`).join(','));
  put('pins', view.pins.map(({ key, step }) => `${key}:${step}`).join(','));
  for (const name of ['freq', 'show', 'ch', 'level', 'gain', 'top', 'range', 'dif', 'win']) if (view[name] !== normal[name]) put(name, view[name]);
  if (view.base !== 'R') put('against', view.base);
  if (view.hear && view.hear !== 'R') put('hear', view.hear);
  put('span', seconds(view.span));
  put('loop', seconds(view.loop));
  const text = kept.toString().replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%40', '@');
  return text ? `?${text}` : '';
}

/** `search` of a page's other script, with this section's part of the address `now` in it. */
export function joined(search, now) {
  const view = viewOf(now);
  return searchOf(search, view);
}

/** The window of about 40 ms at a rate: a power of two samples. */
export function windowAt(rate) {
  return Math.min(8192, Math.max(128, 2 ** Math.round(Math.log2(0.04 * rate))));
}

const placeOf = (take) => take.epoch ?? take.step;

/** The take nearest to a place (epoch, or step where a run counts none); of two as near, the earlier one. */
export function nearest(list, here, of = placeOf) {
  let found = list[0];
  for (const take of list) if (Math.abs(of(take) - here) < Math.abs(of(found) - here)) found = take;
  return found;
}

/** Every moment at which some run has something to hear: [{at, takes: {key: take}}], ascending; takes are the nearest. */
export function moments(sources) {
  const places = new Set();
  for (const [key, list] of Object.entries(sources)) if (key !== 'R') for (const take of list) places.add(placeOf(take));
  if (!places.size && sources.R?.length) places.add(placeOf(sources.R[0]));
  return [...places].sort((a, b) => a - b).map((at) => ({
    at,
    takes: Object.fromEntries(Object.entries(sources).map(([key, list]) => [key, key === 'R' ? list[0] : nearest(list, at)])),
  }));
}

/** The moment nearest to a place; the last one for null. */
export function indexOf(list, at) {
  if (at === null || !list.length) return list.length - 1;
  return list.indexOf(nearest(list, at, (m) => m.at));
}

/**
 * The sources of a slot at a moment, in the order of their keys, each run's pinned takes behind it:
 * [{id, key, mark, take, list, pin, off}]; `off` is how far the take lies from the moment asked for, 0 where it is that.
 */
export function sourcesAt(sources, moment, view) {
  const found = [];
  for (const key of ['R', ...Object.keys(sources).filter((k) => k !== 'R')]) {
    const list = sources[key];
    if (!list?.length) continue;
    const own = key in view.own ? nearest(list, view.own[key], (t) => t.step) : null;
    const take = own ?? moment.takes[key];
    found.push({ id: key, key, mark: key, take, list, pin: false, off: key === 'R' || own ? 0 : placeOf(take) - moment.at });
    view.pins
      .filter((p) => p.key === key)
      .forEach((p, i) => {
        const pinned = nearest(list, p.step, (t) => t.step);
        const id = `${key}@${pinned.step}`;
        if (found.some((s) => s.id === id)) return;
        found.push({ id, key, mark: `${key}${PRIMES[i] ?? `${i + 1}`}`, take: pinned, list, pin: true, off: 0 });
      });
  }
  return found;
}

/** An epoch in the fewest digits: "8", "0.5". */
export function place(epoch) {
  return words.fixed(epoch, Math.abs(epoch - Math.round(epoch)) < 0.005 ? 0 : 2);
}

/** "epoch 3, step 1,200", "step 40" where the run counts no epochs. */
export function whenOf(take) {
  const step = `step ${words.count(take.step)}`;
  return take.epoch === null || take.epoch === undefined ? step : `epoch ${place(take.epoch)}, ${step}`;
}

const level = (v, digits = 1) => (typeof v === 'string' ? ({ Infinity: '∞', '-Infinity': '−∞' }[v] ?? v) : words.fixed(v, digits));

/** Peak, loudness, clipped share and DC of the float original, and samples that are none: [{text, bad}]. */
export function told(take) {
  const f = take.facts ?? {};
  const parts = [];
  if (f.lufs !== undefined && f.lufs !== null) parts.push({ text: `${level(f.lufs)} LUFS` });
  else if (f.rms_dbfs !== undefined) parts.push({ text: `rms ${level(f.rms_dbfs)} dBFS` });
  if (f.peak_dbfs !== undefined) parts.push({ text: `peak ${level(f.peak_dbfs)} dBFS`, bad: typeof f.peak_dbfs === 'number' && f.peak_dbfs > 0 });
  if (f.clipped_share !== undefined) parts.push({ text: `clipped ${words.number(100 * f.clipped_share, 2)} %`, bad: f.clipped_share > 0 });
  if (f.dc !== undefined) parts.push({ text: `DC ${words.fixed(100 * f.dc, 2)} %`, bad: Math.abs(f.dc) > 0.005 });
  if (f.nonfinite > 0) parts.push({ text: `${words.count(f.nonfinite)} samples are no numbers`, bad: true });
  return parts;
}

/** "16 kHz", "44.1 kHz". */
export function kilohertz(hz) {
  return hz < 1000 ? `${words.number(hz, 3)} Hz` : `${Number((hz / 1000).toFixed(3)).toString()} kHz`;
}

/** Tick places of a time axis from `from` to `to` s: [[share, text]]. */
export function ticks(from, to) {
  const length = to - from;
  if (!(length > 0)) return [];
  const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 30, 60].find((s) => length / s <= 8) ?? length / 8;
  const digits = step < 0.01 ? 3 : step < 0.1 || step === 0.25 ? 2 : step < 1 ? 1 : 0;
  const found = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step < to - step * 0.3; n++) found.push([(n * step - from) / length, words.fixed(n * step, digits)]);
  return found;
}

/** The stretch [from, to] zoomed by `factor` about `at`, within [0, length]; null where all of it shows. */
export function zoomed(span, length, factor, at) {
  const [from, to] = span ?? [0, length];
  const wide = Math.min(length, Math.max(0.02, (to - from) * factor));
  if (wide >= length) return null;
  const start = Math.min(length - wide, Math.max(0, at - ((at - from) / (to - from)) * wide));
  return [start, start + wide];
}

/** The stretch moved by `seconds`, within the clip. */
export function panned(span, length, seconds) {
  if (!span) return null;
  const wide = span[1] - span[0];
  const start = Math.min(length - wide, Math.max(0, span[0] + seconds));
  return [start, start + wide];
}
