// Tables that runs told, as scatters: a section a table, a chart a run, and a step of its own in the address.
import * as address from './address.js';
import { api } from './base.js';
import { Rack, placeOf } from './told.js';
import { count } from './words.js';

const DRAG_MS = 120;
const made = (tag, look = '', text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });

/** The step that the address asks for of a table; null for the last one. */
export function asked(name, search) {
  const text = address.read('s.', search)[name]?.trim();
  return text && Number.isFinite(Number(text)) ? Number(text) : null;
}

/** The legend beneath a scatter: "● predicted   ○ given". */
export function legend(kinds) {
  return kinds.map((k) => `${k.symbol === 'circle' ? '●' : '○'} ${k.name}`).join('   ');
}

/** All scatters of a page. */
export class Scatters {
  constructor(root, runs, drawn) {
    Object.assign(this, { root, runs, drawn });
    this.known = new Map();
  }

  /** What there is now, as {name, title, steps}; only what has changed is asked for. */
  async take(list) {
    this.root.hidden = !list.length;
    for (const one of list) {
      if (!this.known.has(one.name)) this.known.set(one.name, new Scatter(one, this));
      await this.known.get(one.name).take(one);
    }
  }

  /** Back or forward. */
  restore() {
    for (const one of this.known.values()) one.draw();
  }
}

class Scatter {
  constructor({ name, title }, { root, runs, drawn }) {
    Object.assign(this, { name, runs, steps: [] });
    const head = made('div', 'sect-head');
    head.append(made('h2', '', title), made('span', 'note', 'on the diagonal both agree'));
    this.value = made('output', 'num');
    this.slider = Object.assign(made('input', 'epr'), { type: 'range', min: 0 });
    this.slider.setAttribute('aria-label', `Step of ${title}`);
    const label = made('label', 'eps');
    label.append(made('span', 'small sec nowrap', 'step, all runs'), this.slider, this.value);
    const bar = made('div', 'pic-bar');
    bar.append(label);
    const box = made('div', 'rack c3 told-rack');
    this.rack = new Rack(box, drawn);
    const sheet = made('div', 'sheet');
    sheet.append(bar, box);
    root.append(head, sheet);
    let timer = 0;
    this.slider.addEventListener('input', () => {
      const at = this.steps[Number(this.slider.value)];
      const last = at === this.steps.at(-1);
      this.paint(at);
      clearTimeout(timer);
      timer = setTimeout(() => {
        address.go('s.', { ...address.read('s.', location.search), [this.name]: last ? '' : at }, false);
        this.draw();
      }, DRAG_MS);
    });
  }

  async take({ steps, keys }) {
    const now = JSON.stringify([steps, keys]);
    if (now === this.seen) return;
    this.seen = now;
    this.steps = steps;
    await this.draw();
  }

  paint(at) {
    this.slider.max = this.steps.length - 1;
    this.slider.value = placeOf(this.steps, at);
    this.slider.disabled = this.steps.length < 2;
    this.value.textContent = count(this.steps[Number(this.slider.value)]);
    this.slider.setAttribute('aria-valuetext', `step ${this.value.textContent}`);
  }

  /** Draw the step that the address asks for, or the last of each run. */
  async draw() {
    const at = asked(this.name, location.search);
    this.paint(at);
    const words = new URLSearchParams({ runs: this.runs, name: this.name, ...(at === null ? {} : { at: this.steps[placeOf(this.steps, at)] }) });
    try {
      const found = await api(`/api/told/scatter?${words}`);
      if (asked(this.name, location.search) !== at) return;
      this.rack.show(found.charts.map((c) => ({ ...c, id: c.key, title: `step ${count(c.step)}`, under: legend(c.figure.layout.meta.kinds) })), found.template);
    } catch (problem) {
      this.rack.say(problem.message);
    }
  }
}
