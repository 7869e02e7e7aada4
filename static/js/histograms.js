// Histograms over time and at a step: figures come from the server, colours from the theme.
import * as address from './address.js';
import { api, throttled } from './base.js';
import { keyOf } from './charts.js';
import { Scatters } from './scatters.js';
import { Drawn, Rack, placeOf } from './told.js';
import { count } from './words.js';

const PACE_MS = 5000; // how often a run that trains is asked for new ones, at most
const DRAG_MS = 120;
const $ = (id) => document.getElementById(id);

/** What a line of the slice is, in words: "real (solid), step 40" or "… the nearest to 50". */
export function lineWords(line, at) {
  const dash = line.dash === 'solid' ? 'solid' : 'dashed';
  const side = line.side ? `${line.side} (${dash}), ` : '';
  return `${side}step ${count(line.step)}${line.exact ? '' : `, the nearest to ${count(at)}`}`;
}

class Told {
  constructor(root, scatters) {
    this.root = root;
    this.runs = root.dataset.runs;
    this.drawn = new Drawn();
    this.scatters = new Scatters(scatters, this.runs, this.drawn);
    this.list = [];
    this.read();
    this.turn = 0;
    this.shown = false;
    this.rack = new Rack($('told-rack'), this.drawn);
    $('told-name').addEventListener('change', (event) => this.set({ name: event.target.value }));
    let timer = 0;
    $('told-at').addEventListener('input', (event) => {
      this.at = this.here.steps[Number(event.target.value)];
      this.paint();
      clearTimeout(timer);
      timer = setTimeout(() => {
        address.go('t.', { name: this.name, at: this.at }, false);
        this.slice().catch((problem) => this.rack.say(problem.message));
      }, DRAG_MS);
    });
    addEventListener('popstate', () => {
      this.read();
      if (this.list.length) this.show();
      this.scatters.restore();
    });
    this.seen = new IntersectionObserver((entries) => {
      if (entries.some((e) => e.isIntersecting)) {
        this.seen.disconnect();
        this.shown = true;
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

  /** Ask what there is; what is shown is drawn anew only where it has changed. */
  async refresh() {
    let found;
    try {
      found = await api(`/api/told?runs=${encodeURIComponent(this.runs)}`);
    } catch {
      return; // the sections stay as they are; the page says what is wrong with the server
    }
    const before = JSON.stringify(this.list.length ? this.here : null);
    this.list = found.distributions;
    this.root.hidden = !this.list.length;
    if (this.list.length) {
      const names = this.list.map((d) => d.name);
      if (String(names) !== String([...$('told-name').options].map((o) => o.value))) $('told-name').replaceChildren(...this.list.map((d) => new Option(d.title, d.name)));
      $('told-name').value = this.here.name;
      if (!this.shown) this.seen.observe(this.root);
      else if (JSON.stringify(this.here) !== before) this.show();
    }
    await this.scatters.take(found.scatters);
  }

  paint() {
    const { steps } = this.here;
    const slider = $('told-at');
    slider.max = steps.length - 1;
    slider.value = placeOf(steps, this.at);
    slider.disabled = steps.length < 2;
    $('told-at-value').textContent = count(steps[Number(slider.value)]);
    slider.setAttribute('aria-valuetext', `step ${$('told-at-value').textContent}`);
  }

  async show() {
    const { here } = this;
    this.turn += 1;
    const turn = this.turn;
    $('told-name').value = here.name;
    $('told-note').textContent = [here.name, here.unit, `${count(here.steps.length)} evaluations`].filter(Boolean).join(' · ');
    this.paint();
    try {
      const [found, cut] = await Promise.all([api(`/api/told/histogram?${new URLSearchParams({ runs: this.runs, name: here.name })}`), this.cut()]);
      if (turn !== this.turn) return;
      this.rack.show([cut, ...found.charts.map((c) => ({ ...c, id: `${c.key} ${c.side}`, title: c.side || here.title }))], found.template);
    } catch (problem) {
      if (turn === this.turn) this.rack.say(problem.message);
    }
  }

  /** The histograms at the step over each other, as a chart. */
  async cut() {
    const { here } = this;
    const at = here.steps[placeOf(here.steps, this.at)];
    const { lines, figure, template } = await api(`/api/told/slice?${new URLSearchParams({ runs: this.runs, name: here.name, at })}`);
    const parts = lines.flatMap((line) => [keyOf(line.key), ` ${lineWords(line, at)}  `]);
    const text = lines.map((l) => `${l.key} ${lineWords(l, at)}`).join('; ');
    return { id: 'cut', title: 'At the step', text, parts, figure, template };
  }

  async slice() {
    const { at, turn } = this;
    const cut = await this.cut();
    if (at === this.at && turn === this.turn) this.rack.change(cut, cut.template);
  }
}

function start() {
  const told = new Told($('distributions'), $('scatters'));
  const again = throttled(() => told.refresh(), PACE_MS);
  again();
  document.addEventListener('nashboard:change', ({ detail }) => Object.values(detail.runs).some((r) => !r.first) && again());
}

if (typeof document !== 'undefined' && $('distributions')) start();
