// What is computed of pictures: which take is shown, which pixels are saturated, how two differ. No page is needed.
import { count, fixed } from './words.js';

export const MODES = ['side', 'epochs', 'flicker', 'difference'];
export const ZOOMS = [0, 1, 2, 3, 4, 6, 8];
export const BOUND = 0.95;
const MOST_COLUMNS = 10;

/** The view that the values of an address ask for; what makes no sense is as by default. */
export function viewOf(asked) {
  const number = (name, otherwise) => (asked[name]?.trim() && Number.isFinite(Number(asked[name])) ? Number(asked[name]) : otherwise);
  const zoom = number('zoom', 0);
  const cell = number('cell', -1);
  return {
    slot: asked.slot || '',
    at: number('at', null),
    mode: MODES.includes(asked.mode) ? asked.mode : 'side',
    zoom: ZOOMS.includes(zoom) ? zoom : 0,
    sat: asked.sat === '1',
    a: asked.a || '',
    b: asked.b || '',
    cell: Number.isInteger(cell) && cell >= 0 ? cell : -1,
  };
}

/** What of a view belongs into the address: only what differs from the default. */
export function valuesOf(view) {
  return { slot: view.slot, at: view.at, mode: view.mode === 'side' ? '' : view.mode, zoom: view.zoom || '', sat: view.sat ? 1 : '', a: view.a, b: view.b, cell: view.cell < 0 ? '' : view.cell };
}

/** A slot's name in the address. */
export const nameOf = (slot) => `${slot.family}:${slot.slot}`;

/** Where a take lies: its epoch, or its step where the run counts no epochs. */
export const placeOf = (take) => take.epoch ?? take.step;

/** The places at which any run has a picture, in order, each once. */
export function moments(slot) {
  const own = slot.sources.filter((s) => s.key !== 'R');
  return [...new Set((own.length ? own : slot.sources).flatMap((s) => s.takes.map(placeOf)))].sort((x, y) => x - y);
}

/** The take nearest to a place; of two as near the earlier one, and null where there is none. */
export function nearest(takes, place) {
  let found = null;
  for (const take of takes) if (!found || Math.abs(placeOf(take) - place) < Math.abs(placeOf(found) - place)) found = take;
  return found;
}

/** The take nearest to a step; of two as near the earlier one, and null where there is none. */
export function atStep(takes, step) {
  let found = null;
  for (const take of takes) if (!found || Math.abs(take.step - step) < Math.abs(found.step - step)) found = take;
  return found;
}

/** "epoch 4", "step 120", and where it is not the place that was asked for: "epoch 4, the nearest to 5". */
export function when(take, place, reference = false) {
  if (reference) return 'the same at every epoch';
  const own = take.epoch === null ? `step ${count(take.step)}` : `epoch ${short(take.epoch)}`;
  return Math.abs(placeOf(take) - place) < 1e-6 ? own : `${own}, the nearest to ${short(place)}`;
}

/** An epoch without needless digits. */
export const short = (value) => (Math.abs(value - Math.round(value)) < 0.005 ? count(Math.round(value)) : fixed(value, 2));

/** Evenly chosen of many, the first and the last among them. */
export function thinned(list, most = MOST_COLUMNS) {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))]);
}

/** The rectangle of a cell of a grid. */
export function cellAt(cells, index) {
  const column = index % cells.columns;
  const row = Math.floor(index / cells.columns);
  const step = cells.side + cells.gap;
  return { x: cells.gap + column * step, y: cells.gap + row * step, side: cells.side, name: `${cells.classes[row] ?? row}, column ${column + 1}` };
}

/** The cell under a pixel; -1 between cells. */
export function cellUnder(cells, x, y) {
  const step = cells.side + cells.gap;
  const [column, row] = [Math.floor((x - cells.gap) / step), Math.floor((y - cells.gap) / step)];
  if (column < 0 || row < 0 || column >= cells.columns || row >= cells.rows) return -1;
  if ((x - cells.gap) % step >= cells.side || (y - cells.gap) % step >= cells.side) return -1;
  return row * cells.columns + column;
}

/** The first byte and the last that count as inside: images were −1 to 1 before they were bytes, mels 0 to 1. */
export function inside(family) {
  if (family === 'mel') return [1, 254];
  return [Math.floor(127.5 * (1 - BOUND)) + 1, Math.ceil(127.5 * (1 + BOUND)) - 1];
}

/**
 * Which pixels of RGBA `data` are saturated: `mask` holds 0, 1 (a channel at its low end), 2 (at its high end) for each
 * pixel, `values` the share of channel values, `pixels` the share of pixels with all channels at an end. White lines
 * between the cells of a grid count for nothing.
 */
export function saturated(data, width, { family = 'image', cells = null } = {}) {
  const [low, high] = inside(family);
  const mask = new Uint8Array(data.length / 4);
  let [values, pure, total] = [0, 0, 0];
  for (let i = 0; i < mask.length; i += 1) {
    if (cells && cellUnder(cells, i % width, Math.floor(i / width)) < 0) continue;
    total += 1;
    let ends = 0;
    for (let c = 0; c < 3; c += 1) {
      const v = data[4 * i + c];
      if (v < low || v > high) {
        ends += 1;
        mask[i] = Math.max(mask[i], v > high ? 2 : 1);
      }
    }
    values += ends;
    pure += ends === 3 ? 1 : 0;
  }
  return { mask, values: total ? values / (3 * total) : 0, pixels: total ? pure / total : 0 };
}

const percent = (share) => `${fixed(100 * share, share > 0 && share < 0.1 ? 2 : 1)} %`;

/** What the overlay marks, and its share, in words. */
export function saturationWords(found, family) {
  if (family === 'mel') return `${percent(found.pixels)} of pixels at an end of the scale`;
  return `${percent(found.values)} of values at |v| ≥ ${BOUND}, ${percent(found.pixels)} of pixels in all three channels`;
}

/**
 * Two pictures of one size apart: `signed` a − b of each pixel in −1 to 1 of the range, its mean and largest size. The
 * lines between the cells of a grid are in both, so they count for nothing in the mean.
 */
export function difference(a, b, width = 0, cells = null) {
  const signed = new Float32Array(a.length / 4);
  let [sum, most, total] = [0, 0, 0];
  for (let i = 0; i < signed.length; i += 1) {
    let apart = 0;
    for (let c = 0; c < 3; c += 1) apart += a[4 * i + c] - b[4 * i + c];
    signed[i] = apart / 765;
    if (cells && cellUnder(cells, i % width, Math.floor(i / width)) < 0) continue;
    total += 1;
    sum += Math.abs(signed[i]);
    most = Math.max(most, Math.abs(signed[i]));
  }
  return { signed, mean: total ? sum / total : 0, most };
}

/** The colour of a difference: three [r, g, b] for −`full`, 0 and +`full`, mixed. */
export function mixed(value, full, [low, middle, high]) {
  const share = Math.min(1, Math.abs(value) / full);
  const end = value < 0 ? low : high;
  return middle.map((m, i) => Math.round(m + (end[i] - m) * share));
}
