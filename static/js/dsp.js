// Short-time spectra, calibrated: a sine of full scale (amplitude 1.0) reads 0 dBFS, whatever the window's length.
// Plain arithmetic without the DOM, so that the worker, the tests and the bench run the same code.

export const SILENT_DB = -150; // below what 24 bits hold; log of nothing has no other value
const TINY = 1e-15;
/** Power that the main lobe of a Hann window spreads over bins, in bins: 1.5 (its equivalent noise bandwidth). */
const HANN_BINS = 1.5;

/** Level in dBFS of a calibrated power. */
export function decibels(power) {
  return power > TINY ? 10 * Math.log10(power) : SILENT_DB;
}

/** A periodic Hann window of `size` samples. */
export function hann(size) {
  return Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
}

/** Fourier transform in place of re + i·im, a power of two long. */
export class Fft {
  constructor(size) {
    if (size < 2 || size & (size - 1)) throw new Error(`a Fourier transform of ${size} points: a power of two is needed`);
    this.size = size;
    this.cos = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.sin = Float64Array.from({ length: size / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / size));
    this.order = new Uint32Array(size);
    for (let i = 1; i < size; i++) this.order[i] = (this.order[i >> 1] >> 1) | (i & 1 ? size >> 1 : 0);
  }

  transform(re, im) {
    const { size, cos, sin, order } = this;
    for (let i = 0; i < size; i++) {
      const j = order[i];
      if (j > i) {
        const a = re[i];
        const b = im[i];
        re[i] = re[j];
        im[i] = im[j];
        re[j] = a;
        im[j] = b;
      }
    }
    let half = 1;
    if (Math.log2(size) % 2) {
      for (let i = 0; i < size; i += 2) {
        const a = re[i + 1];
        const b = im[i + 1];
        re[i + 1] = re[i] - a;
        im[i + 1] = im[i] - b;
        re[i] += a;
        im[i] += b;
      }
      half = 2;
    }
    for (; half < size; half <<= 2) this.#twoStages(re, im, half, size, cos, sin);
  }

  /** Two radix-2 stages in one pass over memory. */
  #twoStages(re, im, half, size, cos, sin) {
    const wide = size / (2 * half);
    const fine = wide >> 1;
    for (let k = 0; k < half; k++) {
      const c1 = cos[k * wide];
      const s1 = sin[k * wide];
      const c2 = cos[k * fine];
      const s2 = sin[k * fine];
      for (let p = k; p < size; p += 4 * half) {
        const q = p + half;
        const u = q + half;
        const v = u + half;
        const bx = re[q] * c1 + im[q] * s1;
        const by = im[q] * c1 - re[q] * s1;
        const dx = re[v] * c1 + im[v] * s1;
        const dy = im[v] * c1 - re[v] * s1;
        const ex = re[u] + dx;
        const ey = im[u] + dy;
        const fx = re[u] - dx;
        const fy = im[u] - dy;
        const gx = ex * c2 + ey * s2;
        const gy = ey * c2 - ex * s2;
        const hx = fy * c2 - fx * s2; // turned by -90 degrees as well
        const hy = -fx * c2 - fy * s2;
        const ax = re[p] + bx;
        const ay = im[p] + by;
        const zx = re[p] - bx;
        const zy = im[p] - by;
        re[p] = ax + gx;
        im[p] = ay + gy;
        re[u] = ax - gx;
        im[u] = ay - gy;
        re[q] = zx + hx;
        im[q] = zy + hy;
        re[v] = zx - hx;
        im[v] = zy - hy;
      }
    }
  }
}

/** Spectra of windows of `size` samples, padded to twice that so that a tone between two bins loses 0.4 dB at most. */
export class Analyser {
  constructor(size) {
    this.size = size;
    this.padded = 2 * size;
    this.bins = size + 1;
    this.window = hann(size);
    this.fft = new Fft(size); // a real signal of `padded` samples, two in one complex number
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
    const sum = this.window.reduce((a, b) => a + b, 0);
    this.gain = 4 / (sum * sum);
    this.cos = Float64Array.from({ length: this.bins }, (_, i) => Math.cos((Math.PI * i) / size));
    this.sin = Float64Array.from({ length: this.bins }, (_, i) => Math.sin((Math.PI * i) / size));
  }

  /** Adds to `power` [bins] the calibrated power of the window around sample `centre`; what lies outside is silence. */
  add(samples, centre, power, share = 1) {
    const { size, window, re, im, cos, sin, gain } = this;
    const half = size / 2;
    const from = Math.round(centre) - half;
    for (let k = 0; k < half; k++) {
      const i = from + 2 * k;
      const a = i >= 0 && i < samples.length ? samples[i] * window[2 * k] : 0;
      const b = i + 1 >= 0 && i + 1 < samples.length ? samples[i + 1] * window[2 * k + 1] : 0;
      re[k] = a === a ? a : 0; // NaN samples are counted in the facts; here they are silence
      im[k] = b === b ? b : 0;
    }
    re.fill(0, half);
    im.fill(0, half);
    this.fft.transform(re, im);
    const scale = 0.25 * gain * share;
    for (let k = 0; k <= size; k++) {
      const p = k % size;
      const q = (size - k) % size;
      const evenRe = re[p] + re[q];
      const evenIm = im[p] - im[q];
      const oddRe = im[p] + im[q];
      const oddIm = re[q] - re[p];
      const x = evenRe + cos[k] * oddRe + sin[k] * oddIm;
      const y = evenIm + cos[k] * oddIm - sin[k] * oddRe;
      power[k] += scale * (x * x + y * y);
    }
  }
}

export const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
export const fromMel = (m) => 700 * (10 ** (m / 2595) - 1);
export const LOWEST_HZ = 60; // of the logarithmic axis

/** Place on the axis, 0 at its foot and 1 at its top, of a frequency; `scale` is log, mel or linear. */
export function placeOf(hz, scale, top) {
  if (scale === 'log') return Math.log(Math.max(hz, 1e-3) / LOWEST_HZ) / Math.log(top / LOWEST_HZ);
  return scale === 'mel' ? mel(hz) / mel(top) : hz / top;
}

/** The frequency in Hz at a place of the axis: the inverse of `placeOf`. */
export function hzAt(place, scale, top) {
  if (scale === 'log') return LOWEST_HZ * (top / LOWEST_HZ) ** place;
  return scale === 'mel' ? fromMel(place * mel(top)) : place * top;
}

/** Power of a Hann window's main lobe `d` of its bins away from a tone of power 1. */
function lobe(d) {
  if (Math.abs(d) < 1e-9) return 1;
  if (Math.abs(Math.abs(d) - 1) < 1e-9) return 0.25;
  return (Math.sin(Math.PI * d) / (Math.PI * d) / (1 - d * d)) ** 2;
}

/**
 * Triangular bands, even in mel from 0 Hz to `top`: [{from, weights}] over bins `width` Hz apart, two of which make one
 * bin of the window. A tone in the middle of a band reads its own level.
 */
export function melBank(bands, width, bins, top) {
  const step = mel(top) / (bands + 1);
  return Array.from({ length: bands }, (_, b) => {
    const centre = fromMel((b + 1) * step);
    const low = Math.min(fromMel(b * step), centre - 4 * width); // never narrower than the window's own lobe
    const high = Math.max(fromMel((b + 2) * step), centre + 4 * width);
    const from = Math.max(0, Math.ceil(low / width));
    const to = Math.min(bins - 1, Math.floor(high / width));
    const weights = new Float64Array(Math.max(0, to - from + 1));
    let tone = 0;
    for (let k = from; k <= to; k++) {
      const hz = k * width;
      weights[k - from] = Math.max(0, hz < centre ? (hz - low) / (centre - low) : (high - hz) / (high - centre));
      tone += weights[k - from] * lobe((hz - centre) / width / 2);
    }
    return { from, weights: weights.map((w) => w / tone) };
  });
}

/** A function from power [bins] to levels in dBFS of `rows` rows, the first at the foot of the axis. */
export function rowsOf({ rows, scale, top, rate, padded }) {
  const width = rate / padded;
  const bins = padded / 2 + 1;
  if (scale === 'mel') {
    const bands = Math.min(rows, 128);
    const bank = melBank(bands, width, bins, top);
    const energy = new Float64Array(bands);
    return (power, out, at) => {
      for (let b = 0; b < bands; b++) {
        const { from, weights } = bank[b];
        let sum = 0;
        for (let i = 0; i < weights.length; i++) sum += weights[i] * power[from + i];
        energy[b] = decibels(sum);
      }
      for (let r = 0; r < rows; r++) out[at + r] = energy[Math.min(bands - 1, Math.floor((r * bands) / rows))];
    };
  }
  const edges = Float64Array.from({ length: rows + 1 }, (_, r) => hzAt(r / rows, scale, top) / width);
  return (power, out, at) => {
    for (let r = 0; r < rows; r++) {
      const first = Math.ceil(edges[r]);
      const last = Math.min(bins - 1, Math.ceil(edges[r + 1]) - 1);
      let most = 0;
      if (last >= first) for (let k = first; k <= last; k++) most = power[k] > most ? power[k] : most;
      else {
        const middle = Math.min(bins - 1.001, (edges[r] + edges[r + 1]) / 2);
        const k = Math.floor(middle);
        most = power[k] + (middle - k) * (power[k + 1] - power[k]);
      }
      out[at + r] = decibels(most);
    }
  };
}

/**
 * Levels in dBFS of `columns` × `rows` (column by column, foot first) of the stretch [from, to] s.
 *
 * `channels` are drawn together by the mean of their power. A pixel shows the greatest level in it, so that no tone or
 * click is lost at any zoom; a column wider than half a window is looked at more than once. Past `shift` s of delay,
 * the sound is read later by it.
 */
export function levels(channels, { rate, from, to, columns, rows, scale = 'log', top = rate / 2, size = 1024, shift = 0 }) {
  const analyser = new Analyser(size);
  const row = rowsOf({ rows, scale, top, rate, padded: analyser.padded });
  const out = new Float32Array(columns * rows);
  const power = new Float64Array(analyser.bins);
  const most = new Float64Array(analyser.bins);
  const wide = ((to - from) * rate) / columns;
  const looks = Math.min(8, Math.max(1, Math.ceil(wide / (size / 2))));
  for (let c = 0; c < columns; c++) {
    for (let look = 0; look < looks; look++) {
      const centre = (from + shift) * rate + (c + (look + 0.5) / looks) * wide;
      power.fill(0);
      for (const samples of channels) analyser.add(samples, centre, power, 1 / channels.length);
      if (look === 0) most.set(power);
      else for (let k = 0; k < power.length; k++) if (power[k] > most[k]) most[k] = power[k];
    }
    row(most, out, c * rows);
  }
  return out;
}

/** Level against the base in dB, pixel by pixel: below `floor` dBFS is as good as silence, so both count as `floor`. */
export function difference(levelsOf, base, floor) {
  return levelsOf.map((v, i) => Math.max(v, floor) - Math.max(base[i], floor));
}

/** What is drawn or played of a sound's channels: as they are, left, right, mid (L+R)/2 or side (L−R)/2. */
export function routed(channels, which) {
  if (which === 'both') return channels;
  const [left, right = left] = channels;
  if (which === 'left') return [left];
  if (which === 'right') return [right];
  const sign = which === 'side' ? -0.5 : 0.5;
  return [left.map((v, i) => 0.5 * v + sign * right[i])];
}

/**
 * By how many samples `late` lags behind `base` (negative: it leads), by cross-correlation over `reach` samples each
 * way of the loudest stretch; null where they are not alike enough to tell (peak below 0.25 of their energies).
 */
export function delay(base, late, reach = 4096) {
  const length = Math.min(base.length, late.length);
  if (length < 64) return null;
  const span = Math.min(length, 1 << 16);
  let start = 0;
  if (length > span) {
    let best = -1;
    for (let s = 0; s + span <= length; s += span >> 2) {
      let sum = 0;
      for (let i = s; i < s + span; i += 7) sum += base[i] * base[i];
      if (sum > best) [best, start] = [sum, s];
    }
  }
  let size = 1;
  while (size < span + 2 * reach) size <<= 1;
  const fft = new Fft(size);
  const [are, aim, bre, bim] = Array.from({ length: 4 }, () => new Float64Array(size));
  for (let i = 0; i < span; i++) are[i] = base[start + i] || 0;
  for (let i = -reach; i < span + reach; i++) bre[i + reach] = late[start + i] || 0;
  const energy = (x) => x.reduce((sum, v) => sum + v * v, 0);
  const both = Math.sqrt(energy(are) * energy(bre));
  if (!(both > 0)) return null;
  fft.transform(are, aim);
  fft.transform(bre, bim);
  for (let k = 0; k < size; k++) {
    const x = are[k] * bre[k] + aim[k] * bim[k];
    bim[k] = -(are[k] * bim[k] - aim[k] * bre[k]); // conjugated: a transform forward is then one back
    bre[k] = x;
  }
  fft.transform(bre, bim);
  let at = 0;
  for (let lag = 0; lag <= 2 * reach; lag++) if (bre[lag] > bre[at]) at = lag;
  return bre[at] / size / both >= 0.25 ? at - reach : null;
}

/** Mean level in dBFS of each octave band whose centre is in `centres`, over the whole sound. */
export function octaves(channels, rate, centres, size = 2048) {
  const analyser = new Analyser(size);
  const power = new Float64Array(analyser.bins);
  const length = channels[0].length;
  const frames = Math.max(1, Math.min(400, Math.ceil(length / (size / 2))));
  for (let f = 0; f < frames; f++) {
    for (const samples of channels) analyser.add(samples, ((f + 0.5) * length) / frames, power, 1 / (channels.length * frames));
  }
  const width = rate / analyser.padded;
  return centres.map((hz) => {
    let sum = 0;
    for (let k = Math.ceil((hz * Math.SQRT1_2) / width); k < Math.min(analyser.bins, (hz * Math.SQRT2) / width); k++) sum += power[k];
    return decibels(sum / (2 * HANN_BINS));
  });
}
