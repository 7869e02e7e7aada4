// Hands on the lanes: click seeks, drag sets the loop, the strip above drags the zoom, wheel and keys do both.
import { zoomed, panned } from './listenview.js';

const DRAG_PX = 4;

/**
 * Wire `root` (lanes and strip). `view()` gives {length, span}; the rest are told what was meant: `seek(s)`,
 * `choose(lane)`, `loop([from, to])`, `zoom(span)`, `point(lane, seconds, share)` (share from the foot), `leave(lane)`,
 * `drop()` where a drag became a pinch and marks nothing.
 */
export function wire(root, strip, { view, seek, choose, loop, zoom, point, leave, drop, at }) {
  const secondsAt = (box, x) => {
    const { length, span } = view();
    const [from, to] = span ?? [0, length];
    return Math.max(0, Math.min(length, from + ((x - box.left) / box.width) * (to - from)));
  };
  let drag = null;
  const fingers = new Map(); // pointer → x
  let pinch = null; // {box, ids, held: the two instants under the fingers}

  root.addEventListener('pointerdown', (event) => {
    const body = event.target.closest('.cv, .tk');
    if (!body || event.button !== 0) return;
    const box = body.getBoundingClientRect();
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size === 2) {
      const ids = [...fingers.keys()];
      pinch = { box, ids, held: ids.map((id) => secondsAt(box, fingers.get(id))) };
      if (drag?.moved) drop();
      drag = null;
      body.setPointerCapture(event.pointerId);
      return;
    }
    if (fingers.size > 2) return;
    drag = { box, x: event.clientX, lane: body.closest('[data-lane]')?.dataset.lane, moved: false };
    body.setPointerCapture(event.pointerId);
  });
  root.addEventListener('pointermove', (event) => {
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event.clientX);
    if (pinch) {
      const { box, ids, held } = pinch;
      const span = pinched(held, ids.map((id) => (fingers.get(id) - box.left) / box.width), view().length);
      if (span !== undefined) zoom(span);
      return;
    }
    if (drag) {
      drag.moved ||= Math.abs(event.clientX - drag.x) > DRAG_PX;
      if (drag.moved) loop([drag.x, event.clientX].map((x) => secondsAt(drag.box, x)).sort((a, b) => a - b), false);
      return;
    }
    const body = event.target.closest('.cv');
    if (!body) return;
    const box = body.getBoundingClientRect();
    point(body.closest('[data-lane]').dataset.lane, secondsAt(box, event.clientX), 1 - (event.clientY - box.top) / box.height);
  });
  const lifted = ({ pointerId }) => {
    fingers.delete(pointerId);
    if (pinch?.ids.includes(pointerId)) pinch = null;
  };
  root.addEventListener('pointerup', (event) => {
    lifted(event);
    if (!drag) return;
    const { box, x, lane, moved } = drag;
    drag = null;
    if (moved) loop([x, event.clientX].map((at_) => secondsAt(box, at_)).sort((a, b) => a - b), true);
    else {
      seek(secondsAt(box, event.clientX));
      if (lane) choose(lane);
    }
  });
  root.addEventListener('pointercancel', (event) => {
    lifted(event);
    if (drag?.moved) drop();
    drag = null;
  });
  root.addEventListener('pointerout', (event) => {
    const body = event.target.closest('.cv');
    if (body && !body.contains(event.relatedTarget)) leave(body.closest('[data-lane]').dataset.lane);
  });
  root.addEventListener('wheel', (event) => wheel(event, secondsAt, view, zoom), { passive: false });
  strip.addEventListener('wheel', (event) => wheel(event, (box, x) => ((x - box.left) / box.width) * view().length, view, zoom), { passive: false });

  root.addEventListener('keydown', (event) => {
    const body = event.target.closest('.cv');
    const step = { ArrowLeft: -0.01, ArrowRight: 0.01, Home: -Infinity, End: Infinity }[event.key];
    const up = { ArrowUp: 0.02, ArrowDown: -0.02 }[event.key];
    if (!body || (step === undefined && up === undefined) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { length, span } = view();
    const [from, to] = span ?? [0, length];
    if (up !== undefined) body.dataset.share = Math.min(0.999, Math.max(0, Number(body.dataset.share || 0.5) + up));
    else if (event.shiftKey && span) zoom(panned(span, length, step * 10 * (to - from)));
    else seek(Math.max(0, Math.min(length, step === -Infinity ? 0 : step === Infinity ? length : at() + step * (to - from))));
    point(body.closest('[data-lane]').dataset.lane, at(), Number(body.dataset.share || 0.5));
  });

  // the strip: a drag in it is what shows; a click moves what shows there
  let pull = null;
  const share = (event) => {
    const box = strip.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * view().length;
  };
  strip.addEventListener('pointerdown', (event) => {
    pull = share(event);
    strip.setPointerCapture(event.pointerId);
  });
  strip.addEventListener('pointermove', (event) => {
    if (pull === null) return;
    const span = [pull, share(event)].sort((a, b) => a - b);
    if (span[1] - span[0] > view().length / 100) zoom(span);
  });
  strip.addEventListener('pointerup', (event) => {
    const { length, span } = view();
    if (pull !== null && Math.abs(share(event) - pull) <= length / 100 && span) zoom(panned(span, length, pull - (span[0] + span[1]) / 2));
    pull = null;
  });
  strip.addEventListener('pointercancel', () => (pull = null));
  strip.addEventListener('dblclick', () => zoom(null));
}

/**
 * What shows when two instants `held` lie at these two shares of the width: [from, to] within [0, length], null for
 * all of it; undefined while the fingers are too near to each other to tell, or have crossed.
 */
export function pinched(held, shares, length) {
  const apart = shares[1] - shares[0];
  const whole = (held[1] - held[0]) / apart; // s over the lane's width
  if (Math.abs(apart) < 0.02 || !(whole > 0)) return undefined;
  const wide = Math.max(0.02, whole);
  if (wide >= length) return null;
  const from = Math.min(length - wide, Math.max(0, held[0] - shares[0] * wide));
  return [from, from + wide];
}

/** Ctrl or a pinch zooms about the pointer, Shift or a sideways wheel moves; a plain wheel scrolls the page. */
function wheel(event, secondsAt, view, zoom) {
  const body = event.target.closest('.cv, .tk, .whole');
  if (!body) return;
  const { length, span } = view();
  const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoom(zoomed(span, length, 2 ** (event.deltaY / 200), secondsAt(body.getBoundingClientRect(), event.clientX)));
  } else if (span && sideways && Math.abs(sideways) >= Math.abs(event.deltaX ? event.deltaY : 0)) {
    event.preventDefault();
    zoom(panned(span, length, (sideways / 600) * (span[1] - span[0])));
  }
}
