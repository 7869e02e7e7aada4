// Histograms over time and at a step, and tables as scatters: figures come from the server, colours from the theme.
import * as address from './address.js';
import { api } from './base.js';
import { keyOf } from './charts.js';
import { themed } from './figures.js';
import * as theme from './theme.js';
import { count } from './words.js';

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };
const $ = (id) => document.getElementById(id);
const made = (tag, look = '', text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });
const font = (token) => getComputedStyle(document.documentElement).getPropertyValue(token).trim();

/** What a line of the slice is, in words: "real (solid), step 40" or "… the nearest to 50". */
export function lineWords(line, at) {
  const dash = line.dash === 'solid' ? 'solid' : 'dashed';
  const side = line.side ? `${line.side} (${dash}), ` : '';
  return `${side}step ${count(line.step)}${line.exact ? '' : `, the nearest to ${count(at)}`}`;
}

/** The place of the step nearest to what was asked for; the last where nothing was. */
export function placeOf(steps, at) {
  if (at === null) return steps.length - 1;
  let best = 0;
  steps.forEach((step, i) => {
    if (Math.abs(step - at) < Math.abs(steps[best] - at)) best = i;
  });
  return best;
}

function tile(title, key, text) {
  const box = made('section', 'tile');
  const head = made('div', 'tile-hd');
  if (key) head.append(keyOf(key));
  head.append(made('h3', '', title));
  const plot = made('div', 'plot');
  plot.setAttribute('role', 'img');
  plot.setAttribute('aria-label', `${title}. ${text}`);
  box.append(head, made('p', 'vd', text), plot);
  return { box, plot };
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
class Drawn {
  constructor() {
    this.known = new Map();
    this.near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) this.draw(target);
    }, { rootMargin: '200px' });
    document.addEventListener('themechange', () => [...this.known.keys()].forEach((plot) => this.known.get(plot).drawn && this.draw(plot)));
  }

  add(plot, figure, template) {
    this.known.set(plot, { figure, template, drawn: false });
    this.near.observe(plot);
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

class Told {
  constructor(root, scatters) {
    this.root = root;
    this.scatters = scatters;
    this.runs = root.dataset.runs;
    this.drawn = new Drawn();
    this.list = [];
    this.read();
    this.turn = 0;
    $('told-name').addEventListener('change', (event) => this.set({ name: event.target.value }));
    let timer = 0;
    $('told-at').addEventListener('input', (event) => {
      this.at = this.here.steps[Number(event.target.value)];
      this.paint();
      clearTimeout(timer);
      timer = setTimeout(() => {
        address.go('t.', { name: this.name, at: this.at }, false);
        this.slice();
      }, 120);
    });
    addEventListener('popstate', () => {
      this.read();
      if (this.list.length) this.show();
    });
    this.seen = new IntersectionObserver((entries) => {
      if (entries.some((e) => e.isIntersecting)) {
        this.seen.disconnect();
        this.show();
      }
    }, { rootMargin: '300px' });
  }

  read() {
    const asked = address.read('t.', location.search);
    this.name = asked.name ?? '';
    this.at = asked.at?.trim() && Number.isFinite(Number(asked.at)) ? Number(asked.at) : null;
  }

  set(change) {
    Object.assign(this, change);
    address.go('t.', { name: this.name, at: this.at });
    this.show();
  }

  get here() {
    return this.list.find((d) => d.name === this.name) ?? this.list[0];
  }

  async refresh() {
    let found;
    try {
      found = await api(`/api/told?runs=${encodeURIComponent(this.runs)}`);
    } catch {
      return; // the sections stay away; the page says what is wrong with the server
    }
    this.list = found.distributions;
    this.root.hidden = !this.list.length;
    if (this.list.length) {
      $('told-name').replaceChildren(...this.list.map((d) => new Option(d.title, d.name)));
      this.seen.observe(this.root);
    }
    for (const one of found.scatters) await this.scatter(one);
  }

  paint() {
    const { steps } = this.here;
    const slider = $('told-at');
    slider.max = steps.length - 1;
    slider.value = placeOf(steps, this.at);
    slider.disabled = steps.length < 2;
    $('told-at-value').textContent = count(steps[Number(slider.value)]);
  }

  async show() {
    const { here } = this;
    this.turn += 1;
    const turn = this.turn;
    $('told-name').value = here.name;
    $('told-note').textContent = [here.name, here.unit, `${count(here.steps.length)} evaluations`].filter(Boolean).join(' · ');
    this.paint();
    const rack = $('told-rack');
    try {
      const found = await api(`/api/told/histogram?${new URLSearchParams({ runs: this.runs, name: here.name })}`);
      if (turn !== this.turn) return;
      this.cut = tile('At the step', '', '');
      const heats = found.charts.map((c) => {
        const { box, plot } = tile(c.side || here.title, c.key, c.text);
        this.drawn.add(plot, c.figure, found.template);
        return box;
      });
      rack.replaceChildren(this.cut.box, ...heats);
      await this.slice();
    } catch (problem) {
      rack.replaceChildren(made('p', 'sec small pad', problem.message));
    }
  }

  async slice() {
    const at = this.here.steps[placeOf(this.here.steps, this.at)];
    const { box, plot } = this.cut;
    const found = await api(`/api/told/slice?${new URLSearchParams({ runs: this.runs, name: this.here.name, at })}`);
    box.querySelector('.vd').replaceChildren(...found.lines.flatMap((line) => [keyOf(line.key), ` ${lineWords(line, at)}  `]));
    plot.setAttribute('aria-label', found.lines.map((l) => `${l.key} ${lineWords(l, at)}`).join('; '));
    this.drawn.add(plot, found.figure, found.template);
    if (plot.classList.contains('js-plotly-plot')) this.drawn.draw(plot);
  }

  /** A table as a scatter for each run, with a step slider of its own. */
  async scatter(one) {
    const found = await api(`/api/told/scatter?${new URLSearchParams({ runs: this.runs, name: one.name })}`);
    const { scatters } = this;
    scatters.hidden = false;
    const head = made('div', 'sect-head');
    head.append(made('h2', '', one.title), made('span', 'note', 'on the diagonal both agree'));
    const bar = made('label', 'eps');
    const value = made('output', 'num', count(one.steps[one.steps.length - 1]));
    const slider = Object.assign(made('input', 'epr'), { type: 'range', min: 0, max: one.steps.length - 1, value: one.steps.length - 1, disabled: one.steps.length < 2 });
    slider.setAttribute('aria-label', 'Step');
    bar.append(made('span', 'small sec nowrap', 'step, all runs'), slider, value);
    const wrap = made('div', 'pic-bar');
    wrap.append(bar);
    const rack = made('div', 'rack c3 told-rack');
    const draw = (answer) => rack.replaceChildren(...answer.charts.map((c) => {
      const { box, plot } = tile(`step ${count(c.step)}`, c.key, c.text);
      box.append(made('p', 'small dim pad-x', c.figure.layout.meta.kinds.map((k) => `${k.symbol === 'circle' ? '●' : '○'} ${k.name}`).join('   ')));
      this.drawn.add(plot, c.figure, answer.template);
      return box;
    }));
    draw(found);
    let timer = 0;
    slider.addEventListener('input', () => {
      const at = one.steps[Number(slider.value)];
      value.textContent = count(at);
      clearTimeout(timer);
      timer = setTimeout(async () => draw(await api(`/api/told/scatter?${new URLSearchParams({ runs: this.runs, name: one.name, at })}`)), 120);
    });
    const sheet = made('div', 'sheet');
    sheet.append(wrap, rack);
    scatters.append(head, sheet);
  }
}

if (typeof document !== 'undefined' && $('distributions')) new Told($('distributions'), $('scatters')).refresh();
