// The Run page: live charts and samples, console, buttons, fork, notes.
import { Refused, api, fragment, notice, throttled } from './base.js';
import { Findings } from './findings.js';
import * as keys from './keys.js';
import { Listen } from './listen.js';
import { fetched, peaks } from './player.js';
import * as theme from './theme.js';
import { View } from './view.js';
import { count } from './words.js';

const MOST_LINES = 5000;

/** "13:20:41" of Unix seconds, in the reader's own time. */
export function timeOfDay(seconds) {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}

/** The patch of a fork form's rows: {knob: text}, only where the text has changed. */
export function patchOf(rows) {
  return Object.fromEntries(rows.filter((r) => r.value.trim() !== r.was.trim()).map((r) => [r.knob, r.value.trim()]));
}

/** A message as a sentence: a capital letter, a full stop. */
export function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** The range of a knob in words: "0 to 1", "at least 0", "". */
export function rangeOf(low, high) {
  if (low !== undefined && high !== undefined) return `${low} to ${high}`;
  if (low !== undefined) return `at least ${low}`;
  return high === undefined ? '' : `at most ${high}`;
}

function start() {
  const $ = (id) => document.getElementById(id);
  const run = $('board').dataset.run;
  const listen = new Listen($('listen'), { runs: [run], slot: '', names: { A: $('board').dataset.name } }, () => {});
  const view = new View({ runs: [run], named: false, onChange: (change) => changed(change), onReturn: () => everything() });
  globalThis.nashboard = { player: listen.player, listen, view };
  const findingsOpen = new Findings({ runs: [run] });
  let seq = Number($('head').dataset.seq);
  let grave = -1;

  async function part(name, id) {
    try {
      const html = await fragment(`/runs/${run}/part/${name}`);
      if (name === 'racks') view.adopt(html);
      else swap(html, id);
    } catch (problem) {
      if (problem instanceof Refused && problem.status === 404) notice(problem.message, 'warn');
    }
  }

  function swap(html, id) {
    const made = new DOMParser().parseFromString(html, 'text/html').getElementById(id);
    const old = $(id);
    if (!made || !old) return;
    if (old.querySelector('details.blind[open]')) made.querySelector('details.blind')?.setAttribute('open', '');
    for (const box of old.querySelectorAll('details[data-keep]')) made.querySelector(`[data-keep="${CSS.escape(box.dataset.keep)}"]`)?.toggleAttribute('open', box.open);
    if (old.isEqualNode(made)) return;
    const focus = old.contains(document.activeElement) ? document.activeElement.id || document.activeElement.dataset.post || document.activeElement.dataset.treat : '';
    if (old.ariaLive) old.replaceChildren(...made.childNodes); // the region stays, so that what is new in it is said
    else old.replaceWith(document.adoptNode(made));
    if (focus) ($(focus) ?? $(id).querySelector(`[data-post="${CSS.escape(focus)}"], [data-treat="${CSS.escape(focus)}"]`))?.focus();
    if (id === 'samples-grid') waves();
  }

  const head = throttled(() => part('head', 'head'), 1000);
  const racks = throttled(() => part('racks'), 500);
  const samples = throttled(() => {
    part('samples', 'samples-grid');
    listen.refresh();
  }, 1000);
  const told = throttled(() => part('told', 'told'), 3000);
  const saved = throttled(async () => {
    await part('saved', 'saved');
    $('saved-count').textContent = document.querySelectorAll('#saved tbody tr:not(.gone)').length;
  }, 2000);
  const log = throttled(() => lines(), 700);
  const findings = throttled(() => part('findings', 'findings'), 3000);
  document.addEventListener('probed', findings); // a probe ranks the suspects anew
  const everything = () => [head, racks, samples, told, saved, log, findings].forEach((again) => again());

  function changed(change) {
    const event = change.runs[run];
    if (event && event.findings !== grave) {
      if (grave >= 0) view.board.refresh(); // brackets come and go
      grave = event.findings;
    }
    if (!event || (event.first && event.next_seq === seq && event.status === $('head').dataset.status)) return;
    seq = event.next_seq;
    if (event.status === 'deleted') {
      notice('This run was deleted.', 'warn');
      return;
    }
    if (change.series.size) {
      if (!view.knows(change.series)) racks();
      view.redraw(change.series);
    }
    if (change.samples) samples();
    for (const again of [head, log, saved, told, findings]) again();
  }

  // Samples: small waveforms in the grid, played by the player below
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) wave(target);
  });
  function waves() {
    for (const canvas of document.querySelectorAll('canvas[data-wave]')) near.observe(canvas);
  }
  async function wave(canvas) {
    try {
      const sound = await fetched(canvas.dataset.wave, Number(canvas.dataset.rate));
      draw(canvas, sound.getChannelData(0));
    } catch {
      canvas.replaceWith(Object.assign(document.createElement('span'), { className: 'dim small', textContent: 'cannot be decoded' }));
    }
  }
  document.addEventListener('themechange', () => waves());
  document.addEventListener('themechange', () => document.querySelectorAll('canvas[data-wave]').forEach(wave));
  document.addEventListener('click', (event) => {
    const cell = event.target.closest('[data-hear]');
    if (cell) listen.hear(cell.dataset.slot, Number(cell.dataset.step), cell.dataset.hear);
  });
  listen.player.addEventListener('change', () => {
    for (const button of document.querySelectorAll('[data-hear]')) {
      const on = listen.playing(button.dataset.slot, Number(button.dataset.step), button.dataset.hear);
      button.closest('.cell').classList.toggle('on', on);
      button.querySelector('use').setAttribute('href', on && !listen.player.paused ? '#g-pause' : '#g-play');
    }
  });

  // Console
  const pre = $('lines');
  const find = $('find');
  function stamp(root) {
    for (const mark of root.querySelectorAll('i[data-time]')) mark.textContent = `${timeOfDay(Number(mark.dataset.time))}  `;
  }
  function follow() {
    if ($('follow').checked) pre.scrollTop = pre.scrollHeight;
  }
  async function lines() {
    try {
      const found = await api(`/api/runs/${run}/log?after=${pre.dataset.after}`);
      if (!found.lines.length) return;
      pre.dataset.after = found.next;
      for (const line of found.lines) pre.append(lineOf(line));
      while (pre.childElementCount > MOST_LINES) pre.firstElementChild.remove();
      $('no-lines')?.remove();
      search();
      follow();
    } catch (problem) {
      notice(`The console could not be read. ${problem.message}`, 'warn');
    }
  }
  function search() {
    const text = find.value.trim().toLowerCase();
    let found = 0;
    for (const line of pre.querySelectorAll('.ln')) {
      line.hidden = Boolean(text) && !line.textContent.toLowerCase().includes(text);
      if (!line.hidden) found++;
    }
    $('found').textContent = text ? `${count(found)} of ${count(pre.childElementCount)} lines` : '';
  }
  find.addEventListener('input', search);
  $('follow').addEventListener('change', follow);

  // Buttons of the head
  document.addEventListener('click', async (event) => {
    const post = event.target.closest('[data-post]');
    const archive = event.target.closest('#archive');
    const checkpoint = event.target.closest('[data-delete-checkpoint]');
    try {
      if (post) {
        post.disabled = true;
        await api(`/api/runs/${run}/${post.dataset.post}`, { method: 'POST' });
        await part('head', 'head');
      } else if (archive) {
        await api(`/api/runs/${run}`, { method: 'PATCH', body: { archived: archive.dataset.archived !== 'true' } });
        await part('head', 'head');
      } else if (checkpoint) {
        if (!checkpoint.dataset.sure) {
          checkpoint.dataset.sure = '1';
          checkpoint.textContent = `Delete step ${checkpoint.dataset.step} for good`;
          return;
        }
        await api(`/api/runs/${run}/checkpoints/${checkpoint.dataset.deleteCheckpoint}`, { method: 'DELETE' });
        saved();
      } else if (event.target.closest('#delete-open')) $('delete').showModal();
      else if (event.target.closest('#fork-open')) await openFork(run);
      else if (event.target.closest('[data-treat]')) await openFork(run, event.target.closest('[data-treat]').dataset);
      else if (event.target.closest('[data-close]')) event.target.closest('dialog').close();
    } catch (problem) {
      if (post) post.disabled = false;
      notice(problem.message, 'fail');
    }
  });
  $('delete-go').addEventListener('click', async () => {
    try {
      await api(`/api/runs/${run}?undo=true`, { method: 'DELETE' });
      location.assign('/');
    } catch (problem) {
      $('delete-error').hidden = false;
      $('delete-error').textContent = problem.message;
    }
  });

  $('differs-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const other = $('differs-from').value;
    if (!other) return;
    try {
      const html = await fragment(`/runs/${run}/differs?from=${encodeURIComponent(other)}`);
      $('differs').replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes);
    } catch (problem) {
      notice(problem.message, 'warn');
    }
  });

  if ($('fork')) forks(run);
  keys.listen({
    ...view.keys(),
    ...findingsOpen.keys(),
    ...listen.keys(),
  });
  stamp(pre);
  follow();
  waves();
  listen.refresh();
}

function lineOf(line) {
  const row = document.createElement('span');
  const look = { error: ' er', critical: ' er', warning: ' wn' }[line.level] ?? (line.stream === 'stderr' ? ' se' : '');
  row.className = `ln${look}`;
  row.append(Object.assign(document.createElement('i'), { textContent: `${timeOfDay(line.time)}  ` }), `${line.text}\n`);
  return row;
}

function draw(canvas, samples) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  const { width, height } = canvas;
  const pen = canvas.getContext('2d');
  pen.clearRect(0, 0, width, height);
  const colour = theme.colour(canvas.dataset.source === 'R' ? '--ink-2' : '--run-a');
  const over = theme.colour('--fail');
  const [lows, highs] = peaks(samples, width);
  for (let p = 0; p < width; p++) {
    pen.fillStyle = highs[p] > 1 || lows[p] < -1 ? over : colour;
    const top = Math.max(0, (height / 2) * (1 - highs[p]));
    pen.fillRect(p, top, 1, Math.max(ratio, Math.min(height, (height / 2) * (1 - lows[p])) - top));
  }
}

/** Open the fork dialog with the checkpoints that are there now: retention may have removed some since. */
async function openFork(run, remedy) {
  const form = document.getElementById('fork-form');
  const { from, name } = form.elements;
  if (remedy || form.dataset.treats) {
    for (const row of [...document.querySelectorAll('#fork-knobs [data-drop]')]) row.click();
    form.dataset.treats = remedy?.treat ?? '';
    name.value = `${document.getElementById('board').dataset.name} ${remedy ? `against ${remedy.treat}` : 'fork'}`.slice(0, 200);
    from.value = '';
  }
  for (const [changed, value] of Object.entries(remedy ? JSON.parse(remedy.patch) : {})) {
    const option = [...document.getElementById('fork-add').options].find((o) => o.value === changed);
    if (!option) throw new Error(`This run has no knob ${changed}. Nothing was launched.`);
    document.getElementById('fork-knobs').append(knob(changed, option.dataset));
    document.getElementById(`fork:${changed}`).value = String(value);
    option.hidden = true;
  }
  const { checkpoints } = await api(`/api/runs/${run}/checkpoints`);
  const kept = checkpoints.filter((c) => c.present).reverse();
  from.replaceChildren(from.options[0], ...kept.map((c) => new Option(`checkpoint of step ${count(c.step)}`, c.id)));
  document.getElementById('fork').showModal();
}

/** The fork dialog: knobs are added one by one, each with its value, range and problem. */
function forks(run) {
  const form = document.getElementById('fork-form');
  const list = document.getElementById('fork-knobs');
  const add = document.getElementById('fork-add');
  const error = document.getElementById('fork-error');
  add.addEventListener('change', () => {
    const option = add.selectedOptions[0];
    if (option.value) {
      list.append(knob(option.value, option.dataset));
      option.hidden = true;
      list.lastElementChild.querySelector('.in').focus();
    }
    add.value = '';
  });
  list.addEventListener('click', (event) => {
    const row = event.target.closest('[data-drop]') && event.target.closest('li');
    if (!row) return;
    [...add.options].find((o) => o.value === row.dataset.knob).hidden = false;
    row.remove();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const rows = [...list.children];
    const patch = patchOf(rows.map((r) => ({ knob: r.dataset.knob, was: r.dataset.was, value: r.querySelector('.in').value })));
    const from = form.elements.from.value;
    error.hidden = true;
    for (const row of rows) wrong(row, '');
    const go = document.getElementById('fork-go');
    go.disabled = true;
    try {
      const made = await api(`/api/runs/${run}/fork`, { method: 'POST', body: { patch, name: form.elements.name.value, from_checkpoint: from ? Number(from) : null, treats: form.dataset.treats || null } });
      location.assign(made.url);
    } catch (problem) {
      go.disabled = false;
      const beside = (problem.problems ?? []).filter((p) => rows.some((r) => r.dataset.knob === p.knob));
      for (const p of beside) wrong(rows.find((r) => r.dataset.knob === p.knob), p.message);
      const rest = (problem.problems ?? []).filter((p) => !beside.includes(p)).map((p) => sentence(p.message));
      error.hidden = false;
      const what = beside.length ? `${count(beside.length)} ${beside.length === 1 ? 'knob needs' : 'knobs need'} a change. ${rest.join(' ')}` : rest.join(' ') || sentence(problem.message);
      error.querySelector('span').textContent = `${what} Nothing was launched.`;
    }
  });
}

function knob(name, about) {
  const row = document.createElement('li');
  row.dataset.knob = name;
  row.dataset.was = about.value;
  const label = Object.assign(document.createElement('label'), { className: 'mono', textContent: name });
  const field = about.choices ? document.createElement('select') : document.createElement('input');
  field.className = 'in mono';
  field.id = `fork:${name}`;
  label.htmlFor = field.id;
  if (about.choices) field.append(...about.choices.split('|').map((c) => new Option(c, c)));
  else if (about.type === 'bool') field.placeholder = 'true or false';
  field.value = about.value;
  const hint = [about.unit, rangeOf(about.low, about.high), `now ${about.value || 'none'}`].filter(Boolean).join(', ');
  const drop = Object.assign(document.createElement('button'), { type: 'button', className: 'link small', textContent: 'leave' });
  drop.dataset.drop = '1';
  const help = Object.assign(document.createElement('span'), { className: 'small dim', textContent: `${about.help} (${hint})` });
  const problem = Object.assign(document.createElement('p'), { className: 'err', hidden: true });
  row.append(label, field, drop, help, problem);
  return row;
}

function wrong(row, text) {
  const problem = row.querySelector('.err');
  problem.textContent = text;
  problem.hidden = !text;
  row.querySelector('.in').setAttribute('aria-invalid', String(Boolean(text)));
}

if (typeof document !== 'undefined') start();
