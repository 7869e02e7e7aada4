// Charts of what is told beside points: tiles with words and a plot, drawn when they come near and anew in another theme.
import { keyOf } from './charts.js';
import { themed } from './figures.js';
import * as theme from './theme.js';

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };
const made = (tag, look = '', text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });
const font = (token) => getComputedStyle(document.documentElement).getPropertyValue(token).trim();

/** The place of the step nearest to what was asked for; the last where nothing was. */
export function placeOf(steps, at) {
  if (at === null) return steps.length - 1;
  let best = 0;
  steps.forEach((step, i) => {
    if (Math.abs(step - at) < Math.abs(steps[best] - at)) best = i;
  });
  return best;
}

/** A colour between the marks of a scale, each [place, [r, g, b]]. */
export function between(marks, share) {
  const at = Math.min(1, Math.max(0, share));
  const i = Math.max(1, marks.findIndex(([place]) => place >= at));
  const [[low, a], [high, b]] = [marks[i - 1], marks[i]];
  return a.map((v, c) => Math.round(v + ((b[c] - v) * (at - low)) / (high - low)));
}

/** The column of `x` that is nearest to each of `width` places between `low` and `high`. */
export function columnsOf(x, low, high, width) {
  return Array.from({ length: width }, (_, i) => placeOf(x, low + ((i + 0.5) / width) * (high - low)));
}

/** A heat trace as a picture under the lines: plotly's own writes style attributes, which the security policy forbids. */
function pictured(figure) {
  const heat = figure.data.find((t) => t.type === 'heatmap');
  if (!heat) return figure;
  const [low, high] = figure.layout.xaxis.range;
  const marks = heat.colorscale.map(([place, colour]) => [place, colour.match(/[\d.]+/g).slice(0, 3).map(Number)]);
  const columns = columnsOf(heat.x, low, high, Math.min(480, Math.max(heat.x.length * 8, 120)));
  const canvas = Object.assign(document.createElement('canvas'), { width: columns.length, height: heat.z.length });
  const image = new ImageData(canvas.width, canvas.height);
  heat.z.forEach((row, r) => columns.forEach((c, i) => {
    image.data.set([...between(marks, row[c] / heat.zmax), 255], 4 * ((canvas.height - 1 - r) * canvas.width + i));
  }));
  canvas.getContext('2d').putImageData(image, 0, 0);
  const [bottom, top] = figure.layout.yaxis.range;
  const under = { source: canvas.toDataURL(), xref: 'x', yref: 'y', x: low, y: top, sizex: high - low, sizey: top - bottom, sizing: 'stretch', layer: 'below' };
  return { data: figure.data.filter((t) => t !== heat), layout: { ...figure.layout, images: [under] } };
}

/** Draw figures when their tiles come near, and anew in another theme. */
export class Drawn {
  constructor() {
    this.known = new Map();
    this.near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) this.draw(target);
    }, { rootMargin: '200px' });
    document.addEventListener('themechange', () => [...this.known.keys()].forEach((plot) => this.known.get(plot).drawn && this.draw(plot)));
  }

  /** Take a figure for a plot, its first one or another. */
  add(plot, figure, template) {
    this.known.set(plot, { figure, template, drawn: false });
    this.near.unobserve(plot);
    this.near.observe(plot); // says at once whether it is near
  }

  draw(plot) {
    const known = this.known.get(plot);
    if (!known || !plot.isConnected || !globalThis.Plotly) {
      this.known.delete(plot);
      return;
    }
    known.drawn = true;
    const dressed = pictured(themed(known.figure, theme.colour, font));
    const layout = { ...dressed.layout, template: themed(known.template, theme.colour, font), dragmode: false };
    globalThis.Plotly.react(plot, dressed.data, layout, CONFIG);
  }
}

/** Tiles of a rack, one a chart; those that stay keep their plots when their charts change. */
export class Rack {
  constructor(root, drawn) {
    this.root = root;
    this.drawn = drawn;
    this.tiles = new Map();
  }

  /** `charts`: {id, title, key, text, figure, under}, in order; `under` is a line beneath the plot. */
  show(charts, template) {
    const tiles = charts.map((chart) => [chart.id, this.tiles.get(chart.id) ?? tile()]);
    for (const [i, [, one]] of tiles.entries()) one.fill(charts[i]);
    if (String([...this.tiles.keys()]) !== String(tiles.map(([id]) => id))) this.root.replaceChildren(...tiles.map(([, one]) => one.box));
    this.tiles = new Map(tiles);
    for (const [i, [, one]] of tiles.entries()) this.drawn.add(one.plot, charts[i].figure, template);
  }

  /** Another chart for one tile that is there. */
  change(chart, template) {
    const one = this.tiles.get(chart.id);
    if (!one) return;
    one.fill(chart);
    this.drawn.add(one.plot, chart.figure, template);
  }

  /** Words instead of tiles. */
  say(text) {
    this.tiles = new Map();
    this.root.replaceChildren(made('p', 'sec small pad', text));
  }
}

function tile() {
  const box = made('section', 'tile');
  const head = made('div', 'tile-hd');
  const words = made('p', 'vd');
  const plot = made('div', 'plot');
  const beneath = made('p', 'small dim pad-x');
  plot.setAttribute('role', 'img');
  box.append(head, words, plot, beneath);
  const fill = ({ title, key, text, parts, under }) => {
    head.replaceChildren(...(key ? [keyOf(key)] : []), made('h3', '', title));
    words.replaceChildren(...(parts ?? [text]));
    plot.setAttribute('aria-label', `${title}. ${text}`);
    beneath.textContent = under ?? '';
    beneath.hidden = !under;
  };
  return { box, plot, fill };
}
