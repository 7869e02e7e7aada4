// The Compare page: charts, the table at an epoch, differences and listening, all live.
import { copy, fragment, notice, throttled } from './base.js';
import { Findings } from './findings.js';
import * as keys from './keys.js';
import { Listen } from './listen.js';
import { keyOf } from './charts.js';
import { hidden, keyAt } from './figures.js';
import { Knobs } from './parallel.js';
import { View } from './view.js';
import { saving } from './views.js';

const PARTS = { legend: 'legend', table: 'at-table', scores: 'scores-table', paired: 'paired', differs: 'differs', findings: 'compare-findings' };

function start() {
  const legend = () => document.getElementById('legend');
  const runs = legend().dataset.ids.split(',');
  const listen = new Listen(document.getElementById('listen'), { runs, slot: new URLSearchParams(location.search).get('slot') || '' }, () => {});
  const view = new View({
    runs,
    onHide: (off) => listen.hide(off),
    onChange: (change) => changed(change),
    onReturn: () => parts(['legend', 'table', 'scores', 'differs', 'findings']),
    onDrawn: (answer) => grouped(answer.groups),
    onRestore: () => restored(),
  });
  globalThis.nashboard = { player: listen.player, listen, view };
  const findings = new Findings({ runs, away: true });

  /** Fetch parts of the page again and put them where they are. */
  async function parts(names) {
    const { at, sort, base, group, bands } = view.state;
    const asked = new URLSearchParams({ runs: runs.join(','), at: at || 'last', sort, base, group: group ?? '', bands: bands ?? '' });
    for (const name of names) {
      if (name === 'table' && runs.length > 8) continue;
      try {
        const html = await fragment(`/compare/${name}?${asked}`);
        if (name === 'racks') view.adopt(html);
        else swap(html, PARTS[name], name === 'scores');
      } catch (problem) {
        if (name === 'table' || name === 'scores') notice(problem.message, 'warn');
      }
    }
    view.paint();
  }

  function swap(html, id, focused = false) {
    const made = new DOMParser().parseFromString(html, 'text/html').getElementById(id);
    const old = document.getElementById(id);
    const held = old?.contains(document.activeElement) ? document.activeElement : null;
    if (!made || !old || old.isEqualNode(made) || (held && !focused)) return;
    const column = held?.dataset.sort?.replace('-', '');
    old.replaceWith(document.adoptNode(made));
    if (column) made.querySelector(`[data-sort$="${CSS.escape(column)}"]`)?.focus();
  }

  const table = throttled(() => parts(['table', 'scores', 'paired']), 2000);
  const heard = throttled(() => listen.refresh(), 1000);
  const statuses = throttled(() => parts(['legend']), 1000);
  const racks = throttled(() => parts(['racks']), 500);
  const started = throttled(() => parts(['differs']), 1000);
  const found = throttled(() => parts(['findings']), 3000);
  const grave = new Map();
  const known = new Map([...document.querySelectorAll('.lgw[data-run]')].map((l) => [l.dataset.run, l.dataset.status]));
  const seqs = new Map(runs.map((id, i) => [id, Number(legend().dataset.seq.split(',')[i])]));

  function changed(change) {
    const news = Object.values(change.runs).filter((r) => !(r.first && r.next_seq === seqs.get(r.run) && r.status === known.get(r.run)));
    if (Object.values(change.runs).some((r) => grave.has(r.run) && grave.get(r.run) !== r.findings)) view.board.refresh();
    for (const run of Object.values(change.runs)) grave.set(run.run, run.findings);
    if (!news.length) return;
    found();
    for (const run of news) {
      if (known.get(run.run) === 'queued' && run.status !== 'queued') started();
      known.set(run.run, run.status);
    }
    if (change.series.size) {
      if (!view.knows(change.series)) racks();
      view.redraw(change.series);
      table();
    }
    if (change.samples) heard();
    statuses();
  }

  function choose(at) {
    view.state.at = at === 'last' ? '' : at;
    view.changed();
    moment();
    parts(['table', 'scores', 'paired']);
  }

  /** The buttons of the epoch say which one is shown. */
  function moment() {
    const at = view.state.at || 'last';
    let known = false;
    for (const button of document.querySelectorAll('#at-form [name="at"]')) {
      button.setAttribute('aria-pressed', String(button.value === at));
      known ||= button.value === at;
    }
    document.getElementById('at-typed').value = known ? '' : at;
    const csv = document.getElementById('csv');
    if (csv) csv.href = `/compare/table.csv?runs=${runs.join(',')}&at=${encodeURIComponent(at)}`;
  }

  /** Back or forward: what does not follow the charts by itself. */
  function restored() {
    moment();
    knobs?.restore();
    if (!view.state.group) grouped([]);
    parts(['table', 'scores', 'paired']);
  }

  /** The groups with their keys, values and runs; a press hides a group. */
  function grouped(groups) {
    const box = document.getElementById('groups');
    if (box.dataset.of === JSON.stringify(groups)) return;
    box.dataset.of = JSON.stringify(groups);
    box.hidden = !groups.length;
    box.replaceChildren(
      ...groups.map((group) => {
        const chip = Object.assign(document.createElement('button'), { type: 'button', className: 'lg group-chip', title: `Show or hide group ${group.key}` });
        chip.dataset.toggleRun = group.key;
        const who = Object.assign(document.createElement('span'), { className: 'dim mono-s', textContent: group.keys.join(' ') });
        chip.append(keyOf(group.key), Object.assign(document.createElement('b'), { className: 'cut', textContent: group.value }), who);
        return chip;
      }),
    );
    view.paint();
  }

  const exported = document.getElementById('export');
  exported.addEventListener('toggle', () => exported.open && links());
  addEventListener('click', (event) => !exported.contains(event.target) && (exported.open = false));
  exported.addEventListener('keydown', (event) => event.key === 'Escape' && (exported.open = false));
  /** The links of the menu ask for the view as it stands. */
  function links() {
    const { state } = view;
    const asked = new URLSearchParams({ runs: runs.join(','), series: [...new Set(view.board.tiles().map((t) => t.dataset.series))].join(','), x: state.x });
    if (state.zoom) {
      asked.set('from', state.zoom[0]);
      asked.set('to', state.zoom[1]);
    }
    for (const name of ['group', 'base', 'mode']) if (state[name]) asked.set(name, state[name]);
    if (state.group) asked.set('smooth', state.smooth);
    const off = hidden(state);
    const hide = runs.map((_, i) => keyAt(i)).filter((key) => off.has(key));
    if (hide.length) asked.set('hide', hide.join(','));
    const shown = runs.filter((_, i) => !off.has(keyAt(i))).join(',') || runs.join(',');
    const at = encodeURIComponent(state.at || 'last');
    const places = { csv: `/api/export/points?${asked}`, parquet: `/api/export/points?format=parquet&${asked}`, scores: `/compare/scores.csv?runs=${runs.join(',')}&at=${at}&sort=${state.sort}`, clips: `/api/export/clips?runs=${shown}&at=${at}`, 'clips-all': `/api/export/clips?runs=${shown}&at=all` };
    for (const link of document.querySelectorAll('[data-export]')) link.href = places[link.dataset.export];
  }

  document.addEventListener('click', (event) => {
    const head = event.target.closest('[data-sort]');
    if (!head || !head.closest('#scores-table') || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    view.state.sort = head.dataset.sort;
    view.changed();
    parts(['scores']);
  });
  document.getElementById('baseline')?.addEventListener('change', () => queueMicrotask(() => parts(['scores', 'paired'])));
  document.getElementById('band-sets')?.addEventListener('change', () => queueMicrotask(() => parts(['legend'])));
  document.getElementById('group-by')?.addEventListener('change', () => queueMicrotask(() => parts(['paired'])));
  const knobs = document.getElementById('knobs') && new Knobs(view);
  globalThis.nashboard.knobs = knobs;
  saving(() => view.search().slice(1));
  document.getElementById('at-form').addEventListener('submit', (event) => {
    event.preventDefault();
    choose(event.submitter?.value ?? 'last');
  });
  document.getElementById('at-other').addEventListener('submit', (event) => {
    event.preventDefault();
    choose(document.getElementById('at-typed').value.trim() || 'last');
  });
  document.addEventListener('change', (event) => {
    if (event.target.id === 'add-select' && event.target.value) {
      location.assign(`/compare?runs=${[...runs, event.target.value].join(',')}`);
    }
  });
  document.getElementById('copy-link').addEventListener('click', () => copy(location.href));

  keys.listen({
    ...view.keys(),
    ...findings.keys(),
    ...listen.keys(),
  });
  listen.refresh();
  moment();
}

if (typeof document !== 'undefined') start();
