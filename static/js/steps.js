// A point of a chart as a step: which run was meant by a click, and where each run of the page was at that place.
import { api } from './base.js';

/** Of the points that a click has found, one a run, the one nearest to the pointer; `clientY` is the pointer's. */
export function nearestPoint(points, clientY, top) {
  const away = ({ y, yaxis }) => (yaxis && Number.isFinite(clientY) ? Math.abs(top + yaxis._offset + yaxis.d2p(y) - clientY) : 0);
  let found = null;
  for (const point of points) if (!found || away(point) < away(found)) found = point;
  return found;
}

/** What the page is told of it: {run, axis, x, step}; times come back from the reader's zone, `ms` east of UTC. */
export function detailOf({ x, data }, axis, ms = 0) {
  const place = typeof x === 'number' ? x - ms : Date.parse(`${x.replace(' ', 'T')}Z`) - ms;
  return { run: data.meta?.run, axis, x: place, step: axis === 'step' ? place : null };
}

const asked = new WeakMap(); // of one click, both sounds and pictures ask

/** {key: step} of the runs at that place, as a promise; a run that does not lie on the axis is not in it. */
export function stepsAt(detail, runs) {
  if (Number.isFinite(detail.step)) return Promise.resolve(Object.fromEntries([detail.run, ...runs].map((key) => [key, detail.step])));
  if (!asked.has(detail)) {
    const query = new URLSearchParams({ runs: runs.join(','), x: detail.axis, at: detail.x });
    asked.set(detail, api(`/api/steps?${query}`).then(({ steps }) => steps));
  }
  return asked.get(detail);
}
