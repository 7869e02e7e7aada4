// Drawing of levels: colour maps from the theme's tokens, pictures, axes, scales.
import { hzAt, placeOf } from './dsp.js';
import { kilohertz } from './listenview.js';

export const LEVEL_TOKENS = ['--lvl-0', '--lvl-1', '--lvl-2', '--lvl-3', '--lvl-4'];
export const DIFFERENCE_TOKENS = ['--dif-lo', '--dif-0', '--dif-hi'];

const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const gamma = (v) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

/** OKLab of "rgb(1, 2, 3)". */
export function oklab(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((v) => linear(Number(v) / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
}

function rgb([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s, -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s].map((v) => Math.round(255 * gamma(Math.min(1, Math.max(0, v)))));
}

/** 256 colours through those given, even in OKLab, as packed RGBA of a little-endian machine. */
export function ramp(colours) {
  const stops = colours.map(oklab);
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1);
    const k = Math.min(stops.length - 2, Math.floor(at));
    const [r, g, b] = rgb(stops[k].map((v, c) => v + (at - k) * (stops[k + 1][c] - v)));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

/** Levels (column by column, foot first) as pixels (row by row, top first) between `low` and `high` dB. */
export function pixels(levels, columns, rows, colours, low, high) {
  const out = new Uint32Array(columns * rows);
  const scale = 255 / (high - low);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) {
      const v = (levels[c * rows + r] - low) * scale;
      out[(rows - 1 - r) * columns + c] = colours[v <= 0 ? 0 : v >= 255 ? 255 : Math.round(v)];
    }
  }
  return out;
}

/** Draw levels on a canvas of that many pixels. */
export function draw(canvas, levels, columns, rows, colours, low, high) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(new Uint8ClampedArray(pixels(levels, columns, rows, colours, low, high).buffer), columns, rows);
  canvas.getContext('2d').putImageData(image, 0, 0);
}

/** The bar beside a picture. */
export function drawScale(canvas, colours) {
  draw(canvas, Float32Array.from({ length: 256 }, (_, i) => i), 1, 256, colours, 0, 255);
}

/** The upper end of one scale for all pictures: the loudest level in any, rounded up to 6 dB; at least −60. */
export function autoTop(pictures) {
  let most = -60;
  for (const levels of pictures) for (const v of levels) if (v > most) most = v;
  return Math.min(24, Math.ceil((most - 0.05) / 6) * 6 || 0);
}

/** Tick places of a frequency axis: [[place from the foot, text]], few and round; none within `edge` of an end. */
export function ticksOf(scale, top, most = 4, edge = 0.05) {
  const round = scale === 'linear' ? stepped(top, most) : [100, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000];
  const found = round.filter((hz) => hz < top * 0.97).map((hz) => [placeOf(hz, scale, top), hz < 1000 ? String(hz) : `${hz / 1000}k`]);
  const apart = 0.8 / most;
  const kept = [];
  for (const tick of found.reverse()) if (tick[0] >= edge && tick[0] <= 1 - edge && (!kept.length || kept.at(-1)[0] - tick[0] >= apart)) kept.push(tick);
  return kept;
}

function stepped(top, most) {
  const step = [500, 1000, 2000, 4000, 5000, 8000, 10000].find((s) => top / s <= most) ?? top / most;
  return Array.from({ length: Math.floor(top / step) }, (_, i) => (i + 1) * step);
}

/** What a picture shows at a time and frequency: its level in dB, null outside. */
export function valueAt(picture, seconds, hz) {
  const { levels, columns, rows, from, to, scale, top } = picture;
  const c = Math.floor(((seconds - from) / (to - from)) * columns);
  const r = Math.floor(placeOf(hz, scale, top) * rows);
  return c >= 0 && c < columns && r >= 0 && r < rows ? levels[c * rows + r] : null;
}

/** "1.357 s, 3.2 kHz". */
export function spot(seconds, hz) {
  return `${seconds.toFixed(3)} s, ${kilohertz(hz >= 1000 ? Math.round(hz / 10) * 10 : Math.round(hz))}`;
}

/** The frequency of a place on a picture, 0 at its foot. */
export const hzOf = (picture, share) => hzAt(share, picture.scale, picture.top);
