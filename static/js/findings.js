// Findings on a page of runs: a bracket on a chart or a line of a list opens one, with its charts at its steps.
import { fragment, notice } from './base.js';
import { Board } from './charts.js';
import * as keys from './keys.js';
import { stateOf } from './figures.js';

/** The place after `at` (−1: none yet) among `count` findings, going round. */
export function after(at, by, count) {
  if (!count) return -1;
  return at < 0 ? (by > 0 ? 0 : count - 1) : (at + by + count) % count;
}

/** What a link to a finding names: "disc-stuck" of "#finding=disc-stuck". */
export function named(hash) {
  const match = /^#finding=([\w-]+)$/.exec(hash);
  return match ? match[1] : '';
}

export class Findings {
  /** `runs` are the page's ids by key; `away`: its runs have pages of their own, where remedies are launched. */
  constructor({ runs, away = false }) {
    this.runs = runs;
    this.away = away;
    this.dialog = document.getElementById('finding');
    this.turn = 0;
    this.open = null;
    this.state = { ...stateOf(''), runs, x: 'step' };
    document.addEventListener('click', (event) => this.#clicked(event));
    this.dialog.addEventListener('keydown', (event) => this.#key(event));
    this.dialog.addEventListener('close', () => this.#closed());
    const code = named(location.hash);
    if (code) this.show({ finding: code, run: runs[0], step: '' });
  }

  /** Keys of the page: next and previous finding. */
  keys() {
    return { n: () => this.go(1), p: () => this.go(-1) };
  }

  /** All findings in the order of the list. */
  listed() {
    return [...document.querySelectorAll('[data-finding][data-listed]')].map((b) => b.dataset);
  }

  /** Open the next finding of the list, or the one before. False where there is none. */
  go(by) {
    const all = this.listed();
    const at = all.findIndex((d) => this.#same(d));
    const next = all[after(at, by, all.length)];
    if (!next) return false;
    this.show(next);
    return true;
  }

  #same(data) {
    return this.open && data.finding === this.open.finding && data.run === this.open.run && (!this.open.step || data.step === this.open.step);
  }

  async show({ finding, run, step }) {
    const mine = ++this.turn;
    this.from ??= document.activeElement;
    try {
      const asked = new URLSearchParams({ ...(step ? { step } : {}), ...(this.away ? { away: '1' } : {}) });
      const html = await fragment(`/runs/${encodeURIComponent(run)}/finding/${encodeURIComponent(finding)}?${asked}`);
      if (mine !== this.turn) return;
      const body = new DOMParser().parseFromString(html, 'text/html').getElementById('finding-body');
      this.open = { finding, run, step: step || body.dataset.step };
      document.getElementById('finding-body').replaceWith(document.adoptNode(body));
      if (!this.dialog.open) this.dialog.showModal();
      this.dialog.scrollTop = 0;
      document.getElementById('finding-title').focus({ preventScroll: true });
      const all = this.listed();
      const at = all.findIndex((d) => this.#same(d));
      document.getElementById('finding-place').textContent = at < 0 ? '' : `Finding ${at + 1} of ${all.length}`;
      for (const button of this.dialog.querySelectorAll('[data-finding-go]')) button.hidden = all.length < 2;
      this.#charts(body, run);
    } catch (problem) {
      if (mine === this.turn) notice(problem.message, 'warn');
      if (!this.dialog.open) this.from = null;
    }
  }

  /** The charts of the evidence at its steps, the other runs of the page hidden. */
  #charts(body, run) {
    this.state.zoom = [Number(body.dataset.from), Number(body.dataset.to)];
    const letters = 'ABCDEFGHIJKLMNOPQSTUVWXYZ';
    this.state.runs = this.runs.length > 8 ? [run] : this.runs;
    this.state.off = new Set(this.state.runs.map((id, i) => (id === run ? '' : letters[i])).filter(Boolean));
    if (this.board) {
      this.board.figures.clear();
      this.board.adopt();
    } else this.board = new Board(this.dialog, this.state);
  }

  #clicked(event) {
    const button = event.target.closest?.('[data-finding]');
    if (button) {
      this.show(button.dataset);
      return;
    }
    const go = event.target.closest?.('[data-finding-go]');
    if (go) this.go(Number(go.dataset.findingGo));
    else if (this.dialog.contains(event.target) && event.target.closest('[data-treat]')) this.dialog.close();
  }

  #key(event) {
    if (!keys.enabled() || keys.typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { n: 1, p: -1 }[event.key];
    if (by && this.go(by)) event.preventDefault();
  }

  /** The focus returns to what opened it; where that was drawn anew meanwhile, to its finding in the list. */
  #closed() {
    this.turn++;
    const was = this.open;
    const from = this.from?.isConnected && this.from !== document.body ? this.from : null;
    const again = was && document.querySelector(`[data-finding="${CSS.escape(was.finding)}"][data-run="${CSS.escape(was.run)}"]`);
    (from ?? again)?.focus();
    this.open = this.from = null;
    if (named(location.hash)) history.replaceState(null, '', `${location.pathname}${location.search}`);
  }
}
