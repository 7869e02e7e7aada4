// Probes of a run's discriminator: the button, the state, and what each probe found.
import { glyph } from './base.js';
import { ask, Follow, stateOf } from './errands.js';
import { ago, count } from './words.js';

const LOOK = { pass: 'ok', fail: 'warn' };
const CAUSES = {
  wiring: 'wiring', training: 'initialisation and learning rate', architecture: 'architecture',
  near: 'a generator that is close to the data',
};

/** What all probes together point to, in words. */
export function pointsTo(outcome) {
  return CAUSES[outcome.cause] ? `Points to ${CAUSES[outcome.cause]}.` : 'Points to none of the suspects.';
}

/** The newest errands that are worth a line: what waits or runs, and the newest that ended. */
export function shown(errands) {
  const ended = errands.findIndex((e) => e.state === 'done' || e.state === 'failed');
  return errands.filter((e, i) => e.state === 'queued' || e.state === 'running' || i === ended);
}

const made = (tag, look, text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });

function row(errand, waits) {
  const box = made('div', 'diagnosis');
  const head = made('div', 'said-head pad');
  const step = errand.outcome.step ?? errand.ask.step ?? null;
  const state = made('span', `errand-state${errand.state === 'failed' ? ' bad' : ''}`);
  state.append(glyph({ queued: 'queued', running: 'live', done: 'done', failed: 'failed' }[errand.state]), made('span', '', stateOf(errand, waits)));
  head.append(made('b', '', step === null ? 'Probe' : `Checkpoint at step ${count(step)}`), made('span', 'mono-s dim', ago(errand.ended ?? errand.created, Date.now() / 1000)), state);
  box.append(head);
  if (errand.state !== 'done') return box;
  const list = made('ul', 'tried');
  const padded = made('div', 'pad');
  padded.append(list);
  for (const one of errand.outcome.probes ?? []) {
    const line = made('li', 'small');
    const verdict = made('span', `sev ${LOOK[one.verdict] ?? 'unk'}`);
    verdict.append(glyph(LOOK[one.verdict] ?? 'unk'), one.verdict);
    line.append(verdict, ` ${one.title}: ${one.text}.`);
    list.append(line);
  }
  box.append(padded, made('p', 'pad small', pointsTo(errand.outcome)));
  return box;
}

function start(root) {
  const { run } = root.dataset;
  const [list, go, error] = [root.querySelector('[data-errands]'), root.querySelector('#probe-go'), root.querySelector('#probe-error')];
  const none = list.querySelector('[data-none]');
  let waited = false;
  const follow = new Follow(run, 'probe', (errands, waits) => {
    const waiting = errands.some((e) => e.state === 'queued' || e.state === 'running');
    if (waited && !waiting) document.dispatchEvent(new CustomEvent('probed'));
    waited = waiting;
    list.replaceChildren(...(errands.length ? shown(errands).map((e) => row(e, waits)) : [none]));
  });
  go.addEventListener('click', async () => {
    error.hidden = true;
    go.disabled = true;
    try {
      await ask(run, 'probe');
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
    go.disabled = false;
    follow.look();
  });
}

if (typeof document !== 'undefined') {
  const root = document.getElementById('probe');
  if (root) start(root);
}
