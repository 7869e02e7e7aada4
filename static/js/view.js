// What Compare and Run share: the view's state in the address, its controls, keys that hide runs, and live charts.
import * as figures from './figures.js';
import { Board } from './charts.js';
import { Live } from './live.js';
import { count } from './words.js';

const DEFAULT_SMOOTH = 0.6;

export class View {
  /** `runs` are the ids in the order of their keys; `named` whether the address names them. */
  constructor({ runs, named = true, onHide = () => {}, onChange = () => {}, onReturn = () => {} }) {
    this.root = document.getElementById('board');
    this.defaults = { x: this.root.dataset.defaultX, smooth: DEFAULT_SMOOTH };
    this.state = figures.stateOf(location.search, this.defaults);
    this.state.runs = runs;
    this.named = named;
    this.onHide = onHide;
    this.board = new Board(this.root, this.state, { onZoom: () => this.changed(), onDrawn: () => this.#note() });
    this.#controls();
    this.live = new Live(runs, {
      banner: document.getElementById('stale'),
      onChange: (change) => onChange(change),
      onReturn: () => {
        this.board.refresh();
        onReturn();
      },
    });
    this.paint();
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
    this.board.redraw();
  }

  /** Put the state into the address and onto the controls. */
  changed() {
    const shown = this.named ? this.state : { ...this.state, runs: [] };
    history.replaceState(null, '', `${location.pathname}${figures.searchOf(shown, this.defaults)}${location.hash}`);
    this.paint();
  }

  paint() {
    const { state } = this;
    for (const button of document.querySelectorAll('[data-x]')) button.setAttribute('aria-pressed', String(button.dataset.x === state.x));
    for (const box of document.querySelectorAll('[data-off]')) box.checked = !state.off.has(box.dataset.off);
    for (const button of document.querySelectorAll('[data-toggle-run]')) {
      const on = !state.off.has(button.dataset.toggleRun);
      button.setAttribute('aria-pressed', String(on));
      button.querySelector('.key').classList.toggle('off', !on);
    }
    const smooth = document.getElementById('smooth');
    smooth.value = state.smooth;
    document.getElementById('smooth-value').textContent = state.smooth.toFixed(2);
    document.getElementById('zoom-out').hidden = !state.zoom;
    this.onHide(state.off);
  }

  #controls() {
    const { state } = this;
    document.addEventListener('click', (event) => {
      const axis = event.target.closest('[data-x]');
      const run = event.target.closest('[data-toggle-run]');
      if (axis && axis.dataset.x !== state.x) {
        state.x = axis.dataset.x;
        state.zoom = null;
        this.changed();
        this.board.refresh();
      } else if (run) this.toggle(run.dataset.toggleRun);
      else if (event.target.closest('#zoom-out')) this.board.zoom(null);
    });
    document.getElementById('controls').addEventListener('change', (event) => {
      if (event.target.dataset.off) this.toggle(event.target.dataset.off);
    });
    document.getElementById('controls').addEventListener('submit', (event) => event.preventDefault());
    let timer = 0;
    document.getElementById('smooth').addEventListener('input', (event) => {
      state.smooth = Math.min(0.99, Number(event.target.value));
      document.getElementById('smooth-value').textContent = state.smooth.toFixed(2);
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.changed();
        this.board.refresh();
      }, 120);
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
      if (last) last.textContent = lasts(this.board.figures.get(tile.dataset.series)?.figure.layout.meta, this.state.off);
    }
  }

  /** Keys of both pages: Shift with a letter hides that run. */
  keys() {
    return Object.fromEntries(
      figures.KEYS.slice(0, this.state.runs.length).split('').map((k) => [k, () => this.toggle(k)]),
    );
  }
}

/** The last values of a small multiple: ".86" or ".50 .84". */
export function lasts(meta, off = new Set()) {
  return Object.entries(meta?.runs ?? {})
    .filter(([key, run]) => !off.has(key) && run.last !== null)
    .map(([, run]) => (Math.abs(run.last) < 1 ? run.last.toFixed(2).replace('0.', '.') : run.last.toPrecision(3)))
    .join(' ');
}
