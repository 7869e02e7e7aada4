// What hands do in the Listen section: its keys, its controls, and takes that are pinned, moved and removed.
import { notice } from './base.js';
import { wire } from './gestures.js';
import { reading } from './lanes.js';
import * as views from './listenview.js';
import { hzOf } from './spectrogram.js';
import { stepsAt } from './steps.js';

/** The keys of a page for listening, for `keys.listen`. */
export function keysOf(listen) {
  const { player } = listen;
  const nth = (n) => () => {
    const source = listen.shown()[n];
    return source ? player.choose(source.id) : false;
  };
  const zoomBy = (by) => () => listen.zoom(views.zoomed(listen.view.span, player.length, by, player.heardTime));
  return {
    ...Object.fromEntries([...'rabcdefgh'].map((k) => [k, () => player.choose(k.toUpperCase())])),
    ...Object.fromEntries([...'123456789'].map((k, i) => [k, nth(i)])),
    ' ': (event) => (event.target?.closest?.('button, a, summary') ? false : void listen.toggle()),
    x: () => player.swap(),
    j: () => void listen.go(listen.index - 1),
    k: () => void listen.go(listen.index + 1),
    '[': () => listen.mark('['),
    ']': () => listen.mark(']'),
    l: () => listen.repeat(!player.looping),
    o: () => listen.repeat(!player.looping),
    m: () => listen.set({ level: listen.view.level === 'same' ? 'matched' : 'same' }),
    '+': zoomBy(0.5),
    '=': zoomBy(0.5),
    '-': zoomBy(2),
    0: () => listen.zoom(null),
  };
}

/** Go to the take of a run that is nearest to a point that was clicked on a chart, and offer to play it. */
export async function toPoint(listen, detail) {
  const { player, slot } = listen;
  const key = slot?.sources[detail.run] ? detail.run : Object.keys(slot?.sources ?? {}).find((k) => k !== 'R');
  const list = slot?.sources[key];
  if (!list?.length) return;
  let step;
  try {
    step = (await stepsAt(detail, listen.state.runs))[key];
  } catch (problem) {
    notice(`The step of this point could not be read. ${problem.message}`, 'warn');
    return;
  }
  if (!Number.isFinite(step)) return;
  const take = views.nearest(list, step, (t) => t.step);
  await listen.go(views.indexOf(listen.list, take.epoch ?? take.step));
  player.choose(key);
  const whose = listen.state.runs.length > 1 ? `${key}, ` : '';
  const strip = notice(`Listen is at ${whose}${views.whenOf(take)}${Math.abs(take.step - step) < 0.5 ? '' : ', the nearest to the point'}.`);
  const show = Object.assign(document.createElement('a'), { href: '#listen', textContent: 'Show' });
  const play = Object.assign(document.createElement('button'), { type: 'button', className: 'btn', textContent: 'Play' });
  play.addEventListener('click', () => (player.paused ? listen.toggle() : undefined));
  strip.append(play, show);
}

/** Two takes of one run: the one before is pinned beside it, and is what differences are drawn against if `base`. */
export function pin(listen, source, base) {
  const { key, list, take } = source;
  const at = list.indexOf(take);
  const other = list[at > 0 ? at - 1 : Math.min(list.length - 1, 1)];
  if (other === take) {
    notice(`${listen.name(source)} has one epoch in this slot: there is nothing to hold it against.`);
    return undefined;
  }
  const { pins } = listen.view;
  if (!pins.some((p) => p.key === key && p.step === other.step)) listen.view.pins = [...pins, { key, step: other.step }].slice(-8);
  if (base) listen.view.base = `${key}@${other.step}`;
  listen.keep(true);
  return listen.load().then(() => listen.player.choose(key));
}

/** Give one source another take: a pinned one moves, a run leaves the epoch of all. */
export function take(listen, source, index) {
  const { step } = source.list[Math.max(0, Math.min(source.list.length - 1, index))];
  if (!source.pin) {
    listen.view.own = { ...listen.view.own, [source.key]: step };
    listen.keep();
    return listen.load();
  }
  const moved = `${source.key}@${step}`;
  const heard = listen.player.chosen === source.id;
  if (listen.view.base === source.id) listen.view.base = moved;
  listen.view.pins = listen.view.pins.map((p) => (`${p.key}@${p.step}` === source.id ? { ...p, step } : p));
  listen.keep();
  return listen.load().then(() => heard && listen.player.choose(moved));
}

/** Take a pinned take away. */
export function unpin(listen, source) {
  listen.view.pins = listen.view.pins.filter((p) => `${p.key}@${p.step}` !== source.id);
  if (listen.view.base === source.id) listen.view.base = 'R';
  listen.keep(true);
  return listen.load();
}

/** Bring the controls to what the view says. */
export function shown(listen) {
  const { view, section } = listen;
  for (const button of section.querySelectorAll('[data-set]')) {
    button.setAttribute('aria-pressed', String(String(view[button.dataset.set]) === button.dataset.value));
  }
  for (const field of section.querySelectorAll('[data-pick]')) {
    const value = view[field.dataset.pick];
    field.value = value === null ? 'auto' : String(value);
  }
  const full = listen.$('#listen-full');
  if (full) full.href = `/listen${views.searchOf(`?runs=${listen.state.runs.join(',')}`, view)}`;
  const blind = listen.$('#listen-blind');
  if (blind) blind.href = `/blind${views.searchOf(`?runs=${listen.state.runs.join(',')}`, view)}`;
  const gain = listen.$('#gain');
  gain.value = view.gain;
  listen.$('#gain-value').textContent = `${view.gain > 0 ? '+' : view.gain < 0 ? '−' : ''}${Math.abs(view.gain)} dB`;
  listen.$('#channels').hidden = !listen.sources.some((s) => (s.take.facts?.channels ?? 1) > 1) && view.ch === 'both';
}

/** Wire the section's controls, once. */
export function control(listen) {
  const { section, $ } = listen;
  section.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    const row = button.closest('[data-row]');
    const source = row && listen.source(row.dataset.row);
    if (button.dataset.source) listen.player.choose(button.dataset.source);
    else if ('play' in button.dataset) listen.toggle();
    else if ('loop' in button.dataset) listen.repeat(!listen.player.looping, listen.player.looping ? null : listen.player.loop);
    else if (button.dataset.set) listen.set({ [button.dataset.set]: button.dataset.value });
    else if (button.id === 'zoom-fit') listen.zoom(null);
    else if (button.dataset.zoom) listen.zoom(views.zoomed(listen.view.span, listen.player.length, Number(button.dataset.zoom), listen.player.heardTime));
    else if (button.dataset.slotBy) step(listen, Number(button.dataset.slotBy));
    else if (button.dataset.act === 'pin') pin(listen, source, false);
    else if (button.dataset.act === 'changed') pin(listen, source, true);
    else if (button.dataset.act === 'unpin') unpin(listen, source);
  });
  section.addEventListener('change', (event) => {
    const { pick } = event.target.dataset;
    if (!pick) return;
    const { value } = event.target;
    listen.set({ [pick]: value === 'auto' ? null : pick === 'base' ? value : Number(value) });
  });
  $('#slot').addEventListener('change', () => listen.goSlot($('#slot').value));
  $('#moment').addEventListener('input', () => listen.go(Number($('#moment').value)));
  $('#gain').addEventListener('input', () => listen.set({ gain: Number($('#gain').value) }, false));
  $('#rail-list').addEventListener('input', (event) => {
    const row = event.target.closest('[data-row]');
    if (row) take(listen, listen.source(row.dataset.row), Number(event.target.value));
  });
  wire($('#lanes'), $('#strip'), {
    view: () => ({ length: listen.player.length || 1, span: listen.view.span }),
    at: () => listen.player.heardTime,
    seek: (seconds) => listen.player.seek(seconds),
    choose: (lane) => listen.player.choose(lane),
    loop: (stretch, done) => (done ? listen.repeat(true, stretch) : listen.transport.loop(stretch)),
    zoom: (span) => listen.zoom(span, true),
    drop: () => listen.transport.show(),
    point: (lane, seconds, share) => point(listen, lane, seconds, share),
    leave: (lane) => point(listen, lane, null),
  });
}

function step(listen, by) {
  const names = listen.slots.map((s) => s.slot);
  const at = names.indexOf(listen.slot.slot) + by;
  if (names[at] !== undefined) listen.goSlot(names[at]);
}

/** Tell the level at a spot of a lane; nothing for `seconds` null. */
function point(listen, key, seconds, share) {
  const lane = listen.$(`[data-lane="${CSS.escape(key)}"]`);
  const picture = listen.lanes.picture(key);
  const told = lane.querySelector('.readout');
  const mark = lane.querySelector('.at-hz');
  mark.hidden = seconds === null || !picture;
  if (mark.hidden) {
    told.textContent = '';
    return;
  }
  const text = reading(picture, seconds, hzOf(picture, share));
  told.textContent = text;
  mark.style.top = `${100 * (1 - share)}%`;
  const body = lane.querySelector('.cv');
  body.setAttribute('aria-valuetext', text);
}
