// Level against the base by octave: what a codec loses at the top, or adds at the foot, as a line a source.
import { tint } from './listenview.js';
import * as words from './words.js';

const CENTRES = [63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000];
const SPACE = 'http://www.w3.org/2000/svg';
const [WIDE, HIGH, LEFT, TOP, FOOT] = [244, 112, 26, 8, 96];

function svg(tag, attributes, text = '') {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

/** Octave centres that lie below half the rate; the band of the last may be cut by it. */
export function centresAt(rate) {
  return CENTRES.filter((hz) => hz <= rate / 2);
}

/** Levels against the base's in dB; null where the base has nothing (below −100 dBFS). */
export function against(levels, base) {
  return levels.map((v, i) => (base[i] > -100 ? v - base[i] : null));
}

/** The end of the axis in dB for these differences: 6, 12, 18, 24 … up to 48, each way as far as it is needed. */
export function limits(lines) {
  const all = lines.flat().filter((v) => v !== null);
  const end = (v) => Math.min(48, Math.max(6, 6 * Math.ceil(Math.abs(v) / 6 - 1e-9)));
  return [-end(Math.min(0, ...all)), end(Math.max(0, ...all))];
}

export class Octaves {
  constructor(box, spectra) {
    this.box = box;
    this.spectra = spectra;
  }

  async show({ sources, base, buffers, rate, channel, keys, name }) {
    const token = (this.token = {});
    const shown = sources.filter((s) => s !== base && buffers.has(s.id));
    if (!base || !buffers.has(base.id) || !shown.length) {
      this.box.hidden = true;
      return;
    }
    const centres = centresAt(rate);
    const of = (s) => this.spectra.octaves(keys.get(s.id), buffers.get(s.id), { centres, channel });
    let found;
    try {
      found = await Promise.all([of(base), ...shown.map(of)]);
    } catch {
      this.box.hidden = true; // the lanes say what is wrong with the spectra
      return;
    }
    if (this.token !== token) return;
    const lines = found.slice(1).map((levels) => against(levels, found[0]));
    this.box.hidden = false;
    this.box.replaceChildren(`Level against ${base.mark} by octave, dB`, this.#picture(shown, lines, centres, base, name));
  }

  #picture(shown, lines, centres, base, name) {
    const [low, high] = limits(lines);
    const x = (i) => LEFT + 6 + (i * (WIDE - LEFT - 18)) / Math.max(1, centres.length - 1);
    const y = (v) => TOP + ((high - Math.min(high, Math.max(low, v))) / (high - low)) * (FOOT - TOP);
    const said = shown.map((s, i) => {
      const [most] = lines[i].map((v, c) => [v, c]).filter(([v]) => v !== null).sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
      return most ? `${name(s)} differs most at ${centres[most[1]]} Hz, by ${words.fixed(most[0], 1)} dB` : `${name(s)}: nothing to compare`;
    });
    const picture = svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, role: 'img', 'aria-label': `Level against ${name(base)} by octave: ${said.join('; ')}` });
    for (const v of [high, 0, low].filter((v) => v === 0 || Math.abs(y(v) - y(0)) > 9)) {
      picture.append(svg('path', { d: `M${LEFT} ${y(v).toFixed(1)}H${WIDE}`, class: v === 0 ? 'zero' : 'grid' }));
      picture.append(svg('text', { x: LEFT - 4, y: (y(v) + 3).toFixed(1), 'text-anchor': 'end' }, `${v > 0 ? '+' : ''}${words.fixed(v, 0)}`));
    }
    centres.forEach((hz, i) => picture.append(svg('text', { x: x(i).toFixed(1), y: HIGH - 3, 'text-anchor': 'middle' }, hz < 1000 ? String(hz) : `${hz / 1000}k`)));
    const ends = []; // letters at the right end stand clear of each other
    shown.forEach((s, i) => {
      const points = lines[i].map((v, c) => (v === null ? null : [x(c), y(v)])).filter(Boolean);
      const group = svg('g', { 'data-k': tint(s.key), class: s.pin ? 'line pinned' : 'line' });
      group.append(svg('title', {}, said[i]), svg('polyline', { points: points.map((p) => p.map((v) => v.toFixed(1)).join(',')).join(' ') }));
      for (const [px, py] of points) group.append(svg('circle', { cx: px.toFixed(1), cy: py.toFixed(1), r: 2 }));
      if (points.length) {
        let at = points.at(-1)[1] + 3;
        while (ends.some((e) => Math.abs(e - at) < 9)) at += 9;
        ends.push(at);
        group.append(svg('text', { x: WIDE - 8, y: at.toFixed(1), class: 'end' }, s.mark));
      }
      picture.append(group);
    });
    return picture;
  }
}
