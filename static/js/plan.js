// A plan's page: it keeps itself fresh, and its queue can be put in another order, paused and cancelled.
import { Refused, api, fragment, notice } from './base.js';

const LOOK_MS = 4000;

/** The order of waiting items with one of them a place earlier (by −1) or later (by 1); the same where it cannot move. */
export function moved(order, item, by) {
  const from = order.indexOf(item);
  const to = from + by;
  if (from < 0 || to < 0 || to >= order.length) return order;
  const found = [...order];
  [found[from], found[to]] = [found[to], found[from]];
  return found;
}

/** The address of the moving part, ranked as this page is. */
export function stateUrl(plan, search) {
  const words = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const name of ['metric', 'of']) if (words.get(name)) kept.set(name, words.get(name));
  const query = kept.toString();
  return `/plans/${encodeURIComponent(plan)}/state${query ? `?${query}` : ''}`;
}

function start(first) {
  const plan = first.dataset.plan;
  const path = `/api/plans/${encodeURIComponent(plan)}`;
  const state = () => document.getElementById('state');
  let timer = 0;
  let last = '';

  const waiting = () => [...state().querySelectorAll('[data-status="waiting"]')].map((row) => Number(row.dataset.item));

  /** Where the focus is, so that it can be found again in the fresh part. */
  function place() {
    const at = document.activeElement;
    if (!state().contains(at)) return null;
    const row = at.closest('[data-item]');
    if (at.id) return `#${CSS.escape(at.id)}`;
    if (at.dataset.act) return `${row ? `[data-item="${row.dataset.item}"] ` : ''}[data-act="${at.dataset.act}"]`;
    return null;
  }

  async function look() {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        const html = await fragment(stateUrl(plan, location.search));
        if (html !== last && !state().contains(document.activeElement?.closest?.('select'))) {
          const fresh = new DOMParser().parseFromString(html, 'text/html').getElementById('state');
          const focus = place();
          state().replaceWith(fresh);
          if (focus) state().querySelector(focus)?.focus({ preventScroll: true });
          last = html;
        }
      } catch (problem) {
        if (problem instanceof Refused && problem.status === 404) return; // the plan was forgotten elsewhere
      }
    }
    if (!state().hasAttribute('data-over') || document.hidden) timer = setTimeout(look, LOOK_MS);
  }

  async function tell(verb, body, said = '') {
    if (state().getAttribute('aria-busy') === 'true') return;
    state().setAttribute('aria-busy', 'true');
    try {
      await api(`${path}/${verb}`, { method: 'POST', body });
      if (said) notice(said);
    } catch (problem) {
      notice(problem.message, 'fail');
    } finally {
      state().removeAttribute('aria-busy');
    }
    await look();
  }

  async function forget() {
    try {
      await api(path, { method: 'DELETE' });
      location.assign('/plans');
    } catch (problem) {
      notice(problem.message, 'fail');
    }
  }

  document.getElementById('main').addEventListener('click', (event) => {
    const button = event.target.closest('[data-act]');
    if (!button) return;
    const item = Number(button.closest('[data-item]')?.dataset.item);
    const acts = {
      pause: () => tell('pause', { paused: true }, 'Paused. What runs goes on.'),
      resume: () => tell('pause', { paused: false }),
      up: () => tell('reorder', { items: moved(waiting(), item, -1) }),
      down: () => tell('reorder', { items: moved(waiting(), item, 1) }),
      cancel: () => tell('cancel', { items: [item] }),
      again: () => tell('again', { items: [item] }, 'It waits at the end of the queue.'),
      'cancel-all': () => document.getElementById('cancel').showModal(),
      forget,
    };
    acts[button.dataset.act]?.();
  });
  document.getElementById('cancel').addEventListener('close', (event) => {
    const choice = event.target.returnValue;
    event.target.returnValue = '';
    if (choice === 'waiting' || choice === 'all') tell('cancel', { stop: choice === 'all' });
  });
  document.getElementById('main').addEventListener('change', (event) => {
    const form = event.target.closest('#metric-form');
    if (!form) return;
    history.replaceState(null, '', `?${new URLSearchParams(new FormData(form))}`);
    event.target.blur();
    look();
  });
  document.addEventListener('visibilitychange', () => !document.hidden && look());
  timer = setTimeout(look, LOOK_MS);
}

if (typeof document !== 'undefined') {
  const state = document.getElementById('state');
  if (state) start(state);
}
