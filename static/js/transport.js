// The bar under the lanes and the cursor over them: what plays, where, and what repeats.
import { wave } from './lanes.js';
import { ticks, windowAt } from './listenview.js';
import * as words from './words.js';

const CALM_MS = 250; // the cursor under reduced motion: a few steps a second

export class Transport {
  constructor(listen) {
    this.listen = listen;
    this.$ = listen.$;
  }

  /** Bring all of it up to date with the player; the clock runs while sound does. */
  show() {
    const { player } = this.listen;
    const play = this.$('[data-play]');
    play.setAttribute('aria-label', player.paused ? 'Play' : 'Pause');
    play.querySelector('use').setAttribute('href', player.paused ? '#g-play' : '#g-pause');
    play.disabled = !player.tracks.size;
    this.$('[data-loop]').setAttribute('aria-pressed', String(player.looping));
    for (const button of this.$('#sources').children) {
      button.setAttribute('aria-pressed', String(button.dataset.source === player.chosen));
      button.disabled = !player.tracks.has(button.dataset.source);
    }
    for (const lane of this.$('#lane-list').children) if (lane.dataset.lane !== 'top') lane.classList.toggle('now', lane.dataset.lane === player.chosen);
    this.loop(player.looping ? player.loop : null);
    const said = this.$('#loop-said');
    said.textContent = player.looping ? (player.loop ? `loop ${player.loop.map((s) => words.fixed(s, 3)).join(' to ')} s` : 'all repeats') : '';
    this.#run();
  }

  /** Mark a stretch over the lanes, or none. */
  loop(stretch) {
    const mark = this.$('#loop-mark');
    const [from, to] = this.#span();
    mark.hidden = !stretch || stretch[1] <= from || stretch[0] >= to;
    if (mark.hidden) return;
    const share = (s) => Math.min(1, Math.max(0, (s - from) / (to - from)));
    mark.style.left = `${100 * share(stretch[0])}%`;
    mark.style.width = `${100 * (share(stretch[1]) - share(stretch[0]))}%`;
  }

  /** The time axis of what shows, and the window that spectra are made with. */
  axis() {
    const { view, player, rate } = this.listen;
    this.$('#ticks').replaceChildren(
      ...ticks(...this.#span()).map(([share, text]) => {
        const tick = Object.assign(document.createElement('span'), { textContent: text });
        tick.style.left = `${100 * share}%`;
        return tick;
      }),
    );
    this.$('[data-length]').textContent = words.fixed(player.length, 3);
    this.$('#win').options[0].textContent = `auto: ${words.count(windowAt(rate))}`;
    this.$('#win-ms').textContent = `${words.number((1000 * (view.win || windowAt(rate))) / rate, 2)} ms`;
  }

  /** The whole clip above the lanes, and what of it shows. */
  strip() {
    const { buffers, player, view } = this.listen;
    const source = this.listen.source(buffers.has('R') ? 'R' : buffers.keys().next().value);
    const canvas = this.$('#strip canvas');
    if (source && canvas.clientWidth) wave(canvas, buffers.get(source.id), source.key, [0, player.length], view.ch);
    const [from, to] = this.#span();
    const box = this.$('#strip .win');
    box.style.left = `${(100 * from) / (player.length || 1)}%`;
    box.style.width = `${(100 * (to - from)) / (player.length || 1)}%`;
    this.$('#zoom-fit').hidden = !view.span;
  }

  #span() {
    return this.listen.view.span ?? [0, this.listen.player.length || 1];
  }

  #run() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.#clock();
    if (!this.listen.player.playing) return;
    const again = () => this.#run();
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.timer = setTimeout(again, CALM_MS);
    else this.frame = requestAnimationFrame(again);
  }

  #clock() {
    const at = this.listen.player.heardTime;
    const [from, to] = this.#span();
    this.$('[data-clock]').textContent = words.fixed(at, 3);
    const share = (at - from) / (to - from);
    const cursor = this.$('#cursor');
    cursor.hidden = share < 0 || share > 1;
    cursor.style.left = `${100 * share}%`;
    cursor.classList.toggle('late', share > 0.9);
    cursor.dataset.t = words.fixed(at, to - from < 1 ? 3 : 2);
    for (const body of this.$('#lane-list').querySelectorAll('.cv:focus')) {
      body.setAttribute('aria-valuemax', this.listen.player.length.toFixed(3));
      body.setAttribute('aria-valuenow', at.toFixed(3));
    }
  }
}
