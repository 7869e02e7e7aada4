// Suggestions while typing: what could stand at the caret, in a list that the keyboard and screen readers can use.
import { api } from './base.js';

const MOST = 8;

/** What a search may name, as the server knows it: asked once, and again after a minute. */
let kept = null;
export function known(now = Date.now()) {
  if (!kept || now - kept.at > 60_000) {
    const asked = api('/api/names');
    kept = { at: now, asked };
    asked.catch(() => (kept = null));
  }
  return kept.asked;
}

/** The token at the caret: {from, to, text}. A blank in quotes does not end it. */
export function tokenAt(text, caret) {
  let from = 0;
  let quoted = false;
  for (let i = 0; i < caret; i++) {
    if (text[i] === '\\' && quoted) i++;
    else if (text[i] === '"') quoted = !quoted;
    else if (/\s/.test(text[i]) && !quoted) from = i + 1;
  }
  let to = caret;
  while (to < text.length && !/\s/.test(text[to])) to++;
  return { from, to, text: text.slice(from, caret) };
}

/** A value as the search spells it: in quotes where it needs them. */
export function spelled(value) {
  return value && !/[\s"\\,<>=!():]/.test(value) && !value.startsWith('-') ? value : `"${value.replace(/([\\"])/g, '\\$1')}"`;
}

/** Names that fit what is typed: those that begin so first, then those that hold it. */
export function fitting(typed, names, most = MOST) {
  const low = typed.toLowerCase();
  const place = (name) => {
    const at = name.toLowerCase().indexOf(low);
    return at > 0 && /[./_]/.test(name[at - 1]) ? 0.5 : at;
  };
  return names
    .map((name) => [place(name), name])
    .filter(([at]) => at >= 0)
    .sort((a, b) => a[0] - b[0])
    .slice(0, most)
    .map(([, name]) => name);
}

/** What could stand in the token's place: [{text, what, more}]; `more` means that a value has to follow. */
export function suggested(token, names) {
  const minus = token.startsWith('-') ? '-' : '';
  const typed = token.slice(minus.length);
  const field = typed.match(/^([a-z]+):(.*)$/i);
  if (field) {
    const [, key, rest] = field;
    const values = { tag: names.tags, status: names.statuses, finding: names.findings, verdict: names.verdicts, doctor: names.verdicts }[key.toLowerCase()];
    if (!values) return [];
    const cut = rest.lastIndexOf(',') + 1;
    const before = `${minus}${key}:${rest.slice(0, cut)}`;
    return fitting(rest.slice(cut).replace(/^"/, ''), values).map((v) => ({ text: before + spelled(v), what: key, more: false }));
  }
  const summed = typed.match(/^(best|min|max|last)\(([^)]*)$/i);
  if (summed) return fitting(summed[2], names.series).map((n) => ({ text: `${minus}${summed[1]}(${n})`, what: 'series', more: true }));
  if (!typed || /[<>=!"()]/.test(typed)) return [];
  const made = [
    ...fitting(typed, names.fields, 3).map((n) => ({ text: `${minus}${n}:`, what: 'filter', more: true })),
    ...fitting(typed, names.series, 4).map((n) => ({ text: minus + n, what: 'series', more: true })),
    ...fitting(typed, names.knobs, 4).map((n) => ({ text: minus + n, what: 'knob', more: true })),
    ...fitting(typed, names.tags, 3).map((n) => ({ text: `${minus}tag:${spelled(n)}`, what: 'tag', more: false })),
  ];
  return made.filter((m) => m.text !== token).slice(0, MOST);
}

/** A combobox over `input` and its `list`: `find(text, caret)` gives {from, to, items}, `taken` is told what was put. */
export function combo(input, list, find, taken = () => {}) {
  let items = [];
  let span = null;
  let at = -1;
  let asked = 0;

  const close = () => {
    items = [];
    at = -1;
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };

  function mark(next) {
    at = next;
    [...list.children].forEach((option, i) => option.setAttribute('aria-selected', String(i === at)));
    if (at >= 0) {
      input.setAttribute('aria-activedescendant', list.children[at].id);
      list.children[at].scrollIntoView({ block: 'nearest' });
    } else input.removeAttribute('aria-activedescendant');
  }

  function show(found) {
    ({ items } = found);
    span = found;
    if (!items.length) return close();
    list.replaceChildren(
      ...items.map((item, i) => {
        const option = Object.assign(document.createElement('li'), { id: `${list.id}-${i}`, role: 'option' });
        option.setAttribute('role', 'option');
        option.append(Object.assign(document.createElement('span'), { className: 'mono', textContent: item.text }));
        if (item.what) option.append(Object.assign(document.createElement('span'), { className: 'dim small', textContent: item.what }));
        return option;
      }),
    );
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    return mark(-1);
  }

  async function look() {
    const mine = ++asked;
    try {
      const found = await find(input.value, input.selectionStart ?? input.value.length);
      if (mine === asked && document.activeElement === input) show(found);
    } catch {
      close(); // the server is away: typing goes on without suggestions
    }
  }

  function take(i) {
    const item = items[i];
    const before = input.value.slice(0, span.from) + item.text;
    const after = input.value.slice(span.to);
    input.value = before + (item.more || after ? after : ' ');
    const caret = before.length + (item.more || after ? 0 : 1);
    input.setSelectionRange(caret, caret);
    close();
    taken(item);
  }

  input.addEventListener('input', look);
  input.addEventListener('blur', () => setTimeout(close, 100));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' && list.hidden) look();
    if (list.hidden) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const by = event.key === 'ArrowDown' ? 1 : -1;
      mark(at + by >= items.length ? -1 : at + by < -1 ? items.length - 1 : at + by);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && at >= 0) {
      event.preventDefault();
      take(at);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      asked++;
      close();
    }
  });
  list.addEventListener('mousedown', (event) => {
    const option = event.target.closest('[role=option]');
    event.preventDefault(); // the focus stays in the field
    if (option) take([...list.children].indexOf(option));
  });
  return { close };
}
