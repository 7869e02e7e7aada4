// Errands of a run: ask a worker to do something with its checkpoint, follow it, and show what came of it.
import { api, glyph, notice } from './base.js';
import { ago, count, fixed, number } from './words.js';

const PACE_MS = 1000;
const SLOW_MS = 4000;
const ACTIVE = ['queued', 'running'];
const WORDS = { say: { running: 'speaking' }, diagnose: { running: 'testing' }, nearest: { running: 'searching' } };
const LOOK = { supported: 'warn', possible: 'info', 'ruled out': 'ok', 'could not look': 'unk' };

/** The state of an errand in words: "queued", "speaking", "done", "failed: why". */
export function stateOf(errand, waits = '') {
  if (errand.state === 'queued') return waits ? `queued: ${waits}` : 'queued';
  if (errand.state === 'failed') return `failed: ${errand.reason || 'no reason was given'}`;
  return WORDS[errand.kind]?.[errand.state] ?? errand.state;
}

/** Whether any of them is not over. */
export function active(errands) {
  return errands.some((e) => ACTIVE.includes(e.state));
}

/** What was measured of a spoken sentence, in words. */
export function heard(outcome) {
  const facts = outcome.samples?.[0]?.facts ?? {};
  const level = (name, unit) => (typeof facts[name] === 'number' ? [`${fixed(facts[name], 1)} ${unit}`] : []);
  const parts = [`${fixed(outcome.seconds, 2)} s`, `${count(outcome.rate_hz)} Hz`, ...level('peak_dbfs', 'dBFS peak'), ...level('lufs', 'LUFS')];
  const stood = Object.entries(outcome.stood_in ?? {}).map(([lacks, instead]) => `${instead} for ${lacks}`);
  if (stood.length) parts.push(`stood in: ${stood.join(', ')}`);
  if (facts.peak_dbfs > 0) parts.push('above full scale, which a player clips');
  return parts.join(' · ');
}

/** Ask a run for something. Throws `Refused` with the reason in words. */
export function ask(run, kind, wish = {}) {
  return api(`/api/runs/${encodeURIComponent(run)}/errands`, { method: 'POST', body: { kind, ask: wish } });
}

/** Follow a run's errands of a kind: `draw(errands, waits)` at once and whenever a look finds them changed. */
export class Follow {
  constructor(run, kind, draw) {
    this.path = `/api/runs/${encodeURIComponent(run)}/errands?kind=${kind}&limit=20`;
    this.draw = draw;
    this.seen = '';
    this.timer = 0;
    this.look();
  }

  async look() {
    clearTimeout(this.timer);
    let again = false;
    try {
      const { errands, waits } = await api(this.path);
      const now = JSON.stringify([errands, waits]);
      if (now !== this.seen) this.draw(errands, waits);
      this.seen = now;
      again = active(errands);
    } catch (problem) {
      again = this.seen !== ''; // the server is away: look again, slower
    }
    if (again) this.timer = setTimeout(() => this.look(), document.hidden ? SLOW_MS : PACE_MS);
  }
}

const made = (tag, look, text = '') => Object.assign(document.createElement(tag), { className: look, textContent: text });

function stateMark(errand, waits) {
  const box = made('span', `errand-state${errand.state === 'failed' ? ' bad' : ''}`);
  const icon = { queued: 'queued', running: 'live', done: 'done', failed: 'failed' }[errand.state];
  box.append(glyph(icon), made('span', '', stateOf(errand, waits)));
  return box;
}

function forget(run, errand, follow) {
  const button = made('button', 'link small', ACTIVE.includes(errand.state) ? 'Stop' : 'Forget');
  button.type = 'button';
  button.setAttribute('aria-label', `${button.textContent}: ${errand.ask.text ?? errand.kind}`);
  button.addEventListener('click', async () => {
    try {
      await api(`/api/runs/${run}/errands/${errand.id}`, { method: 'DELETE' });
    } catch (problem) {
      notice(problem.message, 'warn');
    }
    follow().look();
  });
  return button;
}

/** A sentence: its text, what state it is in, and its sound once it is there. */
export function sentence(run, errand, waits, follow) {
  const row = made('div', 'said pad');
  const head = made('div', 'said-head');
  head.append(made('q', '', errand.ask.text), made('span', 'mono-s dim nowrap', `step ${count(errand.ask.step)}`));
  head.append(stateMark(errand, waits), forget(run, errand, follow));
  row.append(head);
  const url = errand.outcome.samples?.[0]?.url;
  if (errand.state === 'done' && url) {
    const player = Object.assign(document.createElement('audio'), { controls: true, preload: 'none', src: url });
    player.setAttribute('aria-label', errand.ask.text);
    row.append(player, made('p', 'mono-s dim', heard(errand.outcome)));
  }
  return row;
}

/** The verdicts of a diagnosis as a table; what they stand on in words. */
export function verdicts(run, errand, waits, follow) {
  const box = made('div', 'diagnosis');
  const head = made('div', 'said-head pad');
  const step = errand.outcome.step ?? null;
  head.append(made('b', '', step === null ? 'Diagnosis' : `Checkpoint at step ${count(step)}`), made('span', 'mono-s dim', ago(errand.ended ?? errand.created, Date.now() / 1000)));
  head.append(stateMark(errand, waits), forget(run, errand, follow));
  box.append(head);
  const rows = errand.outcome.hypotheses ?? [];
  if (rows.length) box.append(tableOf(rows));
  return box;
}

function tableOf(rows) {
  const scroll = made('div', 'scroll');
  const table = made('table', 'tbl verdict-table');
  const head = table.createTHead().insertRow();
  for (const name of ['', 'Hypothesis', 'Verdict', 'What was found']) head.append(Object.assign(made('th', '', name), { scope: 'col' }));
  const body = table.createTBody();
  for (const one of rows) {
    const row = body.insertRow();
    row.append(made('td', 'mono-s', one.code), made('td', '', one.title));
    const verdict = made('span', `sev ${LOOK[one.verdict] ?? 'unk'}`);
    verdict.append(glyph(LOOK[one.verdict] ?? 'unk'), one.verdict);
    const cell = row.insertCell();
    cell.append(verdict);
    const told = made('td', 'verdict-text', one.text);
    const numbers = Object.entries(one.numbers ?? {});
    if (numbers.length) told.append(made('div', 'mono-s dim', numbers.map(([k, v]) => `${k.replaceAll('_', ' ')} ${typeof v === 'number' ? number(v) : v}`).join(' · ')));
    row.append(told);
  }
  scroll.append(table);
  return scroll;
}

function section(id, kind, show, most) {
  const root = document.getElementById(id);
  if (!root) return null;
  const { run } = root.dataset;
  const list = root.querySelector('[data-errands]');
  const none = list.querySelector('[data-none]');
  const follow = new Follow(run, kind, (errands, waits) => {
    const playing = [...list.querySelectorAll('audio')].find((a) => !a.paused)?.closest('[data-errand]');
    list.replaceChildren(...(errands.length ? errands.slice(0, most).map((e) => {
      if (playing?.dataset.errand === e.id) return playing; // it goes on playing
      const row = show(run, e, waits, () => follow);
      row.dataset.errand = e.id;
      return row;
    }) : [none]));
  });
  return { root, run, follow };
}

function say() {
  const part = section('say', 'say', sentence, 20);
  if (!part) return;
  const form = document.getElementById('say-form');
  const error = document.getElementById('say-error');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { text, checkpoint } = form.elements;
    const go = form.querySelector('button');
    error.hidden = true;
    text.removeAttribute('aria-invalid');
    go.disabled = true;
    try {
      const wish = { text: text.value, ...(checkpoint.value ? { checkpoint: Number(checkpoint.value) } : {}) };
      await api(`/api/runs/${part.run}/say`, { method: 'POST', body: wish });
      text.select();
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
      if (problem.field === 'text') text.setAttribute('aria-invalid', 'true');
    }
    go.disabled = false;
    part.follow.look();
  });
  form.elements.checkpoint.addEventListener('focus', () => fresh(part.run, form.elements.checkpoint));
}

/** The checkpoints that are there now: a run that trains makes new ones. */
async function fresh(run, select) {
  try {
    const { checkpoints } = await api(`/api/runs/${run}/checkpoints`);
    const there = checkpoints.filter((c) => c.present).reverse();
    if (String(there.map((c) => c.id)) === String([...select.options].slice(1).map((o) => o.value))) return;
    const chosen = select.value;
    select.replaceChildren(select.options[0], ...there.map((c) => new Option(`step ${count(c.step)}${Object.keys(c.best).length ? ', best' : ''}`, c.id)));
    select.value = there.some((c) => String(c.id) === chosen) ? chosen : '';
  } catch {
    // the list stays as it was; sending says what is wrong
  }
}

function diagnose() {
  const part = section('diagnose', 'diagnose', verdicts, 3);
  if (!part) return;
  const go = document.getElementById('diagnose-go');
  const error = document.getElementById('diagnose-error');
  go.addEventListener('click', async () => {
    error.hidden = true;
    go.disabled = true;
    try {
      await ask(part.run, 'diagnose');
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
    go.disabled = false;
    part.follow.look();
  });
}

if (typeof document !== 'undefined') {
  say();
  diagnose();
}
