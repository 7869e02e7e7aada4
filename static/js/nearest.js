// One image of a grid, large, for each run; and the real images nearest to it, which a worker looks for on request.
import { Follow, ask, stateOf } from './errands.js';
import { keyOf } from './charts.js';
import * as pix from './pixels.js';
import { count, number } from './words.js';

const made = (tag, look = '', text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });

/** What was found of a nearest image, in words: its place in the data, how far, by which measure. */
export function foundWords(match) {
  const where = [match.class, match.split, `image ${count(match.index)}`].filter(Boolean).join(', ');
  return `${where}: distance ${number(match.distance)}`;
}

/** The errand that looked for this image of this picture, the newest. */
export function answerFor(errands, sha256, cell) {
  return errands.find((e) => e.ask.picture === sha256 && e.ask.cell === cell) ?? null;
}

export class Near {
  /** `box` is the panel; `pictures` has the slot, the place and the pixels. */
  constructor(box, pictures) {
    this.box = box;
    this.pictures = pictures;
    this.follows = new Map(); // run → {follow, errands, waits}
    this.turn = 0;
  }

  async show() {
    const { pictures, box } = this;
    const { cells, sources } = pictures.slot;
    this.turn += 1;
    const turn = this.turn;
    box.hidden = !cells || pictures.view.cell < 0;
    if (box.hidden) return;
    const place = pix.cellAt(cells, pictures.view.cell);
    const head = made('div', 'row pic-cell-head');
    const close = Object.assign(made('button', 'link small right', 'Close'), { type: 'button' });
    close.addEventListener('click', () => pictures.set({ cell: -1 }));
    head.append(made('h3', '', place.name), close);
    const rows = await Promise.all(sources.map((source) => this.row(source, place)));
    if (turn === this.turn) box.replaceChildren(head, ...rows);
  }

  async row(source, place) {
    const { pictures } = this;
    const { take, canvas } = await pictures.at(source);
    const row = made('div', 'near-row');
    const words = made('div', 'small near-words');
    words.append(keyOf(source.key), made('b', '', source.key === 'R' ? 'a real image of this class' : source.label));
    if (take) words.append(made('span', 'dim', pix.when(take, pictures.place, source.key === 'R')));
    row.append(words);
    if (!canvas) return row;
    row.append(large(canvas, place, `${pictures.title(source)}, ${place.name}`));
    if (source.key !== 'R' && pictures.names[source.key]?.nearest) row.append(this.answer(source, take));
    return row;
  }

  /** The button, or what came of pressing it. */
  answer(source, take) {
    const run = this.pictures.names[source.key].id;
    const known = this.known(run);
    const cell = this.pictures.view.cell;
    const errand = answerFor(known.errands, take.sha256, cell);
    const box = made('div', 'near-answer');
    if (!errand || errand.state === 'failed') {
      const go = Object.assign(made('button', 'btn', 'Find the nearest real images'), { type: 'button' });
      const problem = made('p', 'err small');
      problem.setAttribute('role', 'alert');
      problem.hidden = !errand;
      if (errand) problem.textContent = stateOf(errand);
      go.addEventListener('click', async () => {
        go.disabled = true;
        try {
          await ask(run, 'nearest', { picture: take.sha256, cell });
          known.follow.look();
        } catch (refused) {
          go.disabled = false;
          problem.hidden = false;
          problem.textContent = refused.message;
        }
      });
      box.append(go, problem);
    } else if (errand.state !== 'done') box.append(made('p', 'small sec', `${stateOf(errand, known.waits)} …`));
    else box.append(...matches(errand.outcome));
    return box;
  }

  known(run) {
    if (!this.follows.has(run)) {
      const one = { errands: [], waits: '' };
      this.follows.set(run, one);
      one.follow = new Follow(run, 'nearest', (errands, waits) => {
        Object.assign(one, { errands, waits });
        this.show();
      });
    }
    return this.follows.get(run);
  }
}

/** The images that were found, each with its distance; how they were measured beneath. */
function matches(outcome) {
  const found = outcome.matches.map((match, i) => {
    const figure = made('figure', 'near-match');
    const image = Object.assign(document.createElement('img'), { src: outcome.samples[i].url, alt: foundWords(match), loading: 'lazy' });
    figure.append(image, made('figcaption', 'small', `${match.by === 'pixels' ? 'by pixels' : `by ${outcome.extractor}`}: ${foundWords(match)}`));
    return figure;
  });
  return [...found, made('p', 'small dim', outcome.text)];
}

function large(canvas, { x, y, side }, label) {
  const part = Object.assign(document.createElement('canvas'), { width: side, height: side, className: 'near-large' });
  part.getContext('2d').drawImage(canvas, x, y, side, side, 0, 0, side, side);
  part.setAttribute('role', 'img');
  part.setAttribute('aria-label', label);
  return part;
}
