// The Runs page: a selection with keys A to H, rows that follow the server, editing, keyboard.
import { Refused, api, fragment, notice, throttled } from './base.js';
import * as keys from './keys.js';
import { Live } from './live.js';

const LETTERS = 'ABCDEFGH';
const POLL_MS = 5000;

/** The selection after a tick: ids in the order chosen, eight at most. Says when there is no more room. */
export function toggled(selected, id, on = !selected.includes(id)) {
  const rest = selected.filter((other) => other !== id);
  if (!on) return { selected: rest, full: false };
  return rest.length < LETTERS.length ? { selected: [...rest, id], full: false } : { selected: rest, full: true };
}

/** {id: letter} of a selection. */
export function letters(selected) {
  return Object.fromEntries(selected.map((id, i) => [id, LETTERS[i]]));
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
  let plain = new Map(); // each row's html as the server sent it, before keys were put on
  const rows = () => [...form.querySelectorAll('tr[data-run]')];
  const row = (id) => form.querySelector(`tr[data-run="${CSS.escape(id)}"]`);
  const remember = () => (plain = new Map(rows().map((r) => [r.dataset.run, r.outerHTML])));

  function paint() {
    const keyed = letters(selected);
    for (const r of rows()) {
      const letter = keyed[r.dataset.run];
      r.classList.toggle('sel', Boolean(letter));
      if (letter) r.dataset.k = letter;
      else delete r.dataset.k;
      r.querySelector('input[name=run]').checked = Boolean(letter);
      r.querySelector('.key-slot').replaceChildren(...(letter ? [key(letter)] : []));
    }
    $('selbar').hidden = !selected.length;
    $('sel-count').textContent = `${selected.length} selected`;
    $('sel-keys').replaceChildren(...selected.map((id) => key(keyed[id])));
    const shown = selected.map(row).filter(Boolean);
    $('sel-note').textContent = shown.length < selected.length ? `${selected.length - shown.length} on other pages` : '';
    $('do-archive').textContent = shown.length && shown.every((r) => 'archived' in r.dataset) ? 'Bring back' : 'Archive';
  }

  function key(letter) {
    const mark = Object.assign(document.createElement('span'), { className: 'key', textContent: letter });
    mark.dataset.k = letter;
    return mark;
  }

  function toggle(id, on) {
    const next = toggled(selected, id, on);
    if (next.full) notice('Eight runs at most: the keys are A to H.', 'warn');
    selected = next.selected;
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
      for (const id of ['statuses', 'shown', 'demo-note']) {
        const [a, b] = [list.querySelector(`#${id}`), fresh.querySelector(`#${id}`)];
        if (a && !b) a.remove();
        else if (a && a.innerHTML !== b.innerHTML && !a.contains(document.activeElement)) a.innerHTML = b.innerHTML;
      }
      plain = new Map(after);
    }
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
  function watch() {
    const ids = rows().filter((r) => 'active' in r.dataset).map((r) => r.dataset.run).sort();
    if (ids.join() === watched) return;
    watched = ids.join();
    live?.stream?.close();
    live = ids.length ? new Live(ids, { onChange: soon, onReturn: soon }) : null;
  }

  async function change(ids, body, said) {
    try {
      for (const id of ids) await api(`/api/runs/${id}`, { method: 'PATCH', body: body(id) });
      notice(said);
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

  const name = (id) => row(id)?.dataset.name ?? id;
  const some = (ids) => (ids.length === 1 ? name(ids[0]) : `${ids.length} runs`);

  async function remove(ids) {
    $('delete-title').textContent = `Delete ${ids.length === 1 ? 'this run' : some(ids)}?`;
    $('delete-go').textContent = ids.length === 1 ? 'Delete run' : `Delete ${some(ids)}`;
    $('delete-names').replaceChildren(...ids.map((id) => Object.assign(document.createElement('li'), { textContent: name(id) })));
    if ((await asked($('delete'))) !== 'delete') return;
    const kept = [];
    for (const id of ids) {
      try {
        await api(`/api/runs/${id}`, { method: 'DELETE' });
        selected = selected.filter((other) => other !== id);
      } catch (problem) {
        kept.push(`${name(id)}: ${problem.message}`);
      }
    }
    notice(kept.length ? `Not deleted: ${kept.join('; ')}.` : `Deleted ${ids.length === 1 ? 'the run' : some(ids)}.`, kept.length ? 'fail' : 'info');
    await refresh();
  }

  async function archive(ids, on) {
    await guarded(() => change(ids, () => ({ archived: on }), `${on ? 'Archived' : 'Brought back'}: ${some(ids)}.`));
  }

  async function guarded(act) {
    try {
      await act();
    } catch (problem) {
      notice(problem.message, 'fail');
    }
  }

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

  async function tag() {
    const ids = [...selected];
    $('tag-what').textContent = `Added to ${some(ids)}`;
    $('tag-names').value = '';
    if ((await asked($('tag'))) !== 'save') return;
    const more = tagList($('tag-names').value);
    if (more.length) await guarded(() => change(ids, (id) => ({ tags: [...new Set([...tagList(row(id)?.dataset.tags ?? ''), ...more])] }), `Tagged ${some(ids)}.`));
  }

  const compare = () => selected.length && location.assign(`/compare?runs=${selected.join(',')}`);

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    compare();
  });
  form.addEventListener('change', (event) => event.target.name === 'run' && toggle(event.target.value, event.target.checked));
  form.addEventListener('click', (event) => {
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
  $('do-tag').addEventListener('click', tag);
  $('do-archive').addEventListener('click', () => archive([...selected], $('do-archive').textContent === 'Archive'));
  $('do-delete').addEventListener('click', () => remove([...selected]));
  $('do-clear').addEventListener('click', () => ((selected = []), paint()));

  const filters = $('filters');
  let typed = 0;
  filters.addEventListener('change', (event) => event.target.tagName === 'SELECT' && filters.requestSubmit());
  filters.addEventListener('submit', () => {
    for (const field of filters.elements) if (field.name && !field.value) field.disabled = true; // no empty words in the URL
  });
  $('q').addEventListener('input', () => {
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
  keys.listen({
    '/': () => $('q').focus(),
    ArrowDown: () => go(1),
    ArrowUp: () => go(-1),
    x: () => at() >= 0 && toggle(rows()[at()].dataset.run),
    e: () => at() >= 0 && edit(rows()[at()].dataset.run),
    c: compare,
    Enter: (event) => event.target.closest('tr[data-run]') === event.target && location.assign(`/runs/${event.target.dataset.run}`),
    Escape: () => ((selected = []), paint()),
  });

  remember();
  selected = [...form.querySelectorAll('input[name=run]:checked')].map((box) => box.value).slice(0, LETTERS.length);
  paint();
  watch();
  setInterval(refresh, POLL_MS);
  document.addEventListener('visibilitychange', () => document.hidden || refresh());
}

if (typeof document !== 'undefined') {
  const form = document.getElementById('runs');
  if (form) start(form);
  else if (document.querySelector('.empty')) setInterval(firstRun, POLL_MS);
}

/** On an empty page: the first run brings the list. */
async function firstRun() {
  if (!document.hidden && !(await fragment('/rows').catch(() => '')).includes('data-total="0"')) location.reload();
}
