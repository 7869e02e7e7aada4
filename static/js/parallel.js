// Knobs against scores: parallel coordinates whose axes are brushed with mouse or keys, and a scatter of two of them.
import { api } from './base.js';
import { number } from './words.js';

const SPACE = 'http://www.w3.org/2000/svg';
const WIDE = 132; // px between two axes at least
const WIDEST = 280;
const TOP = 34;
const TALL = 168;
const STEPS = 20; // a key moves an end of a brush by a twentieth of its axis

/** Where a value lies on an axis, 0 to 1; NaN for none, or for one that cannot be on a log axis. */
export function share(axis, value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NaN;
  const scale = axis.log ? Math.log : (v) => v;
  const [low, high] = axis.reach.map(scale);
  return high > low ? (scale(value) - low) / (high - low) : 0.5;
}

/** The value at a share of an axis. */
export function valueAt(axis, at) {
  const inside = Math.min(1, Math.max(0, at));
  const [low, high] = axis.log ? axis.reach.map(Math.log) : axis.reach;
  const value = low + inside * (high - low);
  return axis.log ? Math.exp(value) : value;
}

/** The axes with the reach of their values; those without two runs that differ are left out. */
export function reaching(axes, runs) {
  return axes
    .map((axis, place) => {
      const known = runs.map((r) => r.values[place]).filter((v) => v !== null && Number.isFinite(v));
      const reach = axis.values ? [0, axis.values.length - 1] : [Math.min(...known), Math.max(...known)];
      return { ...axis, place, reach, known: known.length };
    })
    .filter((axis) => axis.known && (axis.kind === 'score' || axis.reach[1] > axis.reach[0]));
}

/** Keys of the runs that a brush leaves out: outside its stretch, or without a value there. */
export function outside(brush, axes, runs) {
  const found = new Set();
  for (const [name, [low, high]] of brush) {
    const axis = axes.find((a) => a.name === name);
    if (!axis) continue;
    for (const run of runs) {
      const value = run.values[axis.place];
      const slack = 1e-9 * Math.max(1, Math.abs(value ?? 0));
      if (value === null || !(value >= low - slack && value <= high + slack)) found.add(run.key);
    }
  }
  return found;
}

/** A value of an axis in words: a knob as one would type it (1e-4, 3), a score as tables have it. */
export function told(axis, value) {
  if (axis.values) return axis.values[Math.round(value)] ?? 'none';
  if (axis.kind !== 'knob' || !Number.isFinite(value)) return number(value, 3);
  const short = Number(value.toPrecision(4));
  const small = short !== 0 && (Math.abs(short) < 1e-3 || Math.abs(short) >= 1e6);
  return (small ? short.toExponential().replace('e+', 'e') : String(short)).replaceAll('-', (sign, at) => (at ? sign : '−'));
}

/** Pixels between two of `count` axes in so much room. */
export function apart(count, room) {
  return Math.max(WIDE, Math.min(WIDEST, Math.floor(room / Math.max(1, count))));
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export class Knobs {
  /** `view` holds the state that the address keeps: brush, sx, sy, and what is hidden. */
  constructor(view) {
    this.view = view;
    this.box = document.getElementById('parallel');
    this.axes = [];
    this.runs = [];
    document.getElementById('unbrush').addEventListener('click', () => this.brushed(new Map()));
    document.getElementById('scatter-form').addEventListener('change', (event) => {
      view.state[event.target.dataset.scatter] = event.target.value;
      view.changed();
      this.scatter();
    });
    document.getElementById('scatter-form').addEventListener('submit', (event) => event.preventDefault());
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((e) => e.isIntersecting)) return;
      seen.disconnect();
      this.load();
    }, { rootMargin: '600px' });
    const section = document.getElementById('knobs');
    section.hidden = false;
    if (view.state.brush.size) this.load();
    else seen.observe(section);
  }

  async load() {
    try {
      const found = await api(`/api/knobs?runs=${this.view.state.runs.join(',')}`);
      this.runs = found.runs;
      this.axes = reaching(found.axes, found.runs);
    } catch (problem) {
      document.getElementById('knobs-note').textContent = `Knobs could not be read. ${problem.message}`;
      return;
    }
    document.getElementById('knobs').hidden = !this.axes.some((a) => a.kind === 'knob');
    if (document.getElementById('knobs').hidden) return;
    this.#choices();
    this.restore();
  }

  /** Take over what the address says. */
  restore() {
    if (!this.axes.length) return;
    this.#filter();
    this.draw();
    this.scatter();
    this.view.hiding();
  }

  #choices() {
    const { state } = this.view;
    const fill = (id, kinds, chosen) => {
      const list = this.axes.filter((a) => kinds.includes(a.kind));
      const select = document.getElementById(id);
      select.replaceChildren(...list.map((a) => new Option(a.title, a.name)));
      return list.some((a) => a.name === chosen) ? chosen : (list[0]?.name ?? '');
    };
    this.x = fill('scatter-x', ['knob', 'score'], state.sx);
    this.y = fill('scatter-y', ['score', 'knob'], state.sy || this.axes.find((a) => a.kind === 'score')?.name);
  }

  #filter() {
    const { state } = this.view;
    state.filtered = outside(state.brush, this.axes, this.runs);
    const left = this.runs.length - state.filtered.size;
    document.getElementById('knobs-note').textContent = state.brush.size ? `${left} of ${this.runs.length} runs lie in what is brushed; the others are hidden everywhere` : 'drag along an axis, or use its keys, to keep the runs in a stretch';
    document.getElementById('unbrush').hidden = !state.brush.size;
  }

  /** Other brushes: into the address, onto the charts. */
  brushed(brush) {
    const { state } = this.view;
    state.brush = brush;
    this.#filter();
    this.view.changed();
    this.draw();
    this.scatter();
    this.view.hiding();
  }

  draw() {
    const held = document.activeElement?.dataset?.axis;
    const { state } = this.view;
    const each = apart(this.axes.length, this.box.clientWidth);
    const wide = each * this.axes.length;
    this.each = each;
    const up = (axis, value) => TOP + TALL * (1 - share(axis, value));
    const right = (n) => each * (n + 0.5);
    const lines = this.runs.map((run) => {
      const parts = [];
      let open = false;
      this.axes.forEach((axis, n) => {
        const y = up(axis, run.values[axis.place]);
        if (Number.isNaN(y)) open = false;
        else {
          parts.push(`${open ? 'L' : 'M'}${right(n).toFixed(1)} ${y.toFixed(1)}`);
          open = true;
        }
      });
      const line = svg('path', { d: parts.join('') || 'M0 0', class: state.filtered.has(run.key) ? 'pline out' : 'pline', 'data-k': run.key });
      line.append(svg('title', {}, `${run.key} ${run.name}: ${this.axes.map((a) => `${a.title} ${run.values[a.place] === null ? 'none' : told(a, run.values[a.place])}`).join(', ')}`));
      return line;
    });
    const axes = this.axes.map((axis, n) => this.#axis(axis, right(n), up));
    const about = `${this.runs.length} runs over ${this.axes.length} axes: ${this.axes.map((a) => a.title).join(', ')}`;
    const drawing = svg('svg', { width: wide, height: TOP + TALL + 26, viewBox: `0 0 ${wide} ${TOP + TALL + 26}`, class: 'parallel', role: 'group', 'aria-label': about }, ...lines.filter((l) => l.classList.contains('out')), ...lines.filter((l) => !l.classList.contains('out')), ...axes);
    this.box.replaceChildren(drawing);
    if (held) drawing.querySelector(`[data-axis="${CSS.escape(held)}"]`)?.focus();
  }

  #axis(axis, x, up) {
    const brush = this.view.state.brush.get(axis.name);
    const [low, high] = brush ?? axis.reach;
    const words = `${told(axis, low)} to ${told(axis, high)}`;
    const group = svg('g', { tabindex: 0, role: 'slider', 'aria-orientation': 'vertical', class: brush ? 'axis brushed' : 'axis', 'data-axis': axis.name, 'aria-label': `${axis.title}, stretch that is kept. Arrows move its upper end, with Shift its lower end, Delete frees it.`, 'aria-valuemin': axis.reach[0], 'aria-valuemax': axis.reach[1], 'aria-valuenow': high, 'aria-valuetext': brush ? words : 'all' });
    const name = axis.title.length > 18 ? `${axis.title.slice(0, 17)}…` : axis.title;
    const better = { up: ' ↑', down: ' ↓' }[axis.better] ?? '';
    group.append(
      svg('title', {}, axis.title),
      svg('rect', { x: x - 14, y: TOP - 6, width: 28, height: TALL + 12, class: 'hit' }),
      svg('text', { x, y: 14, class: 'name' }, name + better),
      svg('path', { d: `M${x} ${TOP}v${TALL}`, class: 'rule' }),
    );
    const ticks = axis.values ? axis.values.map((_, n) => n) : [axis.reach[0], axis.reach[1]];
    for (const value of ticks.slice(0, 12)) {
      const away = value === ticks[0] ? 13 : value === ticks.at(-1) ? -6 : 3; // the lines meet the axis at its ends: words stand beyond them
      group.append(svg('text', { x: x + 6, y: up(axis, value) + away, class: 'tick' }, told(axis, value).slice(0, 14)));
    }
    if (brush) {
      const [top, foot] = [up(axis, high), up(axis, low)];
      group.append(svg('rect', { x: x - 5, y: top - 2, width: 10, height: Math.max(4, foot - top + 4), class: 'brush' }));
    }
    group.addEventListener('keydown', (event) => this.#key(event, axis));
    group.addEventListener('pointerdown', (event) => this.#drag(event, axis));
    return group;
  }

  #set(axis, ends) {
    const brush = new Map(this.view.state.brush);
    if (ends) brush.set(axis.name, ends.map((v) => Number(v.toPrecision(6))).sort((a, b) => a - b));
    else brush.delete(axis.name);
    this.brushed(brush);
  }

  #key(event, axis) {
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (['Delete', 'Backspace'].includes(event.key)) this.#set(axis, null);
    else if (step) {
      const ends = [...(this.view.state.brush.get(axis.name) ?? axis.reach)];
      const which = event.shiftKey ? 0 : 1;
      const by = axis.values ? 1 / Math.max(1, axis.values.length - 1) : 1 / STEPS;
      const at = share(axis, ends[which]) + step * by;
      const limit = share(axis, ends[1 - which]);
      ends[which] = valueAt(axis, which ? Math.max(limit, at) : Math.min(limit, at));
      this.#set(axis, ends);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #drag(event, axis) {
    const drawing = this.box.firstElementChild;
    const at = (e) => 1 - (e.clientY - drawing.getBoundingClientRect().top - TOP) / TALL;
    const from = at(event);
    const move = (e) => {
      const ghost = drawing.querySelector('.ghost') ?? drawing.appendChild(svg('rect', { class: 'brush ghost', width: 10 }));
      const [low, high] = [Math.min(from, at(e)), Math.max(from, at(e))].map((v) => Math.min(1, Math.max(0, v)));
      const x = this.each * (this.axes.indexOf(axis) + 0.5) - 5;
      for (const [name, value] of Object.entries({ x, y: TOP + TALL * (1 - high), height: TALL * (high - low) })) ghost.setAttribute(name, value);
    };
    const end = (e) => {
      removeEventListener('pointermove', move);
      removeEventListener('pointercancel', stop);
      const to = at(e);
      if (Math.abs(to - from) < 0.02) this.#set(axis, null);
      else this.#set(axis, [valueAt(axis, Math.min(from, to)), valueAt(axis, Math.max(from, to))]);
      this.box.querySelector(`[data-axis="${CSS.escape(axis.name)}"]`)?.focus();
    };
    const stop = () => {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', end);
      drawing.querySelector('.ghost')?.remove();
    };
    event.preventDefault();
    addEventListener('pointermove', move);
    addEventListener('pointerup', end, { once: true });
    addEventListener('pointercancel', stop, { once: true });
  }

  /** One mark a run: its knob to the right, its score upwards. */
  scatter() {
    const { state } = this.view;
    const of = (name, other) => this.axes.find((a) => a.name === (name || other));
    const [x, y] = [of(state.sx, this.x), of(state.sy, this.y)];
    const box = document.getElementById('scatter');
    if (!x || !y) return;
    document.getElementById('scatter-x').value = x.name;
    document.getElementById('scatter-y').value = y.name;
    const [wide, tall, left, foot] = [560, 220, 58, 30];
    const place = (run) => {
      const [a, b] = [share(x, run.values[x.place]), share(y, run.values[y.place])];
      return Number.isNaN(a) || Number.isNaN(b) ? null : [left + 12 + a * (wide - left - 36), 14 + (1 - b) * (tall - foot - 28)];
    };
    const drawn = this.runs.filter((run) => place(run) && !state.filtered.has(run.key) && !state.off.has(run.key));
    const marks = drawn.map((run) => {
      const [cx, cy] = place(run);
      const mark = svg('g', { class: 'dot', 'data-k': run.key, transform: `translate(${cx.toFixed(1)} ${cy.toFixed(1)})` }, svg('title', {}, `${run.key} ${run.name}: ${x.title} ${told(x, run.values[x.place])}, ${y.title} ${told(y, run.values[y.place])}`), svg('circle', { r: 8 }), svg('text', { y: 3.5 }, run.key));
      return mark;
    });
    const word = (at, v, axis, anchor, extra = {}) => svg('text', { x: at[0], y: at[1], class: 'tick', 'text-anchor': anchor, ...extra }, told(axis, v).slice(0, 14));
    const missing = this.runs.length - drawn.length;
    const frame = [
      svg('path', { d: `M${left} 4V${tall - foot}H${wide - 4}`, class: 'rule' }),
      word([left + 12, tall - foot + 14], x.reach[0], x, 'middle'), word([wide - 24, tall - foot + 14], x.reach[1], x, 'middle'),
      word([left - 6, 18], y.reach[1], y, 'end'), word([left - 6, tall - foot - 11], y.reach[0], y, 'end'),
    ];
    box.replaceChildren(svg('svg', { viewBox: `0 0 ${wide} ${tall}`, class: 'scatter-plot', role: 'img', 'aria-label': `${y.title} against ${x.title}: ${drawn.map((r) => `${r.key} ${told(x, r.values[x.place])}, ${told(y, r.values[y.place])}`).join('; ')}` }, ...frame, ...marks));
    document.getElementById('scatter-note').textContent = `${drawn.length} runs${missing ? `; ${missing} hidden or without a value` : ''}${x.log ? '; x in decades' : ''}${y.log ? '; y in decades' : ''}`;
  }
}
