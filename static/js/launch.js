// The Launch page: the server renders the form; this asks it to, whenever something changes, and takes over what differs.
import { Refused, api, fragment, notice } from './base.js';
import * as keys from './keys.js';

/** What a form would send, as URL-encoded text; `extra` goes on top. */
export function encoded(pairs, extra = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of pairs) words.append(name, value);
  for (const [name, value] of Object.entries(extra)) words.append(name, value);
  return words.toString();
}

/** Whether a change of this field changes which knobs there are. */
export function reshapes(name) {
  return name === 'trainer' || name === 'preset' || name === 'size';
}

/** Whether a knob's words hold every word that is looked for. */
export function matches(words, text) {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((part) => words.includes(part));
}

/** Two presets at most: the one chosen first goes when a third is chosen. Values in the order chosen. */
export function chosen(before, value, on, most = 2) {
  const rest = before.filter((v) => v !== value);
  return on ? [...rest, value].slice(-most) : rest;
}

/** Texts of the problems of a refusal by knob, first one first: {knob: message}. */
export function byKnob(problems) {
  const found = {};
  for (const { knob, message } of problems) found[knob || ''] ??= message;
  return found;
}

/** A value as a field of the form takes it: 100, 0.001, true, "" for none. */
export function typed(value) {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** "Set disc.lr to 0.001 and disc.init to kaiming": what a fix has done, in words. */
export function said(patch) {
  const parts = Object.entries(patch).map(([knob, value]) => `${knob} to ${typed(value) || 'none'}`);
  return `Set ${parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : parts[0]}.`;
}

function start(form) {
  let asking = null;
  let waiting = 0;
  let order = [...form.querySelectorAll('input[name=preset]:checked')].map((box) => box.value);

  const body = () => encoded(new FormData(form));

  /** Ask for the form anew and take over what differs; true once it is fresh. */
  async function refresh() {
    clearTimeout(waiting);
    waiting = 0;
    asking?.abort();
    asking = new AbortController();
    const mine = asking;
    try {
      const html = await fragment('/launch/preview', {
        method: 'POST',
        body: body(),
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        signal: mine.signal,
      });
      take(new DOMParser().parseFromString(html, 'text/html').querySelector('form'));
      return true;
    } catch (problem) {
      if (problem.name !== 'AbortError') notice(problem.message, 'fail');
      return false;
    } finally {
      if (asking === mine) asking = null;
    }
  }

  function take(fresh) {
    for (const name of ['path', 'body', 'shown']) form.dataset[name] = fresh.dataset[name];
    form.elements.shown.value = fresh.elements.shown.value;
    const groups = form.querySelector('[data-part="groups"]');
    const newGroups = fresh.querySelector('[data-part="groups"]');
    const reshaped = groups.dataset.shown !== newGroups.dataset.shown;
    if (reshaped) groups.replaceWith(newGroups);
    for (const part of fresh.querySelectorAll('[data-part]')) {
      const name = part.dataset.part;
      const old = form.querySelector(`[data-part="${CSS.escape(name)}"]`);
      if (!old || name === 'groups') continue;
      if (old.innerHTML !== part.innerHTML && !old.contains(document.activeElement)) old.innerHTML = part.innerHTML;
    }
    for (const row of fresh.querySelectorAll('.knob')) {
      const old = document.getElementById(row.id);
      if (!old) continue;
      old.classList.toggle('changed', row.classList.contains('changed'));
      for (const field of row.querySelectorAll('[name]')) {
        const mine = form.elements[field.name];
        if (field.getAttribute('aria-invalid')) mine?.setAttribute('aria-invalid', 'true');
        else mine?.removeAttribute?.('aria-invalid');
      }
    }
    for (const field of fresh.querySelectorAll('.plain [name]')) {
      const mine = form.elements[field.name];
      if (field.getAttribute('aria-invalid')) mine.setAttribute('aria-invalid', 'true');
      else mine.removeAttribute('aria-invalid');
    }
    if (reshaped) find();
  }

  function soon(wait = 250) {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, wait);
  }

  function troubles() {
    const box = document.getElementById('troubles');
    const first = form.querySelector('[aria-invalid="true"]');
    first?.closest('details')?.setAttribute('open', '');
    box.scrollIntoView({ block: 'start' });
    box.focus({ preventScroll: true });
  }

  /** Say beside the fields what the API refused. */
  function refused(problem) {
    const box = document.getElementById('troubles');
    const strip = document.createElement('div');
    strip.className = 'banner fail';
    strip.setAttribute('role', 'alert');
    strip.textContent = `${problem.message}${problem.message.endsWith('.') ? '' : '.'} Nothing was launched.`;
    box.replaceChildren(strip);
    for (const [knob, message] of Object.entries(byKnob(problem.problems ?? []))) {
      const field = form.elements[`knob:${knob}`] ?? form.elements[knob];
      field?.setAttribute?.('aria-invalid', 'true');
      const place = form.querySelector(`[data-part="err:${CSS.escape(knob)}"]`);
      const line = Object.assign(document.createElement('p'), { className: 'err', textContent: message });
      place?.replaceChildren(line);
    }
    troubles();
  }

  async function launch() {
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    try {
      if (!(await refresh())) return;
      if (form.querySelector('#troubles .banner')) {
        troubles();
        return;
      }
      const answer = await api(form.dataset.path, { method: 'POST', body: JSON.parse(form.dataset.body) });
      location.assign(answer.url);
    } catch (problem) {
      if (problem instanceof Refused) refused(problem);
      else notice(problem.message, 'fail');
    } finally {
      form.removeAttribute('aria-busy');
    }
  }

  function find() {
    const text = document.getElementById('find').value;
    const groups = form.querySelector('.groups');
    groups.classList.toggle('finding', Boolean(text.trim()));
    for (const row of groups.querySelectorAll('.knob')) {
      row.hidden = !matches(row.dataset.words, text);
      if (text.trim() && !row.hidden) {
        for (let box = row.closest('details'); box; box = box.parentElement.closest('details')) box.open = true;
      }
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    launch();
  });
  form.addEventListener('input', (event) => {
    if (event.target.id === 'find') find();
    else if (!reshapes(event.target.name)) soon();
  });
  form.addEventListener('change', (event) => {
    const { name, value, checked } = event.target;
    if (name === 'preset') {
      order = chosen(order, value, checked);
      for (const box of form.querySelectorAll('input[name=preset]')) box.checked = order.includes(box.value);
    }
    if (name) soon(reshapes(name) ? 0 : 250);
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey && event.target.matches('input:not([type=checkbox])')) {
      event.preventDefault(); // a stray Enter in a field launches nothing
      soon(0);
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      launch();
    }
  });
  /** Fields of these knobs, with those of a pair's sides: [[field, value]]. A side's own value would win over the knob. */
  function fieldsOf(patch) {
    return Object.entries(patch).flatMap(([name, value]) => {
      const field = form.elements[`knob:${name}`];
      const row = field?.closest?.('.knob');
      if (!row) return [];
      return [[field, typed(value)], ...[...row.querySelectorAll('.side-in [name]')].map((side) => [side, ''])];
    });
  }

  /** Put what the doctor proposes into the form, and offer to take it back. */
  function fix(button) {
    const patch = JSON.parse(button.dataset.fix);
    const before = fieldsOf(patch).map(([field, value]) => {
      const old = field.value;
      field.value = value;
      return [field, old];
    });
    const place = button.closest('.knob').querySelector('[data-undo-at]');
    const undo = Object.assign(document.createElement('button'), { type: 'button', className: 'link', textContent: 'Undo' });
    undo.addEventListener('click', () => {
      for (const [field, old] of before) field.value = old;
      place.hidden = true;
      place.replaceChildren();
      before[0]?.[0].focus();
      soon(0);
    });
    place.hidden = false;
    place.replaceChildren(said(patch), ' ', undo);
    undo.focus();
    soon(0);
  }

  form.addEventListener('click', (event) => {
    const proposed = event.target.closest('[data-fix]');
    if (proposed) fix(proposed);
    const use = event.target.closest('[data-use]');
    if (use) {
      document.getElementById(use.dataset.use).value = use.dataset.value;
      soon(0);
    }
    const link = event.target.closest('a[href^="#knob"]');
    if (!link) return;
    const field = document.getElementById(link.getAttribute('href').slice(1));
    if (!field) return;
    event.preventDefault();
    for (let box = field.closest('details'); box; box = box.parentElement.closest('details')) box.open = true;
    field.focus();
    field.scrollIntoView({ block: 'center' });
  });
  document.getElementById('use-demo').addEventListener('click', () => {
    form.elements['knob:data.root'].value = '';
    soon(0);
  });
  keys.listen({ '/': () => document.getElementById('find').focus() });
  window.addEventListener('pageshow', (event) => event.persisted && refresh());
}

if (typeof document !== 'undefined') {
  const form = document.getElementById('launch');
  if (form) start(form);
}
