// Preflights on the launch form: ask for a data card or a dry run, follow it, say when it is of something else by now.
import { api, fragment } from './base.js';

const PACE_MS = 1000;
const SLOW_MS = 4000;
const PLAIN = ['name', 'project', 'tags', 'stop_on'];

/** What a preflight depends on, as text: of a launch's body, without what only names the run; a card reads the data alone. */
export function about(kind, body) {
  const rest = Object.fromEntries(Object.entries(body).filter(([name]) => !PLAIN.includes(name)));
  if (kind === 'dry') return JSON.stringify(rest);
  const data = Object.entries(body.patch ?? {}).filter(([knob]) => knob.startsWith('data.'));
  return JSON.stringify([body.trainer, body.size, body.presets?.[0] ?? body.preset, data]);
}

/** When a run of so many seconds ends, if it begins at `now`: "14:32", or with its day where that is another one. */
export function ends(seconds, now = new Date(), locale = undefined) {
  const then = new Date(now.getTime() + seconds * 1000);
  const time = { hour: '2-digit', minute: '2-digit', hour12: false };
  return then.toLocaleString(locale, then.toDateString() === now.toDateString() ? time : { day: 'numeric', month: 'short', ...time });
}

/** What stands beside the button in each state. */
export function words(kind, state) {
  const known = {
    asked: 'asking',
    running: kind === 'card' ? 'reading the data' : 'running two steps',
    done: 'done',
    failed: 'failed',
    stale: 'of what stood here before; ask again',
  };
  return known[state] ?? '';
}

function start(form, box) {
  const kind = box.dataset.preflight;
  const [button, said, out] = ['ask', 'said', 'out'].map((part) => box.querySelector(`[data-${part}]`));
  let of = '';
  let turn = 0;
  let timer = 0;

  function say(state, text = '') {
    box.dataset.state = state;
    said.textContent = text || words(kind, state);
    button.toggleAttribute('disabled', state === 'asked' || state === 'running');
  }

  async function follow(ids, mine) {
    if (mine !== turn) return;
    try {
      const html = await fragment(`/launch/preflight?ids=${ids.join(',')}`);
      if (mine !== turn) return;
      out.innerHTML = html;
      for (const place of out.querySelectorAll('[data-ends]')) {
        if (Number(place.dataset.ends) > 0) place.textContent = `ends ${ends(Number(place.dataset.ends))}`;
      }
      if (out.querySelector('[data-active="true"]')) {
        timer = setTimeout(() => follow(ids, mine), document.hidden ? SLOW_MS : PACE_MS);
        return;
      }
      say(out.querySelector('.err') ? 'failed' : 'done');
      compare();
    } catch (problem) {
      if (mine !== turn) return;
      say('running', `${problem.message}; trying again`);
      timer = setTimeout(() => follow(ids, mine), SLOW_MS);
    }
  }

  async function ask() {
    const body = JSON.parse(form.dataset.body);
    const again = box.dataset.state === 'done' && about(kind, body) === of;
    clearTimeout(timer);
    turn += 1;
    const mine = turn;
    of = about(kind, body);
    say('asked');
    try {
      const { preflights } = await api('/api/preflights', { method: 'POST', body: { ...body, kind, again } });
      if (mine !== turn) return;
      say('running');
      await follow(preflights.map((p) => p.id), mine);
    } catch (problem) {
      if (mine !== turn) return;
      out.replaceChildren();
      say('failed', problem.message);
    }
  }

  /** Say so where the form has changed since. */
  function compare() {
    if (!['done', 'failed', 'stale'].includes(box.dataset.state)) return;
    const same = about(kind, JSON.parse(form.dataset.body)) === of;
    if (!same) say('stale');
    else if (box.dataset.state === 'stale') say('done');
  }

  button.addEventListener('click', ask);
  new MutationObserver(compare).observe(form, { attributes: true, attributeFilter: ['data-body'] });
}

if (typeof document !== 'undefined') {
  const form = document.getElementById('launch');
  if (form) for (const box of document.querySelectorAll('[data-preflight]')) start(form, box);
}
