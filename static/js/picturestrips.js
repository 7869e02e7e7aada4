// A slot over epochs: a strip for each run, rows of cells (or the whole picture), columns of evaluations.
import { keyOf } from './charts.js';
import * as canvases from './canvases.js';
import * as pix from './pixels.js';
import { count } from './words.js';

const WIDEST = 240; // px of a whole picture in a strip
const made = (tag, look = '', text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });

/** The cells that stand over epochs: the first of each class, or the chosen one first; -1 for the whole picture. */
export function rowsOf(cells, chosen) {
  if (!cells) return [-1];
  const firsts = Array.from({ length: cells.rows }, (_, i) => i * cells.columns);
  return chosen >= 0 ? [chosen, ...firsts.filter((c) => c !== chosen)] : firsts;
}

/** How large a strip's picture is shown: as the zoom says; else cells doubled and whole pictures no wider than a column. */
export function widthOf(width, zoom, cell) {
  return width * (zoom || (cell ? 2 : Math.min(1, WIDEST / width)));
}

/** The strips of all runs. `store` has the pixels, `view` the zoom, cell and marks; `said` takes what is to be said. */
export function strips(slot, view, store, said, nameOf) {
  const found = [];
  for (const source of slot.sources.filter((s) => s.key !== 'R')) {
    const takes = pix.thinned(source.takes.filter((t) => t.url));
    if (takes.length < source.takes.length) said.push(`${source.key}: ${takes.length} of ${source.takes.length} evaluations are drawn.`);
    found.push(strip(slot, view, store, source, takes, nameOf(source)));
  }
  if (view.sat) said.unshift(canvases.marksWords(slot.family));
  return Promise.all(found);
}

async function strip(slot, view, store, source, takes, name) {
  const { cells, family } = slot;
  const box = made('div', 'over-strip');
  const head = made('p', 'small strip-head');
  head.append(keyOf(source.key), made('b', 'cut', name), made('span', 'dim', name === source.label ? '' : source.label));
  const scroll = made('div', 'scroll');
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'group');
  scroll.setAttribute('aria-label', `${source.key} ${name} over epochs`);
  const table = made('table', 'strip-table');
  const top = table.createTHead().insertRow();
  top.append(made('td'), ...takes.map((t) => Object.assign(made('th', 'mono-s dim', t.epoch === null ? `step ${count(t.step)}` : `epoch ${pix.short(t.epoch)}`), { scope: 'col' })));
  const all = await Promise.all(takes.map((t) => store.get(t.url)));
  const wholes = all.map((one) => canvases.copied(one, { marked: view.sat, family, cells }).copy);
  const body = table.createTBody();
  for (const cell of rowsOf(cells, view.cell)) {
    const row = body.insertRow();
    const place = cell < 0 ? null : pix.cellAt(cells, cell);
    const what = place ? place.name : slot.slot;
    row.append(Object.assign(made('th', 'small sec', what), { scope: 'row' }));
    wholes.forEach((whole, i) => {
      const part = place ? canvases.cut(whole, place) : whole;
      part.setAttribute('role', 'img');
      part.setAttribute('aria-label', `${what}, ${pix.when(takes[i], pix.placeOf(takes[i]))}`);
      part.style.width = `${widthOf(part.width, view.zoom, place)}px`;
      row.insertCell().append(part);
    });
  }
  scroll.append(table);
  box.append(head, scroll);
  return box;
}
