// The rail of the Listen section: every source with its key, its take, its levels and its gain.
import { kilohertz, place, tint, told, whenOf } from './listenview.js';
import * as words from './words.js';

const made = (tag, className = '', textContent = '') => Object.assign(document.createElement(tag), { className, textContent });

/** A gain in dB with its sign: "+0.0 dB", "−1.9 dB". */
export function decibels(gain) {
  const text = words.fixed(gain, 1);
  return `${gain > 0.05 ? '+' : ''}${text.replace(/^−0\.0$/, '0.0')} dB`;
}

/** What is said of how sources are levelled, in one sentence or two. */
export function levelling({ target, unit, lowered, unmatched, over }, mode, shared, mark) {
  const parts = [];
  if (mode === 'matched') {
    if (target === null) parts.push('No source has a loudness that is known: nothing is matched.');
    else parts.push(`Loudness matched to ${words.fixed(target, 1)} ${unit}.`);
    if (lowered > 0.05) parts.push(`All are lowered by ${words.fixed(lowered, 1)} dB, so that none passes full scale.`);
    if (target !== null && unmatched.length) parts.push(`Not matched, as ${unmatched.length === 1 ? 'its loudness is' : 'their loudness is'} not known or silence: ${unmatched.map(mark).join(', ')}.`);
  } else parts.push(`The same gain for all, ${decibels(shared)}: each source sounds as loud as it is.`);
  if (over.length) parts.push(`${over.map(mark).join(', ')} ${over.length === 1 ? 'passes' : 'pass'} full scale: your device clips what goes beyond.`);
  return parts.join(' ');
}

/** One source's row, made once; `fill` keeps it true. */
export function row(source) {
  const box = made('div', 'src');
  box.dataset.row = source.id;
  const play = Object.assign(made('button', 'bk', source.mark), { type: 'button' });
  play.dataset.source = source.id;
  if (source.key !== 'R') play.dataset.k = tint(source.key);
  const name = made('div', 'nm');
  name.append(made('b', 'cut'), made('span', 'dim small nowrap rate'));
  const slider = made('label', 'ep');
  slider.append(Object.assign(made('input', ''), { type: 'range', min: 0, step: 1 }), made('span', 'num'));
  const acts = made('div', 'more acts-row');
  if (source.pin) acts.append(act('unpin', 'Remove'));
  else if (source.key !== 'R') acts.append(act('changed', 'What changed'), act('pin', 'Add an epoch'));
  box.append(play, name, made('div', 'more when'), slider, made('div', 'more mono-s lvl'), acts);
  return box;
}

function act(name, text) {
  const button = Object.assign(made('button', 'link small', text), { type: 'button' });
  button.dataset.act = name;
  return button;
}

/** Bring a row up to date. */
export function fill(box, source, { name, gain, rate, chosen, caption, matched, states, index }) {
  const key = box.querySelector('.bk');
  key.setAttribute('aria-pressed', String(source.id === chosen));
  key.setAttribute('aria-label', `Hear ${name(source)}, ${whenOf(source.take)}`);
  key.title = index < 9 ? `${source.pin ? '' : `${source.key.toLowerCase()} or `}${index + 1}` : '';
  if (source.id === chosen) box.setAttribute('aria-current', 'true');
  else box.removeAttribute('aria-current');
  box.querySelector('.nm b').textContent = name(source);
  const own = Number(source.take.facts?.rate_hz) || 0;
  const channels = source.take.facts?.channels;
  box.querySelector('.rate').textContent = own ? `${kilohertz(own)}${channels > 1 ? `, ${channels === 2 ? 'stereo' : `${channels} channels`}` : ''}` : '';
  const when = box.querySelector('.when');
  when.replaceChildren(made('span', '', source.key === 'R' ? caption || whenOf(source.take) : whenOf(source.take)));
  if (source.off) when.append(' ', made('span', 'off-epoch', 'nearest'));
  if (own && rate && own !== rate) when.append(' ', made('span', '', `resampled to ${kilohertz(rate)}`));
  const slider = box.querySelector('.ep');
  const range = slider.querySelector('input');
  slider.hidden = source.key === 'R' || source.list.length < 2;
  range.max = source.list.length - 1;
  range.value = source.list.indexOf(source.take);
  range.setAttribute('aria-label', `Epoch of ${name(source)}`);
  range.setAttribute('aria-valuetext', whenOf(source.take));
  slider.querySelector('.num').textContent = source.take.epoch === null || source.take.epoch === undefined ? words.count(source.take.step) : `ep ${place(source.take.epoch)}`;
  const levels = box.querySelector('.lvl');
  const parts = told(source.take).map((part) => made('span', part.bad ? 'bad' : '', part.text));
  const said = states.get(source.id);
  if (said) parts.push(made('span', said.level === 'warn' ? 'bad' : '', said.text));
  const mine = made('span', 'gain', 'gain ');
  mine.append(made('b', '', decibels(gain)));
  mine.classList.toggle('matched', matched);
  levels.replaceChildren(...parts.flatMap((p) => [p, ' ']), mine);
}
