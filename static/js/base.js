// On every page: theme, help, times that stay true, fetch with errors in words, notices.
import * as keys from './keys.js';
import * as theme from './theme.js';
import { ago } from './words.js';

const COUNT_MS = 10_000;

/** An answer of the server that is no success: `message` is in words, `problems` lie beside fields. */
export class Refused extends Error {
  constructor(status, error = {}) {
    super(error.message || `The server answered ${status}.`);
    this.status = status;
    this.code = error.code || '';
    this.field = error.field || '';
    this.problems = error.problems || [];
  }
}

/** JSON from the API. Throws `Refused`, or an Error that says that the server cannot be reached. */
export async function api(path, { method = 'GET', body, signal } = {}) {
  const options = { method, signal, headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  const answer = await ask(path, options);
  if (!answer.ok) throw new Refused(answer.status, await errorOf(answer));
  return answer.status === 204 ? null : answer.json();
}

/** A piece of HTML from the server, as text. */
export async function fragment(path, options = {}) {
  const answer = await ask(path, options);
  if (!answer.ok) throw new Refused(answer.status, await errorOf(answer));
  return answer.text();
}

async function ask(path, options) {
  try {
    return await fetch(path, { credentials: 'same-origin', ...options });
  } catch (problem) {
    if (problem.name === 'AbortError') throw problem;
    throw new Error('The server does not answer. Nothing was changed.');
  }
}

async function errorOf(answer) {
  try {
    return (await answer.json()).error ?? {};
  } catch {
    return {}; // no JSON: the status alone says it
  }
}

/** Say something at the lower edge; it leaves by itself, errors after a longer while. Returns the strip, for a button. */
export function notice(text, level = 'info') {
  const box = document.getElementById('toasts');
  const strip = document.createElement('div');
  strip.className = `banner ${level}`;
  strip.append(glyph(level), Object.assign(document.createElement('span'), { textContent: text, className: 'grow' }));
  box.replaceChildren(strip);
  setTimeout(() => strip.remove(), level === 'info' ? 4000 : 12000);
  return strip;
}

/** An icon of the page's set. */
export function glyph(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('class', 'g');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(space, 'use');
  use.setAttribute('href', `#g-${name}`);
  svg.append(use);
  return svg;
}

/** Calls of `act` at most every `ms`; the last one always happens. */
export function throttled(act, ms) {
  let timer = 0;
  let last = 0;
  return (...args) => {
    clearTimeout(timer);
    const wait = Math.max(0, last + ms - Date.now());
    timer = setTimeout(() => {
      last = Date.now();
      act(...args);
    }, wait);
  };
}

/** Copy text; says so, or says that it could not. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notice('Copied.');
  } catch {
    notice('The browser does not allow copying here. Select the text and copy it by hand.', 'warn');
  }
}

function times() {
  const now = Date.now() / 1000;
  for (const element of document.querySelectorAll('time[data-ago]')) {
    const text = ago(Number(element.dataset.ago), now);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** The bar's count, on pages that have no list of runs to tell it. */
async function count() {
  if (document.hidden) return;
  try {
    const text = await fragment('/count');
    const place = document.getElementById('live-count');
    if (place.textContent !== text) place.textContent = text;
  } catch {
    // the server is away: the count stays as it was, and the page itself tells
  }
}

function start() {
  theme.start();
  const help = document.getElementById('help');
  const open = (event) => {
    event?.preventDefault();
    if (!help.open) help.showModal();
  };
  document.getElementById('help-open')?.addEventListener('click', open);
  keys.listen({ '?': open });
  const toggle = document.getElementById('keys-on');
  toggle.checked = keys.enabled();
  toggle.addEventListener('change', () => localStorage.setItem('keys', toggle.checked ? 'on' : 'off'));
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && keys.typing(event.target)) event.target.blur();
  });
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('[data-copy]');
    if (button) copy(document.getElementById(button.dataset.copy).innerText);
    event.target.closest?.('[data-close]')?.closest('dialog')?.close('cancel');
  });
  setInterval(times, 5000);
  if (document.getElementById('live-count') && !document.getElementById('runs')) setInterval(count, COUNT_MS);
}

if (typeof document !== 'undefined') start();
