// The charts of a page: every tile with data-series is asked for in one request, drawn in the theme's colours, and
// shares zoom, hover and what is hidden with the others.
import { api, notice } from './base.js';
import * as theme from './theme.js';
import * as words from './words.js';
import { marks } from './marks.js';
import { detailOf, nearestPoint } from './steps.js';
import { batches, facts, figureQuery, hidden, moved, rows, themed, visible, withMarks, zoomOf } from './figures.js';

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };
const EAGER = 2; // with more runs than this a chart is asked for when it comes near the screen

/** Colours of the theme by token; forgotten when the theme changes. */
class Palette {
  constructor() {
    this.known = new Map();
    document.addEventListener('themechange', () => this.known.clear());
  }

  colour = (token) => {
    if (!this.known.has(token)) this.known.set(token, theme.colour(token));
    return this.known.get(token);
  };

  font = (token) => getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}

export class Board {
  /** `root` holds the tiles; `state` is the view (see figures.js), shared with the page, which calls `refresh`. */
  constructor(root, state, { onZoom = () => {}, onDrawn = () => {} } = {}) {
    this.root = root;
    this.state = state;
    this.onZoom = onZoom;
    this.onDrawn = onDrawn;
    this.palette = new Palette();
    this.figures = new Map(); // series → {figure, verdict, template}
    this.old = new Set(); // series to ask for, again or for the first time, once one of their tiles is near
    this.happened = []; // checkpoints, findings and notes on the axis, where they are on
    this.asked = new Set();
    this.busy = false;
    this.hovering = false;
    this.seen = new IntersectionObserver((entries) => this.#scrolled(entries), { rootMargin: '400px' });
    document.addEventListener('themechange', () => this.redraw());
    document.addEventListener('toggle', (event) => event.target.open && this.root.contains(event.target) && this.adopt(), true);
    let timer = 0;
    addEventListener('resize', () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.redraw(), 150);
    });
    this.root.addEventListener('click', (event) => this.#clicked(event));
    this.adopt();
  }

  /** Take in the tiles that are on the page and shown, and ask for those not drawn yet. */
  adopt() {
    for (const tile of this.tiles()) this.seen.observe(tile);
    this.refresh(this.tiles().map((t) => t.dataset.series).filter((s) => !this.figures.has(s)));
  }

  /** Tiles that take up room: those in a closed section wait. */
  tiles() {
    return [...this.root.querySelectorAll('[data-series]')].filter((t) => t.offsetParent !== null);
  }

  /**
   * Ask for these series again, or for all on the page: those near the screen at once, others when they come near.
   * One request at a time; what comes meanwhile waits.
   */
  async refresh(series = null) {
    for (const name of series ?? this.tiles().map((t) => t.dataset.series)) this.old.add(name);
    await this.#pull();
  }

  async #pull() {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.#due()) await this.#ask();
    } finally {
      this.busy = false;
    }
  }

  /** Moves what is to be asked at once from `old` to `asked`; says whether there is any. */
  #due() {
    const tiles = this.tiles().filter((t) => this.old.has(t.dataset.series));
    const near = tiles.filter((t) => t.dataset.near === '1' || nearby(t));
    const eager = near.length || this.state.runs.length > EAGER ? near : tiles;
    for (const tile of eager) this.asked.add(tile.dataset.series);
    for (const name of this.asked) this.old.delete(name);
    return this.asked.size > 0;
  }

  async #ask() {
    const shown = this.tiles();
    const wanted = [...this.asked];
    this.asked.clear();
    for (const small of [false, true]) {
      const tiles = shown.filter((t) => wanted.includes(t.dataset.series) && 'small' in t.dataset === small);
      if (!tiles.length) continue;
      const width = tiles[0].clientWidth - (small ? 38 : 92);
      for (const names of batches([...new Set(tiles.map((t) => t.dataset.series))], this.state.runs.length)) {
        await this.#fetch(names, width, small);
      }
    }
  }

  async #fetch(names, width, small) {
    const before = figureQuery(this.state, names, width, small);
    try {
      const answer = await api(before);
      if (figureQuery(this.state, names, width, small) !== before) {
        for (const name of names) this.old.add(name); // the view has changed meanwhile
        return;
      }
      for (const [series, figure] of Object.entries(answer.figures)) {
        this.figures.set(series, { figure, verdict: answer.verdicts[series], template: answer.template });
        for (const tile of this.#of(series)) this.#show(tile, true);
      }
      this.onDrawn(answer, this);
    } catch (problem) {
      for (const name of names) for (const tile of this.#of(name)) fail(tile, problem);
    }
  }

  #of(series) {
    return this.tiles().filter((t) => t.dataset.series === series);
  }

  /** Facts and words at once; the drawing itself when the tile is on the screen. */
  #show(tile, fresh = false) {
    const known = this.figures.get(tile.dataset.series);
    if (!known) return;
    const meta = known.figure.layout.meta;
    Object.assign(tile.dataset, facts(meta));
    tile.removeAttribute('aria-busy');
    say(tile, known.verdict, hidden(this.state));
    const log = tile.querySelector('[data-log]');
    if (log) log.setAttribute('aria-pressed', String(known.figure.layout.yaxis.type === 'log'));
    thinned(tile, meta);
    if (tile.dataset.near === '1') this.#draw(tile, known, fresh);
    else tile.dataset.stale = '1';
  }

  #draw(tile, known, fresh) {
    const plot = tile.querySelector('.plot');
    const shift = this.state.x === 'time' ? this.#shift() : 0;
    const first = firstInRow(tile);
    const off = hidden(this.state);
    let figure = visible(known.figure, off, first);
    if (this.happened.length) figure = withMarks(figure, this.happened, { off, on: this.state.on, labels: first && !('small' in tile.dataset) });
    if (shift) figure = moved(figure, shift);
    figure = themed(figure, this.palette.colour, this.palette.font);
    const layout = { ...figure.layout, template: themed(known.template, this.palette.colour, this.palette.font) };
    layout.uirevision = JSON.stringify([this.state.zoom, this.state.x, this.state.mode, this.state.group, layout.yaxis.type ?? '']);
    if (!('small' in tile.dataset)) {
      const gutters = getComputedStyle(tile);
      layout.margin = { l: parseFloat(gutters.getPropertyValue('--gutter-l')), r: parseFloat(gutters.getPropertyValue('--gutter-r')), t: 16, b: 34, pad: 0 };
    }
    delete tile.dataset.stale;
    if (!plot.classList.contains('js-plotly-plot')) plot.replaceChildren();
    globalThis.Plotly.react(plot, figure.data, layout, CONFIG);
    marks(tile, layout, { off, shift, many: this.state.runs.length > 1 });
    if (!plot.dataset.wired) this.#wire(tile, plot);
    if (fresh) beat(plot);
  }

  #wire(tile, plot) {
    plot.dataset.wired = '1';
    plot.on('plotly_relayout', (event) => {
      const zoom = zoomOf(event, this.#shift());
      if (zoom) this.zoom(zoom);
    });
    plot.on('plotly_doubleclick', () => this.zoom(null));
    plot.on('plotly_click', ({ points, event }) => {
      const point = nearestPoint(points, event?.clientY, plot.getBoundingClientRect().top);
      const detail = detailOf(point, this.state.x, this.state.x === 'time' ? this.#shift() : 0);
      document.dispatchEvent(new CustomEvent('nb:step', { detail })); // Listen and See go there
    });
    plot.on('plotly_hover', (event) => this.#hover(plot, event.xvals?.[0] ?? event.points[0]?.x));
    plot.on('plotly_unhover', () => this.#hover(plot, null));
  }

  #shift() {
    return this.state.x === 'time' ? -new Date().getTimezoneOffset() * 60e3 : 0;
  }

  /** Zoom all charts to [low, high] of x, or out for null; the zoomed range is read again at full detail. */
  zoom(range) {
    if (String(range) === String(this.state.zoom)) return;
    this.state.zoom = range;
    this.onZoom(range);
    this.refresh();
  }

  #hover(from, x) {
    if (this.hovering) return;
    this.hovering = true;
    for (const tile of this.tiles()) {
      const plot = tile.querySelector('.plot');
      if (plot === from || tile.dataset.near !== '1' || !plot.dataset.wired) continue;
      if (x === null) globalThis.Plotly.Fx.unhover(plot);
      else globalThis.Plotly.Fx.hover(plot, { xval: typeof x === 'string' ? Date.parse(`${x.replace(' ', 'T')}Z`) : x }, 'xy');
    }
    this.hovering = false;
  }

  #scrolled(entries) {
    if (entries.some((e) => e.isIntersecting && this.old.has(e.target.dataset.series))) queueMicrotask(() => this.#pull());
    for (const { target, isIntersecting } of entries) {
      target.dataset.near = isIntersecting ? '1' : '0';
      const known = this.figures.get(target.dataset.series);
      if (isIntersecting && known && ('stale' in target.dataset || !target.querySelector('.plot').dataset.wired)) {
        this.#draw(target, known, false);
      }
    }
  }

  /** Draw again what is known: another theme, another width, something hidden. */
  redraw() {
    for (const tile of this.tiles()) this.#show(tile);
  }

  #clicked(event) {
    const tile = event.target.closest('[data-series]');
    if (!tile) return;
    const series = tile.dataset.series;
    if (event.target.closest('[data-log]')) {
      const on = this.figures.get(series)?.figure.layout.yaxis.type === 'log';
      const [from, to] = on ? [this.state.log, this.state.lin] : [this.state.lin, this.state.log];
      if (!from.delete(series)) to.add(series); // what only undoes the other choice needs no word in the address
      this.onZoom(this.state.zoom);
      this.refresh([series]);
    } else if (event.target.closest('[data-save]')) {
      this.picture(tile, event.target.closest('[data-save]').dataset.save);
    } else if (event.target.closest('[data-points-table]')) {
      this.table(series, tile.querySelector('h3').textContent);
    }
  }

  /** A chart as a file, PNG at twice the size or SVG, on the page's ground with its title. */
  async picture(tile, format) {
    const plot = tile.querySelector('.plot');
    if (!plot.classList.contains('js-plotly-plot')) return;
    const { width, height } = plot.getBoundingClientRect();
    const title = `${tile.querySelector('h3').textContent} · ${tile.dataset.series}`;
    const layout = { ...plot.layout, paper_bgcolor: this.palette.colour('--sheet'), width, height: height + 22 };
    layout.margin = { ...layout.margin, t: (layout.margin?.t ?? 16) + 22 };
    layout.title = { text: title, x: 0, xref: 'paper', y: 0.98, yref: 'container', yanchor: 'top', xanchor: 'left', font: { size: 12, color: this.palette.colour('--ink-1') } };
    try {
      const url = await globalThis.Plotly.toImage({ data: plot.data, layout, config: { staticPlot: true } }, { format, width, height: height + 22, scale: format === 'png' ? 2 : 1 });
      const link = Object.assign(document.createElement('a'), { href: url, download: `${tile.dataset.series.replace(/[^\w.-]+/g, '_')}.${format}` });
      link.click();
    } catch (problem) {
      notice(`The chart could not be made a picture. ${problem.message}`, 'warn');
    }
  }

  /** The points of a chart as a table in the page's dialog. */
  table(series, title) {
    const dialog = document.getElementById('points');
    const known = this.figures.get(series);
    if (!dialog || !known) return;
    const x = known.figure.layout.xaxis.title?.text ?? this.state.x;
    const found = rows(known.figure);
    const when = (v) => (this.state.x === 'time' ? new Date(v).toLocaleString() : words.number(v, 6));
    dialog.querySelector('h2').textContent = `${title}: ${words.count(found.length)} points as drawn`;
    dialog.querySelector('thead').replaceChildren(line('th', ['Run', x, series]));
    dialog.querySelector('tbody').replaceChildren(
      ...found.sort((a, b) => b.x - a.x).slice(0, 2000).map((p) => line('td', [p.key, when(p.x), words.number(p.y, 6)])),
    );
    dialog.showModal();
  }
}

function line(tag, cells) {
  const row = document.createElement('tr');
  row.append(...cells.map((text, i) => Object.assign(document.createElement(tag), { textContent: text, className: i ? 'n' : '' })));
  return row;
}

/** A verdict in words, run by run: what is hidden is not spoken of. */
function say(tile, verdict, off) {
  const strip = tile.querySelector('.vd');
  const parts = (verdict?.parts ?? []).filter((p) => !p.keys.every((k) => off.has(k)));
  const label = parts.map((p) => `${p.named ? `${p.keys.join(', ')} ` : ''}${p.strong}${p.strong && p.rest ? ' ' : ''}${p.rest}`).join(' ');
  tile.querySelector('.plot').setAttribute('aria-label', `${tile.querySelector('h3').textContent}. ${label}`);
  if (!strip) return;
  strip.className = `vd ${verdict?.tone ?? ''}`;
  strip.replaceChildren(
    ...parts.flatMap((p) => {
      const found = p.named ? p.keys.filter((k) => !off.has(k)).flatMap((k) => [keyOf(k), ' ']) : [];
      if (p.strong) found.push(Object.assign(document.createElement('b'), { textContent: p.strong }), ' ');
      return [...found, `${p.rest} `];
    }),
  );
}

/** A run's key, as the macros of the templates make it. */
export function keyOf(letter) {
  const key = Object.assign(document.createElement('span'), { className: 'key', textContent: letter });
  key.dataset.k = letter;
  return key;
}

function thinned(tile, meta) {
  const note = tile.querySelector('.pts');
  if (!note) return;
  const parts = [];
  if (meta.shown < meta.total) parts.push(`${words.count(meta.shown)} of ${words.count(meta.total)} points`);
  if (meta.unlogged) parts.push(`${words.count(meta.unlogged)} not above 0, not on a log axis`);
  note.textContent = parts.join('; ');
}

function fail(tile, problem) {
  tile.removeAttribute('aria-busy');
  const strip = tile.querySelector('.vd');
  if (!strip) return;
  strip.className = 'vd fail';
  strip.textContent = `This chart could not be read. ${problem.message}`;
}

/** Whether a tile lies within 400 px of the screen, where its observer has not spoken yet. */
function nearby(tile) {
  if (tile.dataset.near) return false;
  const { top, bottom } = tile.getBoundingClientRect();
  return bottom > -400 && top < innerHeight + 400;
}

/** Phase labels stand in the first tile of a row only. */
function firstInRow(tile) {
  const before = tile.previousElementSibling;
  return !before || before.offsetTop !== tile.offsetTop || before.offsetLeft >= tile.offsetLeft;
}

/** A live end brightens once for each batch that came. */
function beat(plot) {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  for (const trace of plot._fullData ?? []) {
    if (trace.meta?.part !== 'end' || !trace.marker.symbol.endsWith('-open')) continue;
    plot.querySelector(`.trace${trace.uid}`)?.animate([{ opacity: 0.35 }, { opacity: 1 }], { duration: 300 });
  }
}
