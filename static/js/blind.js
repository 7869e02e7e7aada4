// The listener's page of a blind test: one trial at a time, its sounds on one clock, an answer, and the end.
import { api, glyph } from './base.js';
import * as keys from './keys.js';
import { Player } from './player.js';
import { fetched } from './sounds.js';

const RATE = 48000; // all sounds of a trial are decoded at one rate, whatever theirs is: a rate would tell too
const CHOICES = {
  abx: [['A', 'X is A'], ['B', 'X is B']],
  preference: [['A', 'I prefer A'], ['B', 'I prefer B'], ['same', 'No difference']],
};

/** What may be answered: [[value, words]], in the order of the keys 1, 2, 3; none for ratings. */
export const choicesOf = (kind) => CHOICES[kind] ?? [];

/** The labels that are rated: all but the open reference. */
export const rated = (sounds) => sounds.map((s) => s.label).filter((label) => label !== 'R');

/** The answer as it is sent, or null while it is not complete. */
export function answerOf(kind, trial, { choice = null, ratings = {} } = {}) {
  if (kind !== 'mushra') return choicesOf(kind).some(([value]) => value === choice) ? { trial: trial.trial, choice } : null;
  const labels = rated(trial.sounds);
  if (!labels.every((label) => Number.isFinite(ratings[label]) && ratings[label] >= 0 && ratings[label] <= 100)) return null;
  return { trial: trial.trial, ratings: Object.fromEntries(labels.map((label) => [label, ratings[label]])) };
}

/** "trial 3 of 16". */
export const progress = (answered, trials) => (answered >= trials ? `${trials} of ${trials} answered` : `trial ${answered + 1} of ${trials}`);

/** What the button of a sound says of itself. */
export const spoken = (label) => (label === 'R' ? 'Reference' : label);

/** The end of a trial in a line: what A, B and X were, or what was rated how. */
export function told(trial, names) {
  const is = (label) => names[trial.hidden[label]] ?? trial.hidden[label];
  if (trial.ratings) return Object.entries(trial.ratings).sort((a, b) => b[1] - a[1]).map(([label, value]) => `${is(label)} ${value}`).join(', ');
  if (trial.hidden.X) {
    const x = trial.hidden.A === trial.hidden.X ? 'A' : 'B';
    return `X was ${x}, ${is('X')}: ${trial.choice === x ? 'right' : 'wrong'}`;
  }
  return trial.choice === 'same' ? 'no difference' : is(trial.choice);
}

export class Hearing {
  constructor(section) {
    this.section = section;
    this.at = section.dataset.api;
    this.kind = section.dataset.kind;
    this.player = new Player();
    this.player.looping = true;
    this.$ = (id) => section.querySelector(`#${id}`);
    this.player.addEventListener('change', () => this.#heard());
    this.$('intro').addEventListener('submit', (event) => this.#begin(event));
    this.$('trial').addEventListener('submit', (event) => {
      event.preventDefault();
      this.answer();
    });
    this.$('play').addEventListener('click', () => this.player.toggle());
    this.$('loop').addEventListener('click', () => this.repeat());
    this.$('seek').addEventListener('input', () => this.player.seek(Number(this.$('seek').value)));
    this.$('hear-again').addEventListener('click', () => this.open());
    this.$('sounds').addEventListener('click', (event) => {
      const button = event.target.closest('[data-sound]');
      if (button) this.player.choose(button.dataset.sound);
    });
    this.$('sounds').addEventListener('input', (event) => {
      const { label } = event.target.dataset;
      if (label) this.rate(label, Number(event.target.value));
    });
    this.$('choice').addEventListener('change', (event) => this.choose(event.target.value));
    const tick = () => {
      this.#clock();
      requestAnimationFrame(tick);
    };
    tick();
  }

  /** Read where this listener stands, and show it. */
  async open() {
    await this.#try(async () => this.show(await api(this.at)));
  }

  /** Errors stand on the page, with a way to try again. */
  async #try(act) {
    const box = this.$('hear-error');
    try {
      await act();
      box.hidden = true;
    } catch (problem) {
      box.querySelector('span').textContent = problem.message;
      box.hidden = false;
    }
    this.section.removeAttribute('aria-busy');
  }

  #begin(event) {
    event.preventDefault();
    const name = this.$('intro').elements.name?.value ?? '';
    return this.#try(async () => this.show(await api(`${this.at}/begin`, { method: 'POST', body: { name } })));
  }

  async show(state) {
    this.state = state;
    this.$('progress').textContent = state.begun ? progress(state.answered, state.trials) : '';
    this.$('progress-bar').setAttribute('width', String((100 * state.answered) / state.trials));
    const over = state.finished || (state.closed && state.begun);
    this.$('intro').hidden = state.begun || state.closed;
    this.$('trial').hidden = this.$('hear-keys').hidden = !state.begun || over || state.closed;
    this.$('end').hidden = !over && !state.closed;
    if (state.finished) return this.end();
    if (state.closed) {
      this.player.pause();
      this.$('end-words').textContent = 'This test is closed: no more answers are taken.';
      return undefined;
    }
    return state.begun ? this.#trial(await api(`${this.at}/trial`)) : undefined;
  }

  async #trial(trial) {
    this.trial = trial;
    this.choice = null;
    this.ratings = {};
    this.$('question').textContent = trial.question;
    this.$('answer').disabled = true;
    this.#draw();
    this.section.setAttribute('aria-busy', 'true');
    const sounds = await Promise.all(trial.sounds.map((s) => fetched(s.url, RATE)));
    if (this.trial !== trial) return;
    this.player.pause();
    this.player.offset = 0;
    this.player.load(Object.fromEntries(trial.sounds.map((s, i) => [s.label, sounds[i]])));
    this.player.before = null;
    this.player.choose(trial.sounds[0].label);
    this.$('seek').max = String(this.player.length);
    this.$('length').textContent = this.player.length.toFixed(1);
    this.section.removeAttribute('aria-busy');
    this.section.dataset.ready = trial.number;
  }

  #draw() {
    const { kind, trial } = this;
    const made = (tag, props, ...inner) => {
      const element = Object.assign(document.createElement(tag), props);
      element.append(...inner);
      return element;
    };
    this.$('sounds').replaceChildren(...trial.sounds.map(({ label }) => {
      const button = made('button', { type: 'button', className: 'blind-sound', textContent: spoken(label) });
      button.dataset.sound = label;
      button.setAttribute('aria-pressed', 'false');
      if (kind !== 'mushra' || label === 'R') return button;
      const slider = made('input', { type: 'range', min: 0, max: 100, step: 1, value: 50 });
      slider.dataset.label = label;
      slider.setAttribute('aria-label', `Rating of sound ${label}`);
      return made('div', { className: 'blind-rate' }, button, slider, made('output', { className: 'num', textContent: '–' }));
    }));
    this.$('choice').hidden = kind === 'mushra';
    this.$('choice').querySelectorAll('label').forEach((label) => label.remove());
    this.$('choice').append(...choicesOf(kind).map(([value, words], i) =>
      made('label', {}, made('input', { type: 'radio', name: 'choice', value, className: 'chk' }), ` ${words} `, made('kbd', { textContent: String(i + 1), className: 'only-wide' }))));
  }

  choose(value) {
    this.choice = value;
    for (const radio of this.$('choice').querySelectorAll('input')) radio.checked = radio.value === value;
    this.$('answer').disabled = !this.given();
  }

  rate(label, value) {
    this.ratings[label] = value;
    const slider = this.section.querySelector(`[data-label="${label}"]`);
    slider.value = value;
    slider.nextElementSibling.textContent = String(value);
    if (this.player.chosen !== label) this.player.choose(label);
    this.$('answer').disabled = !this.given();
  }

  given() {
    return this.trial && answerOf(this.kind, this.trial, this);
  }

  /** Send the answer, once; false where it is not complete. */
  answer() {
    const given = this.given();
    if (!given || this.sending || this.$('trial').hidden) return false;
    this.sending = true;
    this.$('answer').disabled = true;
    this.#try(async () => {
      try {
        const state = await api(`${this.at}/answers`, { method: 'POST', body: given });
        await this.show(state);
      } catch (problem) {
        this.$('answer').disabled = !this.given();
        throw problem;
      }
    }).finally(() => {
      this.sending = false;
    });
    return true;
  }

  repeat() {
    this.player.repeat(!this.player.looping);
    this.$('loop').setAttribute('aria-pressed', String(this.player.looping));
  }

  async end() {
    this.player.pause();
    const found = await api(`${this.at}/result`);
    this.$('end-words').textContent = found.closed ? found.words : `${found.words} The names come when the test is closed; this page has them then.`;
    const names = Object.fromEntries(found.sources.map((s) => [s.key, s.step === null ? s.name : `${s.name}, step ${s.step}`]));
    this.$('end-names').replaceChildren(...found.sources.map((s) => Object.assign(document.createElement('li'), { textContent: names[s.key] })));
    const list = document.createElement('ol');
    list.append(...found.trials.map((t) => Object.assign(document.createElement('li'), { textContent: `${t.slot}: ${told(t, names)}` })));
    this.$('end-trials').replaceChildren(list);
    this.$('end').hidden = false;
  }

  #heard() {
    for (const button of this.section.querySelectorAll('[data-sound]')) button.setAttribute('aria-pressed', String(button.dataset.sound === this.player.chosen));
    const play = this.$('play');
    play.setAttribute('aria-label', this.player.paused ? 'Play' : 'Pause');
    play.replaceChildren(glyph(this.player.paused ? 'play' : 'pause'));
  }

  #clock() {
    const now = this.player.heardTime;
    const text = now.toFixed(1);
    if (this.$('clock').textContent === text) return;
    this.$('clock').textContent = text;
    if (document.activeElement !== this.$('seek') || !this.player.paused) this.$('seek').value = String(now);
  }

  /** The keys, for `keys.listen`. */
  keys() {
    const hear = (label) => () => (this.player.tracks.has(label) ? void this.player.choose(label) : false);
    const nth = (n) => () => {
      if (this.kind !== 'mushra') {
        const choice = choicesOf(this.kind)[n - 1];
        return choice && this.trial ? void this.choose(choice[0]) : false;
      }
      const slider = this.section.querySelector(`[data-label="${n}"]`);
      if (!slider) return false;
      slider.focus();
      return void this.player.choose(String(n));
    };
    return {
      ...Object.fromEntries([...'abxr'].map((k) => [k, hear(k.toUpperCase())])),
      ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [n, nth(n)])),
      ' ': () => (this.trial && !this.$('trial').hidden ? void this.player.toggle() : false),
      l: () => this.repeat(),
      Enter: (event) => (event.target?.closest?.('a, button:not([data-sound])') ? false : this.answer()),
    };
  }
}

function start() {
  const hearing = new Hearing(document.getElementById('hear'));
  globalThis.nashboard = { hearing, player: hearing.player };
  keys.listen(hearing.keys());
  hearing.open();
}

if (typeof document !== 'undefined' && document.getElementById('hear')) start();
