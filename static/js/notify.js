// Notices of the browser while a page is open: a run has ended, the doctor says fail. Asked for by a button only.
import { api } from './base.js';

const KEY = 'notify';

/** Whether this browser was asked to notify, and may. */
export function wanted(store = globalThis.localStorage, browser = globalThis.Notification) {
  try {
    return store?.getItem(KEY) === 'on' && browser?.permission === 'granted';
  } catch {
    return false; // storage is forbidden here: nobody can have asked
  }
}

/**
 * What there is to say of a run's change, given what was known of it: {title, text} or null. The first news of a run
 * is how it stood when the page opened, and is no event; the first of another stream is held against what was known.
 */
export function told(event, before) {
  const name = event.name || event.run;
  if (!before) return null;
  if (event.verdict === 'fail' && before.verdict !== 'fail') return { title: `${name}: the doctor says fail`, text: 'Open the run to see the finding.' };
  if (event.ended && !before.ended && event.status !== 'deleted') {
    return { title: `${name} ${event.status === 'lost' ? 'is lost' : event.status === 'stopped' ? 'was stopped' : event.status}`, text: event.reason || '' };
  }
  return null;
}

/** What the button says and whether it can be pressed. */
export function button(on, permission) {
  if (permission === undefined) return { text: 'Notify me here', off: true, said: 'This browser cannot notify on this page.' };
  if (permission === 'denied') return { text: 'Notify me here', off: true, said: 'The browser forbids it for this site; allow it in its settings.' };
  return on ? { text: 'Stop notifying me here', off: false, said: 'On.' } : { text: 'Notify me here', off: false, said: '' };
}

const seen = new Map();

function heard(change) {
  for (const event of Object.values(change.runs)) {
    const what = told(event, seen.get(event.run));
    seen.set(event.run, { ended: event.ended, verdict: event.verdict });
    if (!what || !wanted()) continue;
    const made = new Notification(what.title, { body: what.text, tag: `nashboard-${event.run}`, icon: '/static/icon.svg' });
    made.addEventListener('click', () => {
      globalThis.focus();
      location.assign(`/runs/${event.run}`);
    });
  }
}

async function webhook() {
  const $ = (id) => document.getElementById(id);
  try {
    const state = await api('/api/webhook');
    $('webhook-state').textContent = state.on
      ? `${state.events.join(' and ')} go to ${state.host}, ${state.signed ? 'signed' : 'not signed (NASHBOARD_WEBHOOK_SECRET is not set)'}.`
      : 'None is set. Give the server its address in NASHBOARD_WEBHOOK and start it again.';
    $('webhook-test').disabled = !state.on;
    const words = { sent: 'sent', waiting: 'waits to be tried again', given_up: 'given up' };
    $('webhook-recent').replaceChildren(
      ...state.recent.slice(0, 5).map((r) => Object.assign(document.createElement('li'), { textContent: `${r.event} of ${r.run}: ${words[r.state] ?? r.state}${r.outcome ? `, ${r.outcome}` : ''}` })),
    );
  } catch (problem) {
    $('webhook-state').textContent = problem.message;
  }
}

function start(dialog) {
  const $ = (id) => document.getElementById(id);
  const mine = $('notify-browser');
  const paint = () => {
    const is = button(wanted(), globalThis.Notification?.permission);
    mine.textContent = is.text;
    mine.disabled = is.off;
    $('notify-browser-said').textContent = is.said;
  };
  mine.addEventListener('click', async () => {
    try {
      if (wanted()) localStorage.setItem(KEY, 'off');
      else if ((await Notification.requestPermission()) === 'granted') localStorage.setItem(KEY, 'on');
    } catch (problem) {
      $('notify-browser-said').textContent = problem.message;
      return;
    }
    paint();
  });
  $('webhook-test').addEventListener('click', async () => {
    $('webhook-test').disabled = true;
    $('webhook-said').textContent = 'Sending…';
    try {
      const is = await api('/api/webhook/test', { method: 'POST' });
      $('webhook-said').textContent = `${is.ok ? 'Taken' : 'Not taken'}: ${is.said}.`;
    } catch (problem) {
      $('webhook-said').textContent = problem.message;
    }
    $('webhook-test').disabled = false;
  });
  $('notify-open').addEventListener('click', () => {
    paint();
    webhook();
  });
  dialog.addEventListener('close', () => ($('webhook-said').textContent = ''));
}

if (typeof document !== 'undefined') {
  document.addEventListener('nashboard:change', (event) => heard(event.detail));
  if (document.getElementById('notify')) start(document.getElementById('notify'));
}
