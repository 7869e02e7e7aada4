// The Listen section: slots, sources and epochs around one player, with their lanes; every view of it is an address.
import { api, notice, throttled } from './base.js';
import { control, keysOf, shown, toPoint } from './listenkeys.js';
import { gainsOf, factor } from './gains.js';
import { Lanes } from './lanes.js';
import * as views from './listenview.js';
import { Octaves } from './octaves.js';
import { Player } from './player.js';
import * as rail from './rail.js';
import { commonRate, fetched } from './sounds.js';
import { Spectra } from './spectra.js';
import { Transport } from './transport.js';
import * as words from './words.js';


export class Listen {
  /** `state` has `runs` (ids, in the order of their keys), `slot` and perhaps `names` {key: name}. */
  constructor(section, state, onChange = () => {}) {
    this.section = section;
    this.state = state;
    this.onChange = onChange;
    this.player = new Player();
    this.spectra = new Spectra();
    this.view = views.viewOf(location.search);
    this.view.slot ||= state.slot || '';
    this.slots = [];
    this.sources = [];
    this.buffers = new Map();
    this.addresses = new WeakMap(); // sound → what its pictures are kept by
    this.states = new Map();
    this.off = new Set();
    this.list = [];
    this.index = -1;
    this.$ = (selector) => section.querySelector(selector);
    this.lanes = new Lanes(this.$('#lane-list'), this.spectra);
    this.octaves = new Octaves(this.$('#octaves'), this.spectra);
    this.transport = new Transport(this);
    this.player.addEventListener('change', () => this.#heard());
    control(this);
    document.addEventListener('themechange', () => this.transport.strip());
    addEventListener('resize', throttled(() => this.#paint(), 150));
    this.kept = throttled(() => this.keep(), 150);
    addEventListener('popstate', () => this.#returned());
    document.addEventListener('nb:step', (event) => toPoint(this, event.detail));
  }

  /** Ask what there is to hear; what plays goes on. */
  async refresh() {
    let found;
    try {
      found = await api(`/api/listen?runs=${this.state.runs.join(',')}`);
    } catch (problem) {
      notice(`What can be heard could not be read. ${problem.message}`, 'warn');
      this.$('#listen-empty').textContent = problem.message;
      return;
    }
    const atEnd = this.index >= this.list.length - 1;
    const before = this.moment;
    this.slots = found.slots;
    for (const { key, name } of found.runs) (this.names ??= {})[key] = name;
    this.section.hidden = !this.slots.length && !('full' in this.section.dataset);
    this.$('#listen-empty').hidden = this.slots.length > 0;
    this.$('#listen-sheet').hidden = !this.slots.length;
    this.section.removeAttribute('aria-busy');
    if (!this.slots.length) return;
    const slot = this.$('#slot');
    const names = this.slots.map((s) => s.slot);
    if ([...slot.options].map((o) => o.value).join() !== names.join()) {
      slot.replaceChildren(...this.slots.map((s) => new Option(s.caption && s.caption !== s.slot ? `${s.slot}, ${s.caption}` : s.slot, s.slot)));
    }
    if (!names.includes(this.view.slot)) this.view.slot = names[0];
    slot.value = this.view.slot;
    this.#slot(before && !atEnd ? before.at : this.view.at);
  }

  get slot() {
    return this.slots.find((s) => s.slot === this.view.slot) ?? this.slots[0];
  }

  get moment() {
    return this.list[this.index];
  }

  source(id) {
    return this.sources.find((s) => s.id === id) ?? null;
  }

  /** Whose difference is drawn: the source that is heard, or the last one heard that is not the base. */
  get diffOf() {
    const [base, shown] = [this.base, this.shown()];
    const heard = [this.player.chosen, this.player.before].map((id) => shown.find((s) => s.id === id));
    return heard.find((s) => s && s !== base) ?? shown.find((s) => s !== base && !s.pin) ?? null;
  }

  get base() {
    return this.source(this.view.base) ?? this.source('R');
  }

  shown() {
    return this.sources.filter((s) => !this.off.has(s.key));
  }

  /** Another slot, at the same place in training. */
  goSlot(name) {
    const at = this.view.at;
    Object.assign(this.view, { slot: name, span: null, loop: null });
    this.state.slot = name;
    this.$('#slot').value = name;
    this.player.looping = false;
    this.player.loop = null;
    this.keep(true);
    return this.#slot(at);
  }

  #slot(at = null) {
    this.list = views.moments(this.slot.sources);
    this.index = views.indexOf(this.list, at);
    this.$('#listen-differ').hidden = this.slot.same;
    return this.load();
  }

  /** Go to the nth evaluated epoch: all runs, those set apart too. */
  go(index) {
    const to = Math.max(0, Math.min(this.list.length - 1, index));
    if (to === this.index && !Object.keys(this.view.own).length) return undefined;
    this.index = to;
    this.view.own = {};
    this.view.at = to === this.list.length - 1 ? null : this.moment.at;
    this.keep();
    return this.load();
  }

  async load() {
    const { moment, view } = this;
    if (!moment) return;
    const token = (this.token = {});
    this.sources = views.sourcesAt(this.slot.sources, moment, view);
    const rate = (this.rate = commonRate(this.sources.map((s) => s.take.facts?.rate_hz)));
    const buffers = new Map();
    this.states = new Map();
    const waiting = this.sources.map(async (source) => {
      const { id, take } = source;
      if (!take.url) {
        this.states.set(id, { text: 'has not come yet', level: 'info' });
        return;
      }
      this.states.set(id, { text: 'reading', busy: true });
      try {
        const sound = await fetched(take.url, rate);
        this.addresses.set(sound, `${take.url}|${rate}`);
        buffers.set(id, sound);
        if (this.token === token) this.states.delete(id);
      } catch (problem) {
        if (this.token === token) this.states.set(id, { text: `cannot be heard: ${problem.message}`, level: 'warn' });
      }
    });
    this.#epoch();
    const slow = setTimeout(() => {
      if (this.token !== token) return;
      this.buffers = new Map(buffers); // not the sounds of the moment before
      this.#show();
    }, 120);
    await Promise.all(waiting);
    clearTimeout(slow);
    if (this.token !== token) return; // another epoch was chosen meanwhile
    this.buffers = new Map(this.sources.map((s) => [s.id, buffers.get(s.id)]).filter(([, b]) => b));
    this.#levels();
    this.player.load(Object.fromEntries(this.buffers), this.factors);
    if (view.hear && this.player.tracks.has(view.hear) && !this.restored) this.player.choose(view.hear);
    if (view.loop && !this.restored && view.loop[1] <= this.player.length + 0.01) this.player.repeat(true, view.loop);
    if (view.span && view.span[1] > this.player.length + 0.01) view.span = null;
    this.restored = true;
    this.#show();
    this.#ahead();
    this.onChange({ slot: view.slot });
  }

  /** Read the neighbours of this epoch as well, so that j and k answer at once. */
  #ahead() {
    for (const near of [this.list[this.index - 1], this.list[this.index + 1]]) {
      for (const take of Object.values(near?.takes ?? {})) if (take.url) fetched(take.url, this.rate).catch(() => {});
    }
  }

  #levels() {
    const shown = this.sources.map((s) => ({ id: s.id, facts: s.take.facts }));
    this.gains = gainsOf(shown, this.view.level, this.view.gain);
    this.factors = Object.fromEntries(Object.entries(this.gains.gains).map(([id, db]) => [id, factor(db)]));
  }

  /** The epoch's slider and its words. */
  #epoch() {
    const { moment } = this;
    const range = this.$('#moment');
    range.max = Math.max(0, this.list.length - 1);
    range.value = this.index;
    const counted = Object.values(moment.takes).some((t) => t.epoch !== null && t.epoch !== undefined);
    const at = counted ? views.place(moment.at) : words.count(moment.at);
    this.$('#moment-value').textContent = Object.keys(this.view.own).length ? 'mixed' : at;
    this.$('.eps .sec').textContent = counted ? 'epoch, all runs' : 'step, all runs';
    range.setAttribute('aria-label', counted ? 'Epoch of all runs' : 'Step of all runs');
    range.setAttribute('aria-valuetext', `${counted ? 'epoch' : 'step'} ${at}`);
  }

  name = (source) => {
    const run = this.state.names?.[source.key] ?? this.names?.[source.key] ?? `Run ${source.key}`;
    if (source.key === 'R') return 'Reference';
    return source.pin ? `${run} at ${views.whenOf(source.take).split(',')[0]}` : run;
  };

  #show() {
    if (!this.sources.length) return;
    shown(this);
    this.#rail();
    this.transport.show(); // after the buttons are there: it says which of them is heard
    this.#paint();
  }

  #rail() {
    const list = this.$('#rail-list');
    const shown = this.shown();
    const buttons = this.$('#sources');
    if (list.dataset.of !== shown.map((s) => s.id + s.mark).join()) {
      list.dataset.of = shown.map((s) => s.id + s.mark).join();
      list.replaceChildren(...shown.map(rail.row));
      buttons.replaceChildren(
        ...shown.map((s) => {
          const button = Object.assign(document.createElement('button'), { type: 'button', textContent: s.mark, title: this.name(s) });
          button.dataset.source = s.id;
          if (s.key !== 'R') button.dataset.k = views.tint(s.key);
          button.setAttribute('aria-label', `Hear ${this.name(s)}`);
          return button;
        }),
      );
      const base = this.$('#base');
      base.replaceChildren(...shown.map((s) => new Option(s.key === 'R' ? 'R, the reference' : `${s.mark}, ${this.name(s)}`, s.id)));
    }
    if (this.base) this.$('#base').value = this.base.id;
    this.#fill();
    this.octaves.show({ sources: shown, base: this.base, buffers: this.buffers, rate: this.rate, channel: this.view.ch, keys: this.#keys(), name: this.name });
  }

  #fill() {
    const matched = this.view.level === 'matched';
    for (const [index, source] of this.shown().entries()) {
      const box = this.$(`[data-row="${CSS.escape(source.id)}"]`);
      const about = { name: this.name, gain: this.gains?.gains[source.id] ?? 0, rate: this.rate, chosen: this.player.chosen, caption: this.slot.caption, matched, states: this.states, index };
      if (box) rail.fill(box, source, about);
    }
    const mark = (id) => this.source(id)?.mark ?? id;
    this.$('#levelling').textContent = this.gains ? rail.levelling(this.gains, this.view.level, this.view.gain, mark) : '';
  }

  #keys() {
    return new Map([...this.buffers].map(([id, sound]) => [id, this.addresses.get(sound)])); // while others are read, these are the last moment's
  }

  #paint() {
    if (!this.sources.length || this.section.hidden) return;
    const { view, player, buffers, rate, states, name } = this;
    const shown = this.shown();
    const chosen = shown.find((s) => s.id === player.chosen) ?? shown[0];
    this.lanes.show({ sources: shown, chosen, diffOf: this.diffOf, base: this.base, show: view.show, view, length: player.length, buffers, keys: this.#keys(), rate, size: views.windowAt(rate), states, name });
    this.transport.axis();
    this.transport.strip();
  }

  /** Play what a run made at a step in a slot, or the reference ("R") there; pause it when it plays already. */
  async hear(slot, step, source) {
    if (this.playing(slot, step, source) && !this.player.paused) {
      this.player.pause();
      return;
    }
    this.view.slot = slot;
    this.$('#slot').value = slot;
    this.view.own = {};
    this.list = views.moments(this.slot.sources);
    const at = this.list.findIndex((m) => m.takes[source]?.step === step);
    this.index = at < 0 ? this.list.length - 1 : at;
    this.view.at = this.index === this.list.length - 1 ? null : this.moment.at;
    this.keep();
    await this.load();
    this.player.choose(source);
    if (this.player.paused) {
      this.player.seek(0);
      await this.toggle();
    }
  }

  /** Whether that sound is the one chosen now. */
  playing(slot, step, source) {
    const take = this.source(source)?.take;
    return this.player.chosen === source && this.slot?.slot === slot && (source === 'R' || take?.step === step);
  }

  /** Hide what the legend hides. */
  hide(off) {
    this.off = off;
    this.#show();
  }

  async toggle() {
    try {
      await this.player.toggle();
    } catch {
      notice('The browser does not let this page play sound yet. Press play once more.', 'warn');
    }
  }

  /** Set the loop's end nearest to what the key says: "[" its start, "]" its end, at this instant. */
  mark(which) {
    const at = this.player.heardTime;
    const [from, to] = this.player.loop ?? [0, this.player.length];
    const next = which === '[' ? [at, to > at ? to : this.player.length] : [from < at ? from : 0, at];
    if (next[1] - next[0] > 0.02) this.repeat(true, next);
  }

  /** Loop a stretch, the whole clip (null), or nothing. */
  repeat(on, stretch = this.player.loop) {
    this.player.repeat(on, stretch);
    this.view.loop = this.player.looping ? this.player.loop : null;
    this.keep();
  }

  /** Show [from, to] s, or all for null; `dragged`: told many times a second, more often than a browser takes addresses. */
  zoom(span, dragged = false) {
    this.view.span = span;
    if (dragged) this.kept();
    else this.keep();
    this.#paint();
    this.transport.show();
  }

  /** Change part of the view; what was chosen is a step back in the browser. */
  set(part, push = true) {
    Object.assign(this.view, part);
    this.keep(push);
    this.#sync();
  }

  /** The player has changed: another source is heard, or it has begun, stopped or moved. */
  #heard() {
    this.transport.show();
    if (!this.sources.length || this.showing === this.player.chosen) return;
    this.showing = this.player.chosen;
    this.#fill();
    this.#paint();
    if (this.restored) this.keep();
  }

  #sync() {
    if (!this.slots.length) return;
    this.player.route(this.view.ch);
    this.#levels();
    this.player.level(this.factors);
    this.#show();
  }

  /** Put the view into the address: a new step back for what was chosen, none for what is dragged. */
  keep(push = false) {
    this.view.hear = this.player.chosen ?? '';
    const address = `${location.pathname}${views.searchOf(location.search, this.view)}${location.hash}`;
    if (address === location.pathname + location.search + location.hash) return;
    history[push ? 'pushState' : 'replaceState'](history.state, '', address);
  }

  /** Back or forward in the browser. */
  #returned() {
    if (!this.slots.length) return;
    const view = views.viewOf(location.search);
    if (!this.slots.some((s) => s.slot === view.slot)) view.slot = this.slots[0].slot;
    this.view = view;
    this.$('#slot').value = view.slot;
    this.restored = false;
    this.#slot(view.at).then(() => this.#sync());
  }

  /** The page's keys for listening. */
  keys() {
    return keysOf(this);
  }
}
