// Pictures as canvases: their bytes as pixels, copies with what is saturated marked, cells cut out, differences painted.
import * as pix from './pixels.js';
import * as theme from './theme.js';

const MOST_KEPT = 160;
export const FULL = 0.5; // of the range: a difference that has its full colour

/** What was read last, by address; what could not be read is read again when it is asked for again. */
export class Store {
  /** `read` gives a promise for an address; `most` are kept. */
  constructor(read = decoded, most = MOST_KEPT) {
    this.read = read;
    this.most = most;
    this.kept = new Map();
  }

  get(url) {
    if (!this.kept.has(url)) {
      const coming = this.read(url);
      this.kept.set(url, coming);
      coming.catch(() => this.kept.get(url) === coming && this.kept.delete(url));
      if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value);
    }
    return this.kept.get(url);
  }
}

/** {canvas, pixels} of a picture, as its bytes say. */
async function decoded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = blank(image.naturalWidth, image.naturalHeight);
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  return { canvas, pixels: pen.getImageData(0, 0, canvas.width, canvas.height) };
}

const blank = (width, height) => Object.assign(document.createElement('canvas'), { width, height });
const rgb = (token) => theme.colour(token).match(/[\d.]+/g).slice(0, 3).map(Number);

/** A copy of a picture; with `marked` its saturated pixels in colour, and `found`, what was marked, beside it. */
export function copied({ canvas, pixels }, { marked, family, cells }) {
  const copy = blank(canvas.width, canvas.height);
  const pen = copy.getContext('2d');
  if (!marked) {
    pen.drawImage(canvas, 0, 0);
    return { copy, found: null };
  }
  const found = pix.saturated(pixels.data, canvas.width, { family, cells });
  const over = new ImageData(new Uint8ClampedArray(pixels.data), canvas.width, canvas.height);
  const ends = [null, rgb('--dif-lo'), rgb('--dif-hi')];
  for (let i = 0; i < found.mask.length; i += 1) if (found.mask[i]) over.data.set(ends[found.mask[i]], 4 * i);
  pen.putImageData(over, 0, 0);
  return { copy, found };
}

/** A line around a place of a canvas. */
export function outlined(canvas, { x, y, side }) {
  const pen = canvas.getContext('2d');
  pen.strokeStyle = theme.colour('--accent');
  pen.lineWidth = 2;
  pen.strokeRect(x - 1, y - 1, side + 2, side + 2);
}

/** A place of a canvas as a canvas of its own. */
export function cut(canvas, { x, y, side }) {
  const part = blank(side, side);
  part.getContext('2d').drawImage(canvas, x, y, side, side, 0, 0, side, side);
  return part;
}

/** Signed differences in −1 to 1, one a pixel, as a picture of this size. */
export function painting(signed, { width, height }) {
  const canvas = blank(width, height);
  const image = new ImageData(width, height);
  const ends = ['--dif-lo', '--dif-0', '--dif-hi'].map(rgb);
  for (let i = 0; i < signed.length; i += 1) image.data.set([...pix.mixed(signed[i], FULL, ends), 255], 4 * i);
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}

/** What the marks on saturated pixels mean, in words. */
export function marksWords(family) {
  return family === 'mel' ? 'Marked: pixels at an end of the grey scale; blue the quiet end, orange the loud one.' : `Marked: pixels with a channel at |v| ≥ ${pix.BOUND} of the range −1 to 1 before it became bytes; orange the high end, blue the low one.`;
}
