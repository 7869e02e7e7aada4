// Pictures of runs: side by side at an epoch, a slot over epochs, flicker between two, their difference, saturated
// pixels, and the nearest real image. Bytes are fetched when they are about to be seen, and drawn as they are.
import * as address from './address.js';
import { api, notice, throttled } from './base.js';
import * as canvases from './canvases.js';
import { keyOf } from './charts.js';
import * as keys from './keys.js';
import { Near } from './nearest.js';
import { strips } from './picturestrips.js';
import * as pix from './pixels.js';
import { stepsAt } from './steps.js';
import { count, fixed } from './words.js';

const FLICK_MS = 500;
const PACE_MS = 2000; // how often new pictures of a run that trains are asked for, at most
const $ = (id) => document.getElementById(id);
const made = (tag, look = '', text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });

class Pictures {
  constructor(root) {
    this.root = root;
    this.runs = root.dataset.runs;
    this.view = pix.viewOf(address.read('p.', location.search));
    this.store = new canvases.Store();
    this.slots = [];
    this.turn = 0;
    this.flicking = 0;
    this.near = new Near($('pic-cell'), this);
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.seen = new IntersectionObserver((entries) => {
      this.there = entries.some((e) => e.isIntersecting);
      if (this.there && this.stale) this.draw();
    }, { rootMargin: '300px' });
    this.stale = true;
    this.wire();
  }

  /** Ask what there is to see; what is shown is drawn anew only where it has changed. */
  async refresh() {
    const before = this.slots.length ? JSON.stringify(this.slot) : '';
    try {
      const found = await api(`/api/pictures?runs=${encodeURIComponent(this.runs)}`);
      this.slots = found.slots;
      this.names = Object.fromEntries(found.runs.map((r) => [r.key, r]));
    } catch (problem) {
      this.root.hidden = !this.slots.length;
      $('pic-note').textContent = problem.message;
      return;
    }
    this.root.hidden = !this.slots.length;
    if (!this.slots.length) return;
    const names = this.slots.map((s) => pix.nameOf(s));
    if (String(names) !== String([...$('pic-slot').options].map((o) => o.value))) {
      $('pic-slot').replaceChildren(...this.slots.map((s, i) => new Option(`${s.family === 'mel' ? 'mel' : 'images'} · ${s.slot}`, names[i])));
      $('pic-slot').value = pix.nameOf(this.slot);
    }
    this.seen.observe(this.root);
    if (JSON.stringify(this.slot) !== before) this.show();
  }

  get slot() {
    return this.slots.find((s) => pix.nameOf(s) === this.view.slot) ?? this.slots.find((s) => s.sources.some((o) => o.key !== 'R')) ?? this.slots[0];
  }

  get moments() {
    return pix.moments(this.slot);
  }

  /** The place on the slider: what was asked for, else the last. */
  get place() {
    const all = this.moments;
    return this.view.at ?? all[all.length - 1];
  }

  set(change, step = true) {
    Object.assign(this.view, change);
    address.go('p.', pix.valuesOf(this.view), step);
    this.show();
  }

  go(by) {
    const all = this.moments;
    const now = all.indexOf(pix.placeOf(pix.nearest(all.map((m) => ({ epoch: m })), this.place)));
    const next = Math.min(all.length - 1, Math.max(0, now + by));
    this.set({ at: all[next] }, false);
  }

  /** Go to the picture of a run that is nearest to a point that was clicked on a chart. */
  async point(detail) {
    if (!this.slots.length) return;
    const own = this.slot.sources.filter((s) => s.key !== 'R');
    const source = own.find((s) => s.key === detail.run) ?? own[0];
    if (!source) return;
    let step;
    try {
      step = (await stepsAt(detail, this.runs.split(',')))[source.key];
    } catch (problem) {
      notice(`The step of this point could not be read. ${problem.message}`, 'warn');
      return;
    }
    const take = Number.isFinite(step) ? pix.atStep(source.takes, step) : null;
    if (!take) return;
    this.set({ at: pix.placeOf(take) }, false);
    const listens = document.getElementById('listen')?.hidden === false;
    if (listens) return; // it says where both are
    const strip = notice(`Pictures are at ${pix.when(take, pix.placeOf(take))}${Math.abs(take.step - step) < 0.5 ? '' : ', the nearest to the point'}.`);
    strip.append(Object.assign(made('a', '', 'Show'), { href: '#pictures' }));
  }

  /** Put the view onto the controls, and draw where it can be seen. */
  show() {
    const { slot, view } = this;
    const all = this.moments;
    $('pic-slot').value = pix.nameOf(slot);
    $('pic-note').textContent = [slot.cells ? `${count(slot.cells.rows * slot.cells.columns)} images: a class a row, the same latent a place` : slot.caption, slot.family === 'mel' ? 'one grey scale for all, low bands below' : ''].filter(Boolean).join(' · ');
    $('pic-differ').hidden = slot.same;
    for (const button of this.root.querySelectorAll('[data-mode]')) button.setAttribute('aria-pressed', String(button.dataset.mode === view.mode));
    const paired = view.mode === 'flicker' || view.mode === 'difference';
    const shown = { moment: view.mode !== 'epochs', pair: paired, flicker: view.mode === 'flicker' };
    for (const part of this.root.querySelectorAll('[data-for]')) part.hidden = !shown[part.dataset.for];
    const at = $('pic-at');
    at.max = all.length - 1;
    at.value = all.indexOf(pix.placeOf(pix.nearest(all.map((m) => ({ epoch: m })), this.place)));
    at.disabled = all.length < 2;
    const epochs = slot.sources.some((s) => s.takes.some((t) => t.epoch !== null));
    $('pic-unit').textContent = `${epochs ? 'epoch' : 'step'}${Object.keys(this.names).length > 1 ? ', all runs' : ''}`;
    $('pic-at-value').textContent = pix.short(this.place);
    at.setAttribute('aria-valuetext', `${epochs ? 'epoch' : 'step'} ${pix.short(this.place)}`);
    $('pic-zoom').value = view.zoom;
    $('pic-sat').checked = view.sat;
    $('pic-sat').disabled = view.mode === 'difference';
    if (paired) this.choices();
    if (view.mode !== 'flicker') this.flick(false);
    this.stale = true;
    if (this.there) this.draw();
  }

  /** The two pictures that are held against each other, chosen or the first two. */
  choices() {
    const ids = this.slot.sources.map((s) => s.id);
    const [a, b] = this.pair();
    for (const [id, value] of [['pic-a', a], ['pic-b', b]]) {
      $(id).replaceChildren(...this.slot.sources.map((s) => new Option(this.title(s), s.id)));
      $(id).value = ids.includes(value) ? value : ids[0];
    }
  }

  pair() {
    const ids = this.slot.sources.map((s) => s.id);
    const own = ids.filter((id) => !id.startsWith('R'));
    const usual = own.length > 1 ? own : ids;
    const a = ids.includes(this.view.a) ? this.view.a : usual[0];
    return [a, ids.includes(this.view.b) ? this.view.b : (usual.find((id) => id !== a) ?? a)];
  }

  title(source) {
    return source.key === 'R' ? `R ${source.label}` : `${source.key} ${source.label}`;
  }

  /** The run's name where there are several, else what its picture is. */
  named({ key, label }) {
    return key === 'R' || Object.keys(this.names).length < 2 ? label : this.names[key].name;
  }

  heading(source) {
    const name = this.named(source);
    return [made('b', 'cut', name), ...(name === source.label ? [] : [made('span', 'dim', source.label)])];
  }

  async draw() {
    this.stale = false;
    this.turn += 1;
    const turn = this.turn;
    const stage = $('pic-stage');
    const { mode } = this.view;
    const said = [];
    let parts = [];
    try {
      if (mode === 'epochs') parts = await strips(this.slot, this.view, this.store, said, (s) => this.named(s));
      else if (mode === 'side') parts = await Promise.all(this.slot.sources.map((s) => this.figure(s, said)));
      else parts = await this.together(mode, said);
    } catch (problem) {
      parts = [made('p', 'sec small pad', problem.message || 'A picture could not be read.')];
    }
    if (turn !== this.turn) return;
    const across = [...stage.querySelectorAll('.over-strip .scroll')].map((s) => s.scrollLeft);
    stage.className = `pic-stage ${mode} ${this.slot.family}`;
    stage.replaceChildren(...parts);
    stage.querySelectorAll('.over-strip .scroll').forEach((s, i) => (s.scrollLeft = across[i] ?? 0));
    $('pic-said').textContent = said.join(' ');
    this.near.show();
  }

  /** Pixels of a source at the place, or null while its bytes are on their way. */
  async at(source) {
    const take = pix.nearest(source.takes, this.place);
    return { take, ...(take?.url ? await this.store.get(take.url) : {}) };
  }

  async figure(source, said) {
    const { take, canvas, pixels } = await this.at(source);
    const box = made('figure', 'pic');
    const words = made('figcaption', 'small');
    words.append(keyOf(source.key), ...this.heading(source), made('span', 'dim', take ? pix.when(take, this.place, source.key === 'R') : 'none'));
    box.append(words);
    if (!canvas) box.append(made('p', 'dim small', take ? 'on its way' : 'none'));
    else {
      box.append(this.framed(this.painted({ canvas, pixels }, words), canvas, `${this.title(source)}, ${words.textContent}`, source));
      if (this.view.sat && source === this.slot.sources[0]) said.push(canvases.marksWords(this.slot.family));
    }
    return box;
  }

  /** A copy of a picture, with the saturated pixels marked and their share in `words` where that is asked for. */
  painted(one, words = null) {
    const { family, cells } = this.slot;
    const { copy, found } = canvases.copied(one, { marked: this.view.sat, family, cells });
    if (found) words?.append(made('span', 'mono-s pic-share', pix.saturationWords(found, family)));
    return copy;
  }

  /** The picture in its frame: as large as the zoom says, pixels as squares; a press on a grid chooses a cell. */
  framed(copy, { width, height }, label, source = null) {
    copy.setAttribute('role', 'img');
    copy.setAttribute('aria-label', label);
    const frame = made('div', 'pic-frame');
    frame.append(copy);
    if (this.view.zoom) copy.style.width = `${width * this.view.zoom}px`;
    else {
      copy.classList.add('fit');
      copy.style.maxWidth = `min(720px, calc(80vh * ${(width / height).toFixed(4)}))`; // all of it on the screen at once
    }
    if (this.view.zoom) frame.tabIndex = 0;
    const { cells } = this.slot;
    if (cells && source) {
      copy.classList.add('pick');
      copy.addEventListener('click', (event) => {
        const scale = copy.width / copy.clientWidth;
        const cell = pix.cellUnder(cells, event.offsetX * scale, event.offsetY * scale);
        if (cell >= 0) this.set({ cell: cell === this.view.cell ? -1 : cell });
      });
      if (this.view.cell >= 0) canvases.outlined(copy, pix.cellAt(cells, this.view.cell));
    }
    return frame;
  }

  /** Two pictures in one place: one after the other, or what is between them. */
  async together(mode, said) {
    const [a, b] = this.pair().map((id) => this.slot.sources.find((s) => s.id === id));
    const found = await Promise.all([this.at(a), this.at(b)]);
    if (found.some((f) => !f.canvas)) return [made('p', 'sec small pad', 'One of the two has no picture here.')];
    const sizes = found.map(({ canvas }) => `${canvas.width}×${canvas.height}`);
    const whens = [a, b].map((s, i) => `${this.title(s)} (${pix.when(found[i].take, this.place, s.key === 'R')})`);
    if (mode === 'difference') {
      if (sizes[0] !== sizes[1]) return [made('p', 'sec small pad', `They have different sizes, ${sizes.join(' and ')}: nothing can be subtracted.`)];
      const apart = pix.difference(found[0].pixels.data, found[1].pixels.data, found[0].canvas.width, this.slot.cells);
      said.push(`${whens[0]} minus ${whens[1]}: mean ${fixed(100 * apart.mean, 2)} % of the range, largest ${fixed(100 * apart.most, 0)} %. Orange: more; blue: less; full colour at ± ${100 * canvases.FULL} %.`);
      const figure = made('figure', 'pic');
      figure.append(this.framed(canvases.painting(apart.signed, found[0].canvas), found[0].canvas, said[0]));
      return [figure];
    }
    if (this.view.sat) said.push(canvases.marksWords(this.slot.family));
    said.push(this.still.matches ? 'Motion is reduced: each press of f, or of the button, swaps them.' : 'f starts and stops.');
    const figure = made('figure', 'pic flick');
    const words = made('figcaption', 'small');
    const copies = found.map(({ canvas, pixels }, i) => this.framed(this.painted({ canvas, pixels }), canvas, whens[i]));
    this.faces = [a, b].map((s, i) => () => {
      words.replaceChildren(keyOf(s.key), ...this.heading(s), made('span', 'dim', pix.when(found[i].take, this.place, s.key === 'R')));
      copies.forEach((c, j) => (c.hidden = i !== j));
    });
    this.face = 0;
    this.faces[0]();
    figure.append(words, ...copies);
    return [figure];
  }

  swap() {
    this.face = 1 - (this.face ?? 0);
    this.faces?.[this.face]();
  }

  /** Start or stop flickering; where motion is reduced a start is one swap. */
  flick(on = !this.flicking) {
    clearInterval(this.flicking);
    this.flicking = 0;
    if (on && this.still.matches) this.swap();
    else if (on) this.flicking = setInterval(() => this.swap(), FLICK_MS);
    const button = $('pic-flick');
    button.setAttribute('aria-pressed', String(Boolean(this.flicking)));
    button.textContent = this.still.matches ? 'Swap' : this.flicking ? 'Stop' : 'Flicker';
  }

  wire() {
    this.root.addEventListener('click', (event) => {
      const mode = event.target.closest('[data-mode]');
      if (mode) this.set({ mode: mode.dataset.mode });
    });
    $('pic-slot').addEventListener('change', (event) => this.set({ slot: event.target.value, a: '', b: '', cell: -1 }));
    $('pic-at').addEventListener('input', (event) => this.set({ at: this.moments[Number(event.target.value)] }, false));
    $('pic-zoom').addEventListener('change', (event) => this.set({ zoom: Number(event.target.value) }));
    $('pic-sat').addEventListener('change', (event) => this.set({ sat: event.target.checked }));
    for (const name of ['a', 'b']) $(`pic-${name}`).addEventListener('change', (event) => this.set({ [name]: event.target.value }));
    $('pic-flick').addEventListener('click', () => this.flick());
    document.addEventListener('themechange', () => this.slots.length && this.show());
    document.addEventListener('nb:step', (event) => this.point(event.detail));
    addEventListener('popstate', () => {
      this.view = pix.viewOf(address.read('p.', location.search));
      if (this.slots.length) this.show();
    });
    const mine = (act) => () => (this.root.hidden ? false : void act());
    const alone = (act) => () => (this.root.hidden || document.getElementById('listen')?.hidden === false ? false : void act());
    const read = keys.reader({
      ',': mine(() => this.go(-1)),
      '.': mine(() => this.go(1)),
      j: alone(() => this.go(-1)),
      k: alone(() => this.go(1)),
      s: mine(() => this.set({ sat: !this.view.sat })),
      f: mine(() => (this.view.mode === 'flicker' ? this.flick() : this.set({ mode: 'flicker' }))),
    }, { on: () => keys.enabled() && !document.querySelector('dialog[open]') });
    document.addEventListener('keydown', read, true); // before the page's own: without sound, j and k are ours
  }
}

function start() {
  const root = $('pictures');
  if (!root) return;
  const pictures = new Pictures(root);
  const again = throttled(() => pictures.refresh(), PACE_MS);
  again();
  document.addEventListener('nashboard:change', ({ detail }) => detail.samples && again()); // of runs that still train
}

if (typeof document !== 'undefined') start();
