// Pure functions between the server's figure dicts and what is drawn: the view's state in the address, colours for
// tokens, what is hidden, local time, and the facts that a tile carries.

export const AXES = ['step', 'epoch', 'relative', 'time'];
export const ORIGINS = ['measured', 'published', 'claimed'];
export const KEYS = 'ABCDEFGH';
const FONTS = new Set(['--mono', '--sans']);

/** The view that an address asks for; what is not in it, or makes no sense, is as `defaults` say. */
export function stateOf(search, defaults = {}) {
  const asked = new URLSearchParams(search);
  const list = (name) => (asked.get(name) || '').split(',').filter(Boolean);
  const number = (name) => (asked.get(name) === null || asked.get(name) === '' ? NaN : Number(asked.get(name)));
  const smooth = number('smooth');
  const zoom = [number('from'), number('to')];
  return {
    runs: list('runs'),
    x: AXES.includes(asked.get('x')) ? asked.get('x') : defaults.x || 'step',
    smooth: smooth >= 0 && smooth < 1 ? smooth : (defaults.smooth ?? 0.6),
    off: new Set(list('off')),
    log: new Set(list('log')),
    lin: new Set(list('lin')),
    zoom: zoom[0] < zoom[1] ? zoom : null,
    at: asked.get('at') || '',
    slot: asked.get('slot') || '',
  };
}

/** The address' search part for a view: only what differs from `defaults`, so that links stay short. */
export function searchOf(state, defaults = {}) {
  const parts = [];
  const put = (name, value) => parts.push(`${name}=${encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%2F', '/')}`);
  if (state.runs.length) put('runs', state.runs.join(','));
  if (state.x !== (defaults.x || 'step')) put('x', state.x);
  if (state.smooth !== (defaults.smooth ?? 0.6)) put('smooth', state.smooth);
  for (const name of ['off', 'log', 'lin']) if (state[name].size) put(name, [...state[name]].sort().join(','));
  if (state.zoom) {
    put('from', state.zoom[0]);
    put('to', state.zoom[1]);
  }
  for (const name of ['at', 'slot']) if (state[name]) put(name, state[name]);
  return parts.length ? `?${parts.join('&')}` : '';
}

/** What to ask `/api/figures` for these series. */
export function figureQuery(state, series, width, small = false) {
  const asked = { runs: state.runs.join(','), series: series.join(','), x: state.x, smooth: state.smooth };
  for (const name of ['log', 'lin']) {
    const chosen = series.filter((s) => state[name].has(s));
    if (chosen.length) asked[name] = chosen.join(',');
  }
  if (state.zoom) [asked.from, asked.to] = state.zoom;
  asked.width = Math.round(Math.min(4000, Math.max(50, width)));
  if (small) asked.small = 1;
  return `/api/figures?${new URLSearchParams(asked)}`;
}

/** Series in groups small enough for one request. */
export function batches(series, most = 24) {
  const found = [];
  for (let i = 0; i < series.length; i += most) found.push(series.slice(i, i + most));
  return found;
}

/** "rgb(1, 2, 3)" with an opacity. */
export function faded(colour, alpha) {
  const [r, g, b] = colour.match(/[\d.]+/g);
  return `rgba(${r},${g},${b},${alpha})`;
}

/** A copy with every token ("--run-a", "--band-claimed/.55") replaced by what the theme has for it. */
export function themed(value, colour, font) {
  if (typeof value === 'string') {
    if (!value.startsWith('--')) return value;
    if (FONTS.has(value)) return font(value);
    const [token, alpha] = value.split('/');
    return alpha ? faded(colour(token), Number(alpha)) : colour(token);
  }
  if (Array.isArray(value)) return value.map((v) => themed(v, colour, font));
  if (value && typeof value === 'object') {
    const copy = {};
    for (const key of Object.keys(value)) copy[key] = key === 'bdata' ? value[key] : themed(value[key], colour, font);
    return copy;
  }
  return value;
}

/** Without what is switched off: runs by key, bands by origin, "phases"; phase labels only where `labels`. */
export function visible(figure, off, labels = true) {
  const shows = (name) => {
    const [kind, which] = name.split(':');
    if (kind === 'run' || kind === 'band') return !off.has(which);
    if (kind === 'phase-label') return labels && !off.has('phases');
    return kind !== 'phase' || !off.has('phases');
  };
  const data = figure.data.filter((t) => !off.has(t.meta?.run) && !off.has(t.meta?.band));
  const live = data.some((t) => t.meta?.part === 'end' && t.marker.symbol.endsWith('-open'));
  return {
    data,
    layout: {
      ...figure.layout,
      annotations: figure.layout.annotations.filter((a) => shows(a.name)),
      shapes: figure.layout.shapes.filter((s) => shows(s.name) && (s.name !== 'now' || live)),
    },
  };
}

/** Numbers of plotly's base64 typed array, or of a plain list. */
export function decoded(values) {
  if (Array.isArray(values)) return Float64Array.from(values);
  const bytes = Uint8Array.from(atob(values.bdata), (c) => c.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

/** The figure with its x moved by `ms`: plotly shows dates in UTC, people read their own clocks. */
export function moved(figure, ms) {
  const shift = (x) => (typeof x === 'number' ? x + ms : x);
  const pinned = (a) => (a.xref === 'paper' ? a : { ...a, x: shift(a.x) });
  return {
    data: figure.data.map((t) => ({ ...t, x: decoded(t.x).map((v) => v + ms) })),
    layout: {
      ...figure.layout,
      annotations: figure.layout.annotations.map(pinned),
      shapes: figure.layout.shapes.map((s) => ({ ...s, x0: shift(s.x0), x1: shift(s.x1) })),
      xaxis: { ...figure.layout.xaxis, range: figure.layout.xaxis.range.map(shift) },
    },
  };
}

/** The x range of a relayout event in the chart's own units; null for an event that is no zoom in x. */
export function zoomOf(event, ms = 0) {
  const ends = event['xaxis.range'] ?? [event['xaxis.range[0]'], event['xaxis.range[1]']];
  if (ends[0] === undefined || ends[1] === undefined) return null;
  const number = (v) => (typeof v === 'number' ? v : Date.parse(`${v.replace(' ', 'T')}Z`) - ms);
  const [low, high] = ends.map(number).sort((a, b) => a - b);
  return low < high ? [low, high] : null;
}

/** A tile's data attributes: how many points, the last values, and where they are, by key. */
export function facts(meta) {
  const found = { points: String(meta.total), shown: String(meta.shown) };
  for (const [key, run] of Object.entries(meta.runs)) {
    found[`points${key}`] = String(run.points);
    found[`last${key}`] = run.last === null ? '' : String(run.last);
    found[`lastX${key}`] = run.last_x === null ? '' : String(run.last_x);
    found[`nonfinite${key}`] = String(run.nonfinite);
  }
  return found;
}

/** The points that a figure draws, for its table: [{key, x, y}] of the raw line where there is one. */
export function rows(figure) {
  const lines = new Map();
  for (const trace of figure.data) {
    const { run, part } = trace.meta ?? {};
    if (part === 'raw' || (part === 'line' && !lines.has(run))) lines.set(run, trace);
  }
  return [...lines].flatMap(([key, trace]) => {
    const x = decoded(trace.x);
    const y = decoded(trace.y);
    return [...x].map((at, i) => ({ key, x: at, y: y[i] })).filter((p) => !Number.isNaN(p.y));
  });
}
