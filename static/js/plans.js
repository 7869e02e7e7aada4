// The Plans page: the sheet is checked while it is written, so that its size is known before the press.
import { Refused, api, notice } from './base.js';

const MOST_BYTES = 64 * 1024;

/** What the form asks of the API: empty fields are left out, seeds are a number or a list. */
export function asked(fields) {
  const found = { plan: fields.text ?? '' };
  for (const name of ['name', 'device', 'project']) if (fields[name]?.trim()) found[name] = fields[name].trim();
  if (fields.size) found.size = fields.size;
  const seeds = seedsOf(fields.seeds ?? '');
  if (seeds !== null) found.seeds = seeds;
  const tags = (fields.tags ?? '').split(',').map((t) => t.trim()).filter(Boolean);
  if (tags.length) found.tags = tags;
  return found;
}

/** "3" as 3, "0, 7" as [0, 7], "" as null; anything else stays as text, which the server refuses in words. */
export function seedsOf(text) {
  const plain = text.trim();
  if (!plain) return null;
  if (/^\d{1,10}$/.test(plain)) return Number(plain);
  if (/^\d{1,10}(\s*,\s*\d{1,10})*,?$/.test(plain)) return plain.split(',').filter((s) => s.trim()).map(Number);
  return plain;
}

/** The lines that say what a plan would be: [{text, strong?, mono?}]. */
export function verdictLines({ runs, varied, doubles, estimate }, atMost = false) {
  const many = (n) => `${n.toLocaleString('en')} ${n === 1 ? 'run' : 'runs'}`;
  const lines = [{ text: `${atMost ? 'at most ' : ''}${many(runs)}`, strong: true }];
  if (varied.length) lines.push({ text: `varies ${varied.join(', ')}` });
  if (doubles) lines.push({ text: `${many(doubles)} left out as doubles` });
  lines.push({ text: estimate.text });
  return lines;
}

function start(form) {
  const verdict = document.getElementById('verdict');
  const troubles = document.getElementById('troubles');
  let timer = 0;
  let asking = null;

  const fields = () => Object.fromEntries(new FormData(form));

  function tell(problem) {
    const strip = Object.assign(document.createElement('div'), { className: 'banner fail' });
    strip.setAttribute('role', 'alert');
    const problems = problem.problems ?? [];
    strip.textContent = problems.length ? `${problems.length} ${problems.length === 1 ? 'thing' : 'things'} to change before this can start.` : problem.message;
    troubles.replaceChildren(strip);
    if (!problems.length) return;
    const list = Object.assign(document.createElement('ul'), { className: 'trouble-list' });
    for (const { knob, message } of problems) {
      const line = document.createElement('li');
      if (knob) line.append(Object.assign(document.createElement('code'), { textContent: knob }), ' ');
      line.append(Object.assign(document.createElement('span'), { className: 'sec', textContent: message }));
      list.append(line);
    }
    troubles.append(list);
  }

  async function check() {
    asking?.abort();
    asking = new AbortController();
    const mine = asking;
    verdict.setAttribute('data-stale', '');
    try {
      const body = asked(fields());
      const found = await api('/api/plans/check', { method: 'POST', body, signal: mine.signal });
      troubles.replaceChildren();
      const lines = verdictLines(found, /^\s*"?search"?\s*:/m.test(body.plan));
      verdict.replaceChildren(
        ...lines.map(({ text, strong }) => {
          const line = document.createElement('p');
          if (strong) line.append(Object.assign(document.createElement('b'), { className: 'big', textContent: text }));
          else Object.assign(line, { className: 'small sec', textContent: text });
          return line;
        }),
      );
      verdict.removeAttribute('data-stale');
      return true;
    } catch (problem) {
      if (problem.name === 'AbortError') return false;
      if (problem instanceof Refused) tell(problem);
      else notice(problem.message, 'fail');
      return false;
    }
  }

  async function go() {
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    clearTimeout(timer);
    asking?.abort();
    try {
      const made = await api('/api/plans', { method: 'POST', body: asked(fields()) });
      location.assign(made.url);
    } catch (problem) {
      if (!(problem instanceof Refused)) return notice(problem.message, 'fail');
      tell(problem);
      troubles.scrollIntoView({ block: 'start' });
      troubles.focus({ preventScroll: true });
    } finally {
      form.removeAttribute('aria-busy');
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (event.submitter?.value === 'check') check();
    else go();
  });
  form.addEventListener('input', (event) => {
    if (event.target.id === 'file') return;
    clearTimeout(timer);
    timer = setTimeout(check, 500);
  });
  document.getElementById('file').addEventListener('change', async (event) => {
    const [file] = event.target.files;
    event.target.value = '';
    if (!file) return;
    if (file.size > MOST_BYTES) return notice(`${file.name} has more than 64 KiB; split it.`, 'fail');
    form.elements.text.value = await file.text();
    form.elements.shipped.value = '';
    check();
  });
}

if (typeof document !== 'undefined') {
  const form = document.getElementById('plan-form');
  if (form) start(form);
}
