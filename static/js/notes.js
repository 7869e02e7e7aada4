// The notes of a run: saved without leaving the page, and shown as Markdown makes them before that.
import { api, notice } from './base.js';

/** Tags of a text with commas, without blanks and doubles. */
export function tagsOf(text) {
  return [...new Set(text.split(',').map((part) => part.trim()).filter(Boolean))];
}

/** Put HTML that our server rendered in an element's place. */
function show(element, html) {
  element.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes);
  element.hidden = !html;
}

function start(form) {
  const $ = (id) => document.getElementById(id);
  const said = $('annotate-said');
  const text = $('notes-text');
  const made = $('notes-made');
  const preview = $('notes-preview');
  const run = form.action.match(/\/runs\/([^/]+)\//)[1];
  const html = async () => (text.value.trim() ? (await api('/api/markdown', { method: 'POST', body: { text: text.value } })).html : '');
  let dirty = false;

  form.addEventListener('input', () => {
    dirty = true;
    said.textContent = 'Not saved yet.';
  });
  addEventListener('beforeunload', (event) => dirty && event.preventDefault());

  preview.addEventListener('click', async () => {
    const on = preview.getAttribute('aria-pressed') !== 'true';
    try {
      if (on) show(made, (await html()) || '<p>Nothing is written yet.</p>');
    } catch (problem) {
      notice(problem.message, 'fail');
      return;
    }
    preview.setAttribute('aria-pressed', String(on));
    preview.textContent = on ? 'Edit' : 'Preview';
    text.hidden = on;
    made.hidden = !on;
    if (!on) text.focus();
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const given = new FormData(form);
    const body = { name: given.get('name'), notes: given.get('notes'), tags: tagsOf(given.get('tags')) };
    try {
      await api(`/api/runs/${run}`, { method: 'PATCH', body });
      dirty = false;
      said.textContent = 'Saved.';
      show($('notes-shown'), await html());
      document.querySelector('h1').textContent = body.name.trim() || run;
    } catch (problem) {
      said.textContent = problem.message;
    }
  });
}

if (typeof document !== 'undefined' && document.getElementById('annotate')) start(document.getElementById('annotate'));
