// The Compare page: charts, the table at an epoch, differences and listening, all live.
import { copy, fragment, notice, throttled } from './base.js';
import { Findings } from './findings.js';
import * as keys from './keys.js';
import { Listen } from './listen.js';
import { View } from './view.js';


function start() {
  const legend = () => document.getElementById('legend');
  const runs = legend().dataset.ids.split(',');
  const listen = new Listen(document.getElementById('listen'), { runs, slot: new URLSearchParams(location.search).get('slot') || '' }, () => {});
  const view = new View({
    runs,
    onHide: (off) => listen.hide(off),
    onChange: (change) => changed(change),
    onReturn: () => parts(['legend', 'table', 'differs', 'findings']),
  });
  globalThis.nashboard = { player: listen.player, view };
  const findings = new Findings({ runs, away: true });

  /** Fetch parts of the page again and put them where they are. */
  async function parts(names) {
    const at = view.state.at || 'last';
    for (const name of names) {
      try {
        const html = await fragment(`/compare/${name}?runs=${runs.join(',')}&at=${encodeURIComponent(at)}`);
        if (name === 'racks') view.adopt(html);
        else swap(html, { legend: 'legend', table: 'at-table', differs: 'differs', findings: 'compare-findings' }[name]);
      } catch (problem) {
        if (name === 'table') notice(problem.message, 'warn');
      }
    }
    view.paint();
  }

  function swap(html, id) {
    const made = new DOMParser().parseFromString(html, 'text/html').getElementById(id);
    const old = document.getElementById(id);
    if (!made || !old || old.isEqualNode(made) || old.contains(document.activeElement)) return;
    old.replaceWith(document.adoptNode(made));
  }

  const table = throttled(() => parts(['table']), 2000);
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
    for (const button of document.querySelectorAll('#at-form [name="at"]')) button.setAttribute('aria-pressed', String(button.value === at));
    document.getElementById('csv').href = `/compare/table.csv?runs=${runs.join(',')}&at=${encodeURIComponent(at)}`;
    parts(['table']);
  }

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

  const hear = Object.fromEntries([...'abcdefgh', 'r'].map((k) => [k, () => listen.player.choose(k.toUpperCase())]));
  keys.listen({
    ...view.keys(),
    ...hear,
    ...findings.keys(),
    ' ': () => listen.toggle(),
    j: () => listen.go(listen.index - 1),
    k: () => listen.go(listen.index + 1),
    '[': () => listen.mark('['),
    ']': () => listen.mark(']'),
    o: () => listen.player.repeat(!listen.player.looping),
  });
  listen.refresh();
}

if (typeof document !== 'undefined') start();
