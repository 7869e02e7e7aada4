// The Runs page: a selection with keys A to H, rows that follow the server, editing, keyboard.
import { Refused, api, fragment, notice, throttled } from './base.js';
import { combo, fitting, known, suggested, tokenAt } from './combo.js';
import * as keys from './keys.js';
import { Followed, Live } from './live.js';
import { takesBundles } from './rundrop.js';

const LETTERS = 'ABCDEFGH';
const MOST = 500;
const POLL_MS = 5000;

/** The selection after a tick: ids in the order chosen, so many at most. Says when there is no more room. */
export function toggled(selected, id, on = !selected.includes(id), most = MOST) {
  if (on && selected.includes(id)) return { selected, full: false };
  const rest = selected.filter((other) => other !== id);
  if (!on) return { selected: rest, full: false };
  return rest.length < most ? { selected: [...rest, id], full: false } : { selected: rest, full: true };
}

/** {id: letter} of the first eight of a selection: the keys that Compare gives them. */
export function letters(selected) {
  return Object.fromEntries(selected.slice(0, LETTERS.length).map((id, i) => [id, LETTERS[i]]));
}

/** The ids from one row to another, both included, whichever comes first; only the second where the first is gone. */
export function between(ids, from, to) {
  const [a, b] = [ids.indexOf(from), ids.indexOf(to)];
  if (a < 0 || b < 0) return b < 0 ? [] : [to];
  return ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** What a change of several runs did, in words: "Tagged 3 runs. Not done: x: it is running; stop it first." */
export function outcome(done, { done: ids, refused }, names = (id) => id) {
  const what = ids.length === 1 ? names(ids[0]) : `${ids.length} runs`;
  const parts = ids.length ? [`${done} ${what}.`] : [];
  const shown = refused.slice(0, 4).map((r) => `${r.name}: ${r.why}`);
  if (refused.length) parts.push(`Not done: ${shown.join('; ')}${refused.length > 4 ? ` and ${refused.length - 4} more` : ''}.`);
  return parts.join(' ');
}

/** Text with commas as a list without blanks and doubles. */
export function tagList(text) {
  return [...new Set(text.split(',').map((part) => part.trim()).filter(Boolean))];
}

/**
 * What to do with the rows that stand so that they are the new ones: `before` and `after` are [id, html] in order.
 * `changed` are ids whose html differs or that are new, `gone` those that left, `order` whether to put all anew.
 */
export function plan(before, after) {
  const old = new Map(before);
  const now = new Map(after);
  return {
    changed: after.filter(([id, html]) => old.get(id) !== html).map(([id]) => id),
    gone: before.filter(([id]) => !now.has(id)).map(([id]) => id),
    order: before.filter(([id]) => now.has(id)).map(([id]) => id).join() !== after.filter(([id]) => old.has(id)).map(([id]) => id).join() || after.some(([id]) => !old.has(id)),
  };
}

/** The index that an arrow leads to, within `count` rows; -1 is none yet. */
export function moved(index, by, count) {
  if (!count) return -1;
  return index < 0 ? (by > 0 ? 0 : count - 1) : Math.min(count - 1, Math.max(0, index + by));
}

function start(form) {
  const $ = (id) => document.getElementById(id);
  let selected = [];
  let anchor = ''; // where a range begins: the row that was ticked last
  let plain = new Map(); // each row's html as the server sent it, before keys were put on
  const rows = () => [...form.querySelectorAll('tr[data-run]')];
  const row = (id) => form.querySelector(`tr[data-run="${CSS.escape(id)}"]`);
  const remember = () => (plain = new Map(rows().map((r) => [r.dataset.run, r.outerHTML])));

  function paint() {
    const keyed = letters(selected);
    for (const r of rows()) {
      const letter = keyed[r.dataset.run];
      r.classList.toggle('sel', selected.includes(r.dataset.run));
      if (letter) r.dataset.k = letter;
      else delete r.dataset.k;
      r.querySelector('input[name=run]').checked = selected.includes(r.dataset.run);
      r.querySelector('.key-slot').replaceChildren(...(letter ? [key(letter)] : []));
    }
    $('selbar').hidden = !selected.length;
    $('sel-count').textContent = `${selected.length} selected`;
    $('sel-keys').replaceChildren(...selected.slice(0, LETTERS.length).map((id) => key(keyed[id])));
    const shown = selected.map(row).filter(Boolean);
    $('sel-note').textContent = shown.length < selected.length ? `${selected.length - shown.length} on other pages` : '';
    const all = $('sel-all');
    if (all) {
      const ticked = rows().filter((r) => selected.includes(r.dataset.run)).length;
      all.checked = ticked > 0 && ticked === rows().length;
      all.indeterminate = ticked > 0 && ticked < rows().length;
    }
    $('do-archive').textContent = shown.length && shown.every((r) => 'archived' in r.dataset) ? 'Bring back' : 'Archive';
  }

  function key(letter) {
    const mark = Object.assign(document.createElement('span'), { className: 'key', textContent: letter });
    mark.dataset.k = letter;
    return mark;
  }

  function toggle(id, on) {
    const next = toggled(selected, id, on);
    if (next.full) notice(`${MOST} runs at most at once.`, 'warn');
    selected = next.selected;
    anchor = id;
    paint();
  }

  /** Tick, or not, all rows from the one that was ticked last to this one. */
  function range(id, on) {
    const ids = between(rows().map((r) => r.dataset.run), anchor, id);
    for (const other of ids) selected = toggled(selected, other, on).selected;
    anchor = id;
    paint();
  }

  const take = (html) => {
    const fresh = new DOMParser().parseFromString(html, 'text/html').getElementById('list');
    const list = $('list');
    const bar = $('live-count');
    if (bar.textContent !== fresh.dataset.count) bar.textContent = fresh.dataset.count;
    const body = list.querySelector('tbody');
    const freshBody = fresh.querySelector('tbody');
    if (!body || !freshBody) {
      list.replaceWith(fresh);
    } else {
      const after = [...freshBody.children].map((r) => [r.dataset.run, r.outerHTML]);
      const what = plan([...plain], after);
      const focused = document.activeElement?.closest?.('tr[data-run]')?.dataset.run;
      const inner = document.activeElement?.closest?.('[data-edit], a, input')?.tagName;
      for (const id of what.gone) row(id)?.remove();
      for (const id of what.changed) {
        const made = freshBody.querySelector(`tr[data-run="${CSS.escape(id)}"]`);
        const old = row(id);
        if (old) old.replaceWith(made.cloneNode(true));
        else body.append(made.cloneNode(true));
      }
      if (what.order) for (const [id] of after) body.append(row(id));
      if (focused && what.changed.includes(focused)) (row(focused).querySelector(inner) ?? row(focused)).focus({ preventScroll: true });
      for (const id of ['statuses', 'shown', 'list-say']) {
        const [a, b] = [list.querySelector(`#${id}`), fresh.querySelector(`#${id}`)];
        if (a && !b) a.remove();
        else if (a && a.innerHTML !== b.innerHTML && (id === 'list-say' || !a.contains(document.activeElement))) {
          const held = a.contains(document.activeElement);
          a.innerHTML = b.innerHTML;
          if (held) (rows()[0] ?? $('q')).focus({ preventScroll: true }); // its button has gone with the banner
        }
      }
      plain = new Map(after);
    }
    $('q').setAttribute('aria-invalid', String(Boolean($('query-error'))));
    if (!body || !freshBody) remember();
    paint();
    watch();
  };

  let busy = false;
  async function refresh() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      take(await fragment(`/rows${form.dataset.query}`));
    } catch {
      // the server is away: the next look tells; rows stay as they are
    } finally {
      busy = false;
    }
  }
  const soon = throttled(refresh, 1000);

  let live = null;
  let watched = '';
  const followed = new Followed();
  function watch() {
    const ids = followed.ids(rows().filter((r) => 'active' in r.dataset).map((r) => r.dataset.run));
    if (ids.join() === watched) return;
    watched = ids.join();
    live?.close();
    const heard = (change) => {
      followed.hear(change.runs);
      soon();
    };
    live = ids.length ? new Live(ids, { onChange: heard, onReturn: soon }) : null;
  }

  const name = (id) => row(id)?.dataset.name ?? id;
  const some = (ids) => (ids.length === 1 ? name(ids[0]) : `${ids.length} runs`);

  /** Do one thing to several runs and say what came of it. */
  async function bulk(ids, act, said, tags = []) {
    const names = Object.fromEntries(ids.map((id) => [id, name(id)]));
    try {
      const found = await api('/api/runs/bulk', { method: 'POST', body: { act, ids, tags } });
      notice(outcome(said, found, (id) => names[id] ?? id), found.refused.length ? 'warn' : 'info');
      if (act === 'delete') selected = selected.filter((id) => !found.done.includes(id));
    } catch (problem) {
      notice(problem.message, 'fail');
    } finally {
      await refresh();
    }
  }

  const asked = (dialog) =>
    new Promise((answer) => {
      dialog.returnValue = 'cancel';
      dialog.addEventListener('close', () => answer(dialog.returnValue), { once: true });
      dialog.showModal();
    });

  const remove = (ids) => bulk(ids, 'delete', 'Deleted');
  const archive = (ids, on) => bulk(ids, on ? 'archive' : 'unarchive', on ? 'Archived' : 'Brought back');

  async function edit(id) {
    const r = row(id);
    const dialog = $('edit');
    $('edit-title').textContent = `Edit ${r.dataset.name}`;
    $('edit-name').value = r.dataset.name === id ? '' : r.dataset.name;
    $('edit-tags').value = r.dataset.tags;
    $('edit-notes').value = r.dataset.notes;
    $('edit-error').hidden = true;
    $('edit-archive').textContent = 'archived' in r.dataset ? 'Bring back' : 'Archive';
    dialog.dataset.run = id;
    dialog.showModal();
    $('edit-name').focus();
  }

  async function save(event) {
    if (event.submitter?.value !== 'save') return;
    event.preventDefault();
    const id = $('edit').dataset.run;
    const body = { name: $('edit-name').value, tags: tagList($('edit-tags').value), notes: $('edit-notes').value };
    try {
      await api(`/api/runs/${id}`, { method: 'PATCH', body });
      $('edit').close();
      await refresh();
    } catch (problem) {
      $('edit-error').textContent = `${problem.message} Nothing was changed.`;
      $('edit-error').hidden = false;
      if (!(problem instanceof Refused)) notice(problem.message, 'fail');
    }
  }

  async function tag(act) {
    const ids = [...selected];
    const add = act === 'tag';
    $('tag-title').textContent = $('tag-go').textContent = add ? 'Add tags' : 'Take tags away';
    $('tag-what').textContent = `${add ? 'Added to' : 'Taken from'} ${some(ids)}`;
    $('tag-names').value = '';
    if ((await asked($('tag'))) !== 'save') return;
    const names = tagList($('tag-names').value);
    if (names.length) await bulk(ids, act, add ? 'Tagged' : 'Took tags from', names);
  }

  const compare = () => selected.length && location.assign(`/compare?runs=${selected.join(',')}`);

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    compare();
  });
  let shifted = false;
  form.addEventListener('change', (event) => {
    if (event.target.id === 'sel-all') for (const r of rows()) selected = toggled(selected, r.dataset.run, event.target.checked).selected;
    if (event.target.type !== 'checkbox') return;
    if (event.target.name === 'run' && shifted && anchor) range(event.target.value, event.target.checked);
    else if (event.target.name === 'run') toggle(event.target.value, event.target.checked);
    else paint();
  });
  form.addEventListener('click', (event) => {
    shifted = event.shiftKey;
    if (event.target.closest('#filter-help-open')) {
      event.preventDefault();
      $('filter-help').showModal();
    }
    const button = event.target.closest('[data-edit]');
    if (button) edit(button.dataset.edit);
  });
  $('edit-form').addEventListener('submit', save);
  $('edit-archive').addEventListener('click', () => {
    const id = $('edit').dataset.run;
    $('edit').close();
    archive([id], !('archived' in row(id).dataset));
  });
  $('edit-delete').addEventListener('click', () => {
    $('edit').close();
    remove([$('edit').dataset.run]);
  });
  $('do-tag').addEventListener('click', () => tag('tag'));
  $('do-untag').addEventListener('click', () => tag('untag'));
  $('do-archive').addEventListener('click', () => archive([...selected], $('do-archive').textContent === 'Archive'));
  $('do-delete').addEventListener('click', () => remove([...selected]));
  $('do-clear').addEventListener('click', () => ((selected = []), paint()));

  $('bin-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const ids = [...new FormData(event.target).getAll('run')];
    const act = event.submitter.value;
    bulk(ids, act, act === 'restore' ? 'Brought back' : 'Removed for good:');
  });
  for (const button of document.querySelectorAll('[data-open]')) button.addEventListener('click', () => $(button.dataset.open).showModal());

  const filters = $('filters');
  const typing = () => $('q').dispatchEvent(new Event('typed'));
  combo($('q'), $('q-list'), async (text, caret) => {
    const token = tokenAt(text, caret);
    return { ...token, items: token.text ? suggested(token.text, await known()) : [] };
  }, typing);
  combo($('columns-add'), $('columns-list'), async (text) => {
    const names = await known();
    const items = text ? [...fitting(text, names.series), ...fitting(text, names.knobs)].slice(0, 8) : [];
    return { from: 0, to: text.length, items: items.map((n) => ({ text: n, what: names.series.includes(n) ? 'series' : 'knob', more: true })) };
  });
  $('columns-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const added = $('columns-add').value.trim();
    const here = new URLSearchParams(location.search);
    const columns = [...new Set([...tagList(here.get('cols') ?? ''), ...tagList(added)])];
    const names = await known().catch(() => null);
    const strange = tagList(added).find((n) => names && !names.series.includes(n) && !names.knobs.includes(n));
    const wrong = !added ? 'Name a series or a knob.' : strange ? `No run here has a series or knob ${strange}.` : columns.length > 6 ? 'Six columns at most: take one out first.' : '';
    $('columns-error').hidden = !wrong;
    $('columns-error').textContent = wrong;
    if (wrong) return;
    here.set('cols', columns.join());
    here.delete('page');
    location.assign(`/?${here}`);
  });
  let typed = 0;
  filters.addEventListener('change', (event) => event.target.tagName === 'SELECT' && filters.requestSubmit());
  filters.addEventListener('submit', () => {
    for (const field of filters.elements) if (field.name && !field.value) field.disabled = true; // no empty words in the URL
  });
  for (const kind of ['input', 'typed']) $('q').addEventListener(kind, () => {
    clearTimeout(typed);
    typed = setTimeout(async () => {
      const words = new URLSearchParams(new FormData(filters));
      for (const [name, value] of [...words]) if (!value) words.delete(name);
      form.dataset.query = words.size ? `?${words}` : '';
      history.replaceState(null, '', `/${form.dataset.query}`);
      await refresh();
    }, 200);
  });

  const at = () => rows().indexOf(document.activeElement?.closest?.('tr[data-run]'));
  const go = (by) => rows()[moved(at(), by, rows().length)]?.focus();
  function step(event, by) {
    const from = rows()[at()]?.dataset.run;
    go(by);
    if (!event.shiftKey || at() < 0) return;
    if (from && !selected.includes(from)) toggle(from, true);
    toggle(rows()[at()].dataset.run, true);
  }
  keys.listen({
    '/': () => $('q').focus(),
    ArrowDown: (event) => step(event, 1),
    ArrowUp: (event) => step(event, -1),
    x: () => at() >= 0 && toggle(rows()[at()].dataset.run),
    X: () => at() >= 0 && range(rows()[at()].dataset.run, true),
    '#': () => selected.length > 0 && remove([...selected]),
    e: () => at() >= 0 && edit(rows()[at()].dataset.run),
    c: compare,
    Enter: (event) => event.target.closest('tr[data-run]') === event.target && location.assign(`/runs/${event.target.dataset.run}`),
    Escape: () => ((selected = []), paint()),
  });

  remember();
  selected = [...form.querySelectorAll('input[name=run]:checked')].map((box) => box.value).slice(0, MOST);
  paint();
  watch();
  setInterval(refresh, POLL_MS);
  document.addEventListener('visibilitychange', () => document.hidden || refresh());
}

if (typeof document !== 'undefined') {
  const form = document.getElementById('runs');
  takesBundles(document.getElementById('bundle-say'));
  if (form) start(form);
  else if (document.querySelector('.empty')) setInterval(firstRun, POLL_MS);
}

/** On an empty page: the first run brings the list. */
async function firstRun() {
  if (!document.hidden && !document.querySelector('[data-opening]') && !(await fragment('/rows').catch(() => '')).includes('data-total="0"')) location.reload();
}
