// Making a blind test, closing one, deleting one.
import { api, throttled } from './base.js';

/** What the form asks for, as the API takes it. */
export function asked(form) {
  const sources = form.sources.map(({ run, step, reference }) => (reference ? { run, reference: true } : { run, step: Number(step) }));
  const body = { kind: form.kind, sources, trials: Number(form.trials), level: form.level, alone: form.alone, note: form.note };
  if (form.slot) body.slots = [form.slot];
  if (form.seed.trim()) body.seed = Number(form.seed);
  return body;
}

/** What is wrong with the form before it is sent; "" where nothing is. */
export function wrong(form) {
  const count = form.sources.length;
  if (form.kind === 'mushra' && !count) return 'Choose at least one source to rate.';
  if (form.kind !== 'mushra' && count !== 2) return `Choose exactly two sources; ${count} are chosen.`;
  const trials = Number(form.trials);
  if (!Number.isInteger(trials) || trials < 1 || trials > 200) return `Give 1 to 200 trials, not ${form.trials || 'none'}.`;
  if (form.seed.trim() && !/^\d{1,14}$/.test(form.seed.trim())) return 'A seed is a whole number; leave it empty to have one drawn.';
  return '';
}

function read(form) {
  const data = new FormData(form);
  const ticked = [...form.querySelectorAll('[name="source"]:checked')].filter((box) => !box.disabled);
  const sources = ticked.map((box) => ({ run: box.dataset.run, reference: 'reference' in box.dataset, step: box.closest('.src-row').querySelector('select')?.value }));
  return { kind: data.get('kind'), sources, slot: data.get('slots'), trials: data.get('trials'), level: data.get('level'), alone: data.get('alone') === '1', seed: data.get('seed'), note: data.get('note') };
}

function say(text) {
  const box = document.getElementById('blind-error');
  box.hidden = !text;
  box.textContent = text;
}

function making(form) {
  const power = throttled(async () => {
    const place = document.getElementById('blind-power');
    const { kind, trials } = read(form);
    place.hidden = kind !== 'abx';
    if (place.hidden || !/^\d{1,3}$/.test(trials)) return;
    try {
      place.textContent = (await api(`/api/blind/power?trials=${trials}`)).words;
    } catch (problem) {
      place.textContent = problem.message;
    }
  }, 250);
  const kind = () => {
    const chosen = form.querySelector('[name="kind"]:checked');
    const ratings = chosen.value === 'mushra';
    document.getElementById('blind-many').textContent = ratings ? 'one to eight; reference and anchor come by themselves' : 'exactly two';
    const reference = form.querySelector('[data-reference]');
    if (reference) reference.disabled = ratings;
    return chosen;
  };
  form.addEventListener('change', (event) => {
    const chosen = kind();
    if (event.target.name === 'kind') form.elements.trials.value = chosen.dataset.trials;
    say('');
    power();
  });
  form.addEventListener('input', (event) => event.target.name === 'trials' && power());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const found = read(form);
    const problem = wrong(found);
    say(problem);
    if (problem) return;
    const button = form.querySelector('[type="submit"]');
    button.disabled = true;
    try {
      const test = await api('/api/blind', { method: 'POST', body: asked(found) });
      location.assign(test.alone ? test.link : `/blind/results/${test.id}`);
    } catch (refused) {
      say(refused.message);
      button.disabled = false;
    }
  });
  kind();
}

function closing(button) {
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await api(`/api/blind/${button.dataset.test}/close`, { method: 'POST' });
      location.reload();
    } catch (refused) {
      say(refused.message);
      button.disabled = false;
    }
  });
}

function deleting(open) {
  const dialog = document.getElementById('blind-delete');
  const go = document.getElementById('blind-delete-go');
  open.addEventListener('click', () => dialog.showModal());
  go.addEventListener('click', async () => {
    go.disabled = true;
    try {
      await api(`/api/blind/${go.dataset.test}`, { method: 'DELETE' });
      location.assign('/blind');
    } catch (refused) {
      const problem = document.getElementById('blind-delete-error');
      problem.hidden = false;
      problem.textContent = refused.message;
      go.disabled = false;
    }
  });
}

function start() {
  const form = document.getElementById('blind-form');
  if (form) making(form);
  const button = document.getElementById('blind-close');
  if (button) closing(button);
  const open = document.getElementById('blind-delete-open');
  if (open) deleting(open);
  const link = document.getElementById('blind-link');
  if (link) link.textContent = new URL(link.dataset.path, location.href).href;
}

if (typeof document !== 'undefined') start();
