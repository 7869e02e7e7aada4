// What happens on the server, as it happens: one stream of events, and a banner while it is silent.
import { throttled } from './base.js';
import { duration } from './words.js';

const PER_BATCH_MS = 250; // a page redraws at most four times a second
const PATIENCE_MS = 3000; // shorter breaks of the stream are not worth a word

/** Changes of several events as one: {runs: {id: last event}, series: Set, samples, ended}. */
export function merged(events) {
  const found = { runs: {}, series: new Set(), samples: 0, ended: false };
  for (const event of events) {
    found.runs[event.run] = event;
    for (const name of event.series ?? []) found.series.add(name);
    found.samples += event.samples ?? 0;
    found.ended ||= Boolean(event.ended);
  }
  return found;
}

/** How long to wait before the nth try to reconnect, in ms. */
export function wait(tries) {
  return Math.min(15_000, 500 * 2 ** tries);
}

/**
 * The runs that a list goes on listening to: those that it shows as active, those that it showed and whose end was not
 * heard yet (another filter or page hides them), and for two minutes those that have ended: the doctor looks last.
 */
export class Followed {
  constructor({ most = 200, grace = 120_000 } = {}) {
    this.most = most;
    this.grace = grace;
    this.ends = new Map(); // id → when its end was heard, 0 before
  }

  /** Take in a change of runs. */
  hear(runs, now = Date.now()) {
    for (const { run, ended } of Object.values(runs)) if (ended && this.ends.get(run) === 0) this.ends.set(run, now);
  }

  /** The ids to listen to, sorted, where these are shown as active. */
  ids(active, now = Date.now()) {
    for (const id of active) {
      this.ends.delete(id); // the newest last: past the limit the oldest are let go
      this.ends.set(id, 0);
    }
    for (const [id, end] of this.ends) if (end && now - end > this.grace) this.ends.delete(id);
    for (const id of this.ends.keys()) if (this.ends.size > this.most) this.ends.delete(id);
    return [...this.ends.keys()].sort();
  }
}

export class Live {
  /** `onChange` gets merged changes; `onReturn` is called when the stream is back after a break. */
  constructor(runs, { onChange, onReturn = () => {}, banner = null, source = (url) => new EventSource(url) }) {
    this.url = `/api/live?runs=${runs.map(encodeURIComponent).join(',')}`;
    this.source = source;
    this.banner = banner;
    this.onReturn = onReturn;
    this.waiting = [];
    this.tries = 0;
    this.lostAt = 0;
    this.flush = throttled(() => {
      const events = this.waiting.splice(0);
      if (!events.length) return;
      const change = merged(events);
      globalThis.document?.dispatchEvent?.(new CustomEvent('nashboard:change', { detail: change }));
      onChange(change);
    }, PER_BATCH_MS);
    banner?.querySelector('button')?.addEventListener('click', () => this.open());
    this.open();
    this.clock = setInterval(() => this.#tell(), 1000);
    this.done = new AbortController();
    addEventListener('pagehide', () => this.stream?.close(), { signal: this.done.signal });
    addEventListener('pageshow', (event) => event.persisted && this.open(), { signal: this.done.signal });
  }

  /** Listen no more. What came already is still told. */
  close() {
    this.stream?.close();
    this.stream = null;
    clearTimeout(this.timer);
    clearInterval(this.clock);
    this.done.abort();
  }

  open() {
    clearTimeout(this.timer);
    this.stream?.close();
    const stream = this.source(this.url);
    this.stream = stream;
    stream.addEventListener('open', () => {
      const back = this.lostAt > 0;
      this.tries = 0;
      this.lostAt = 0;
      this.#tell();
      if (back) this.onReturn();
    });
    stream.addEventListener('run', (event) => {
      this.waiting.push(JSON.parse(event.data));
      this.flush();
    });
    stream.addEventListener('error', () => {
      if (this.stream !== stream) return;
      this.lostAt ||= Date.now();
      stream.close();
      this.timer = setTimeout(() => this.open(), wait(this.tries++));
    });
  }

  /** Whether the curves are known to be behind. */
  get stale() {
    return this.lostAt > 0 && Date.now() - this.lostAt > PATIENCE_MS;
  }

  #tell() {
    if (!this.banner) return;
    if (this.banner.hidden === this.stale) this.banner.hidden = !this.stale;
    document.documentElement.toggleAttribute('data-stale', this.stale);
    if (!this.stale) return;
    const since = new Date(this.lostAt).toLocaleTimeString();
    this.banner.querySelector('[data-for]').textContent = duration((Date.now() - this.lostAt) / 1000);
    this.banner.querySelector('[data-as-of]').textContent = since;
  }
}
