// The Doctor page: a log by button or by drop, the diagnosis in its place, and a filter for the rule book.
import { dropping, isBundle, refusal as bundleRefusal } from './bundlefile.js';
import { marks } from './marks.js';
import { themed } from './figures.js';
import * as theme from './theme.js';
import { count } from './words.js';

/** What keeps a file from being sent, in words; "" where nothing does. */
export function refusal(file, limit) {
  if (!file) return 'No file was chosen. Choose a CSV or a journal.';
  if (!file.size) return `${file.name} is empty, or a folder. Give the events.jsonl in it, or a CSV.`;
  return file.size > limit ? `${file.name} has ${count(file.size)} bytes; the limit is ${count(limit)}. Use python -m doctor for longer logs.` : '';
}

/** Whether all words stand in a text, in any case. */
export function fits(text, words) {
  const where = text.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => where.includes(word));
}

const font = (token) => getComputedStyle(document.documentElement).getPropertyValue(token).trim();

/** Draw the charts of a log in the colours of the theme, with the brackets of its findings. */
function draw(root) {
  const template = JSON.parse(root.querySelector('.log-plots')?.dataset.template ?? '{}');
  for (const tile of root.querySelectorAll('[data-log-figure]')) {
    const figure = themed(JSON.parse(tile.dataset.logFigure), theme.colour, font);
    const gutters = getComputedStyle(tile);
    const margin = { l: parseFloat(gutters.getPropertyValue('--gutter-l')), r: parseFloat(gutters.getPropertyValue('--gutter-r')), t: 16, b: 34, pad: 0 };
    const layout = { ...figure.layout, margin, dragmode: false, template: themed(template, theme.colour, font) };
    globalThis.Plotly.react(tile.querySelector('.plot'), figure.data, layout, { displayModeBar: false, responsive: true, scrollZoom: false });
    marks(tile, layout);
  }
}

function start() {
  const $ = (id) => document.getElementById(id);
  const form = $('drop');
  const button = $('diagnose');
  let turn = 0;

  function said(title, text, level = '') {
    const box = Object.assign(document.createElement('div'), { className: level ? `find ${level}` : 'calm sec' });
    if (level) box.setAttribute('role', 'alert');
    box.append(Object.assign(document.createElement('h3'), { textContent: title }), Object.assign(document.createElement('p'), { textContent: text, className: 'claim-text' }));
    $('result').replaceChildren(box);
  }

  async function look(file) {
    const bundle = Boolean(file) && isBundle(file);
    const wrong = bundle ? bundleRefusal(file, Number(form.dataset.bundleLimit)) : refusal(file, Number(form.dataset.limit));
    if (wrong) {
      said('The log was not diagnosed', wrong, 'fail');
      return;
    }
    const mine = ++turn;
    said('Looking', `Reading ${file.name}.`);
    button.disabled = true;
    let [path, body] = ['/doctor', file];
    if (bundle) path = `/doctor/bundle?${new URLSearchParams({ name: file.name, adv_loss: $('adv-loss').value })}`;
    else {
      body = new FormData();
      body.append('log', file);
      body.append('adv_loss', $('adv-loss').value);
    }
    const headers = { Accept: 'text/html', ...(bundle && { 'Content-Type': 'application/zip' }) };
    try {
      const answer = await fetch(path, { method: 'POST', body, headers, credentials: 'same-origin' });
      const found = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('result');
      if (mine !== turn) return;
      if (found) {
        $('result').replaceChildren(...found.childNodes);
        draw($('result'));
      }
      else said('The log was not diagnosed', `The server answered ${answer.status}.`, 'fail');
    } catch {
      if (mine === turn) said('The log was not diagnosed', 'The server does not answer, or the file has changed. Give it again.', 'fail');
    } finally {
      if (mine === turn) button.disabled = false;
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    look($('log').files[0]);
  });
  for (const change of [$('log'), $('adv-loss')]) change.addEventListener('change', () => $('log').files[0] && look($('log').files[0]));
  dropping(form, (file) => {
    const held = new DataTransfer();
    if (file) held.items.add(file);
    $('log').files = held.files; // the field says what is looked at
    look(file);
  });

  $('result').addEventListener('click', (event) => {
    const mark = event.target.closest('[data-finding]');
    const finding = mark && document.getElementById(`found-${mark.dataset.finding}-${mark.dataset.step}`);
    if (!finding) return;
    finding.scrollIntoView({ block: 'center' });
    finding.focus({ preventScroll: true });
  });
  let timer = 0;
  addEventListener('resize', () => {
    clearTimeout(timer);
    timer = setTimeout(() => draw($('result')), 150);
  });
  document.addEventListener('themechange', () => draw($('result')));
  draw($('result'));

  $('find-rule').addEventListener('input', () => {
    const rules = [...document.querySelectorAll('.rule')];
    for (const rule of rules) rule.hidden = !fits(rule.textContent, $('find-rule').value.trim());
    const shown = rules.filter((rule) => !rule.hidden).length;
    $('rules-shown').textContent = shown === rules.length ? `${count(shown)} rules` : `${count(shown)} of ${count(rules.length)} rules`;
    $('no-rule').hidden = shown > 0;
  });
  const open = () => {
    const rule = location.hash.startsWith('#rule-') && $(location.hash.slice(1));
    if (!rule) return;
    rule.open = true;
    rule.scrollIntoView();
  };
  addEventListener('hashchange', open);
  open();
}

if (typeof document !== 'undefined') start();
