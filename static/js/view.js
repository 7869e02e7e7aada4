// What Compare and Run share: the view's state in the address, its controls, keys that hide runs, and live charts.
import * as figures from './figures.js';
import { Board, keyOf } from './charts.js';
import { offered } from './bandchoice.js';
import { kept } from './address.js';
import { api } from './base.js';
import { joined } from './listenview.js';
import { Live } from './live.js';
import { count } from './words.js';

const DEFAULT_SMOOTH = 0.6;

export class View {
  /** `runs` are the ids in the order of their keys; `named` whether the address names them. */
  constructor({ runs, named = true, onHide = () => {}, onChange = () => {}, onReturn = () => {}, onDrawn = () => {}, onRestore = () => {} }) {
    this.root = document.getElementById('board');
    this.defaults = { x: this.root.dataset.defaultX, smooth: DEFAULT_SMOOTH };
    this.state = figures.stateOf(location.search, this.defaults);
    this.state.runs = runs;
    this.named = named;
    this.onHide = onHide;
    this.onRestore = onRestore;
    this.board = new Board(this.root, this.state, {
      onZoom: () => this.changed(),
      onDrawn: (answer) => {
        this.#note();
        this.#lacking(answer);
        onDrawn(answer);
      },
    });
    this.#controls();
    addEventListener('popstate', () => this.#restore());
    this.happened();
    this.live = new Live(runs, {
      banner: document.getElementById('stale'),
      onChange: (change) => onChange(change),
      onReturn: () => {
        this.board.refresh();
        onReturn();
      },
    });
    this.paint();
    offered(document.getElementById('band-sets'), () => this.state.bands);
  }

  /** Draw again the charts of the series that have changed, as far as they are on the page. */
  redraw(series) {
    this.board.refresh(this.board.tiles().map((t) => t.dataset.series).filter((s) => series.has(s)));
  }

  /** Take over a fresh list of charts from the server: those that are drawn stay, new ones find their place. */
  adopt(html) {
    const made = new DOMParser().parseFromString(html, 'text/html').getElementById('racks');
    const old = document.getElementById('racks');
    const drawn = new Map([...old.querySelectorAll('[data-series]')].map((t) => [t.dataset.series, t]));
    for (const tile of made.querySelectorAll('[data-series]')) {
      const known = drawn.get(tile.dataset.series);
      if (known && 'small' in known.dataset === 'small' in tile.dataset) tile.replaceWith(known);
    }
    const open = new Set([...old.querySelectorAll('details[open]')].map((d) => d.dataset.rack));
    for (const section of made.querySelectorAll('details')) section.open = open.has(section.dataset.rack);
    old.replaceWith(document.adoptNode(made));
    this.board.adopt();
  }

  /** Whether all of these series have a chart on the page, drawn or folded away. */
  knows(series) {
    const here = new Set([...this.root.querySelectorAll('[data-series]')].map((t) => t.dataset.series));
    return [...series].every((s) => here.has(s));
  }

  /** Show or hide a run (by key), a band's origin or the phases, everywhere. */
  toggle(what) {
    this.state.off[this.state.off.has(what) ? 'delete' : 'add'](what);
    this.changed();
    this.hiding();
  }

  /** What is hidden has changed: a group without one of its runs is another group, all else is only drawn again. */
  hiding() {
    this.paint();
    if (this.state.group) this.board.refresh();
    else this.board.redraw();
  }

  /** Show or hide checkpoints, findings or notes. */
  mark(kind) {
    this.state.on[this.state.on.has(kind) ? 'delete' : 'add'](kind);
    this.changed();
    this.happened();
  }

  /** Change options of the view, {x: 'epoch', zoom: null}, and draw all charts anew. */
  set(options) {
    Object.assign(this.state, options);
    this.changed();
    this.board.refresh();
    if ('x' in options) this.happened();
  }

  /** Put the state into the address and onto the controls; with `step` the former one is a step back. */
  changed({ step = true } = {}) {
    const search = this.search();
    if (search !== location.search) history[step ? 'pushState' : 'replaceState'](null, '', `${location.pathname}${search}${location.hash}`);
    this.paint();
  }

  /** The address' part for the view as it stands. */
  search() {
    return kept(joined(figures.searchOf(this.named ? this.state : { ...this.state, runs: [] }, this.defaults), location.search), location.search);
  }

  /** Back or forward: the view that the address says, drawn without a reload unless the runs are others. */
  #restore() {
    if (location.search === this.search()) return; // only the place on the page has changed
    const asked = figures.stateOf(location.search, this.defaults);
    if (this.named && asked.runs.join() !== this.state.runs.join()) {
      location.reload();
      return;
    }
    Object.assign(this.state, asked, { runs: this.state.runs, filtered: this.state.filtered });
    this.paint();
    this.happened();
    this.onRestore(this.state);
    this.board.refresh();
  }

  /** Fetch what happened in the runs, where it is to be seen. */
  async happened() {
    const { on, runs, x } = this.state;
    if (!on.size) {
      if (this.board.happened.length) this.board.happened = [];
      this.board.redraw();
      return;
    }
    try {
      const found = await api(`/api/marks?${new URLSearchParams({ runs: runs.join(','), kinds: [...on].join(','), x })}`);
      this.board.happened = found.marks;
    } catch {
      this.board.happened = []; // the charts stand without them
    }
    this.board.redraw();
  }

  /** Name the runs that do not lie on the axis. */
  #lacking(answer) {
    const strip = document.getElementById('lacking');
    if (!strip) return;
    const keys = answer.lacking;
    strip.hidden = !keys.length;
    const words = { epoch: 'epochs', disc_steps: 'D steps', samples: 'samples', audio_hours: 'hours of audio' };
    strip.querySelector('[data-words]').replaceChildren(...keys.flatMap((key) => [keyOf(key), ' ']), `count${keys.length === 1 ? 's' : ''} no ${words[this.state.x] ?? 'time'} and ${keys.length === 1 ? 'is' : 'are'} on none of the charts: choose another x.`);
  }

  paint() {
    const { state } = this;
    for (const button of document.querySelectorAll('[data-x]')) button.setAttribute('aria-pressed', String(button.dataset.x === state.x));
    for (const box of document.querySelectorAll('[data-off]')) box.checked = !state.off.has(box.dataset.off);
    for (const box of document.querySelectorAll('[data-on]')) box.checked = state.on.has(box.dataset.on);
    for (const field of document.querySelectorAll('[data-option]')) {
      const value = state[field.dataset.option];
      if (field.type === 'checkbox') field.checked = Boolean(value);
      else field.value = value;
    }
    const off = figures.hidden(state);
    for (const button of document.querySelectorAll('[data-toggle-run]')) {
      const on = !off.has(button.dataset.toggleRun);
      button.setAttribute('aria-pressed', String(on));
      button.querySelector('.key').classList.toggle('off', !on);
    }
    const smooth = document.getElementById('smooth');
    smooth.value = state.smooth;
    document.getElementById('smooth-value').textContent = state.smooth.toFixed(2);
    document.getElementById('zoom-out').hidden = !state.zoom;
    this.onHide(off);
  }

  #controls() {
    const { state } = this;
    document.addEventListener('click', (event) => {
      const axis = event.target.closest('[data-x]');
      const run = event.target.closest('[data-toggle-run]');
      if (axis && axis.dataset.x !== state.x) {
        this.set({ x: axis.dataset.x, zoom: null });
      } else if (run) this.toggle(run.dataset.toggleRun);
      else if (event.target.closest('#zoom-out')) this.board.zoom(null);
    });
    document.getElementById('controls').addEventListener('change', (event) => {
      const { off, on, option } = event.target.dataset;
      if (off) this.toggle(off);
      else if (on) this.mark(on);
      else if (option === 'mode') this.set({ mode: event.target.checked ? 'diff' : '' });
      else if (option === 'base') this.set({ base: event.target.value, mode: event.target.value ? state.mode : '' });
      else if (option) this.set({ [option]: event.target.value });
      else if (event.target.id === 'smooth') this.changed();
    });
    document.getElementById('controls').addEventListener('submit', (event) => event.preventDefault());
    let timer = 0;
    document.getElementById('smooth').addEventListener('input', (event) => {
      state.smooth = Math.min(0.99, Number(event.target.value));
      document.getElementById('smooth-value').textContent = state.smooth.toFixed(2);
      clearTimeout(timer);
      timer = setTimeout(() => this.board.refresh(), 120);
    });
  }

  /** "2,100 of 2,100 points, nothing thinned": of all charts that are drawn. */
  #note() {
    let shown = 0;
    let total = 0;
    for (const { figure } of this.board.figures.values()) {
      shown += figure.layout.meta.shown;
      total += figure.layout.meta.total;
    }
    const note = document.getElementById('points-note');
    note.textContent = total ? `${count(shown)} of ${count(total)} points${shown < total ? ', extremes kept' : ', nothing thinned'}` : '';
    for (const tile of this.root.querySelectorAll('[data-small][data-series]')) {
      const last = tile.querySelector('[data-last]');
      if (last) last.textContent = lasts(this.board.figures.get(tile.dataset.series)?.figure.layout.meta, figures.hidden(this.state));
    }
  }

  /** Keys of both pages: Shift with a letter hides that run. */
  keys() {
    return Object.fromEntries(
      [...figures.LETTERS.slice(0, this.state.runs.length)].map((k) => [k, () => this.toggle(k)]),
    );
  }
}

/** The last values of a small multiple: ".86" or ".50 .84". */
export function lasts(meta, off = new Set()) {
  if (Object.keys(meta?.runs ?? {}).length > 6) return '';
  return Object.entries(meta?.runs ?? {})
    .filter(([key, run]) => !off.has(key) && run.last !== null)
    .map(([, run]) => (Math.abs(run.last) < 1 ? run.last.toFixed(2).replace('0.', '.') : run.last.toPrecision(3)))
    .join(' ');
}
