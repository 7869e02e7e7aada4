// Pure functions between the server's figure dicts and what is drawn: the view's state in the address, colours for
// tokens, what is hidden, local time, and the facts that a tile carries.

export const AXES = ['step', 'disc_steps', 'epoch', 'samples', 'audio_hours', 'relative', 'time'];
export const ORIGINS = ['measured', 'published', 'claimed'];
export const MARKS = ['checkpoints', 'findings', 'notes']; // phases are on unless they are switched off
export const LETTERS = 'ABCDEFGHIJKLMNOPQSTUVWXYZ'; // R is the reference's
const WORDS = ['at', 'slot', 'sort', 'sx', 'sy', 'bands'];
const FONTS = new Set(['--mono', '--sans']);

/** The key of the run at a place: A to H, on to Z without R, then A2, B2, … */
export function keyAt(place) {
  const lap = Math.floor(place / LETTERS.length);
  return LETTERS[place % LETTERS.length] + (lap ? lap + 1 : '');
}

/** Stretches of axes by name, from "disc.lr:1e-4:3e-4;eval/snr:5:9"; what is none is left out. */
export function brushesOf(text) {
  const found = new Map();
  for (const part of (text || '').split(';')) {
    const ends = part.match(/^(.+):([^:]+):([^:]+)$/);
    const [low, high] = ends ? [Number(ends[2]), Number(ends[3])] : [NaN, NaN];
    if (low <= high) found.set(ends[1], [low, high]);
  }
  return found;
}

/** What is hidden: by a press, or because a stretch on an axis leaves it out. */
export function hidden(state) {
  return state.filtered?.size ? new Set([...state.off, ...state.filtered]) : state.off;
}

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
    on: new Set(list('on').filter((name) => MARKS.includes(name))),
    group: asked.get('group') || '',
    base: asked.get('base') || '',
    mode: asked.get('mode') === 'diff' && asked.get('base') ? 'diff' : '',
    brush: brushesOf(asked.get('brush')),
    filtered: new Set(),
    ...Object.fromEntries(WORDS.map((name) => [name, asked.get(name) || ''])),
  };
}

/** The address' search part for a view: only what differs from `defaults`, so that links stay short. */
export function searchOf(state, defaults = {}) {
  const parts = [];
  const put = (name, value) => parts.push(`${name}=${encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%2F', '/')}`);
  if (state.runs.length) put('runs', state.runs.join(','));
  if (state.x !== (defaults.x || 'step')) put('x', state.x);
  if (state.smooth !== (defaults.smooth ?? 0.6)) put('smooth', state.smooth);
  for (const name of ['off', 'on', 'log', 'lin']) if (state[name].size) put(name, [...state[name]].sort().join(','));
  if (state.zoom) {
    put('from', state.zoom[0]);
    put('to', state.zoom[1]);
  }
  for (const name of ['group', 'base', 'mode', ...WORDS]) if (state[name]) put(name, state[name]);
  if (state.brush.size) put('brush', [...state.brush].map(([name, ends]) => `${name}:${ends.join(':')}`).join(';'));
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
  for (const name of ['group', 'base', 'mode', 'bands']) if (state[name]) asked[name] = state[name];
  const hide = state.runs.map((_, i) => keyAt(i)).filter((key) => hidden(state).has(key));
  if (state.group && hide.length) asked.hide = hide.join(',');
  asked.width = Math.round(Math.min(4000, Math.max(50, width)));
  if (small) asked.small = 1;
  return `/api/figures?${new URLSearchParams(asked)}`;
}

/** Series in groups small enough for one request: of many runs few charts at a time, so that the first stand soon. */
export function batches(series, runs = 1) {
  const most = Math.max(2, Math.min(24, Math.floor(48 / runs)));
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
    if (kind === 'mark-label') return labels && !off.has(which);
    return kind !== 'mark' || !off.has(which);
  };
  const data = figure.data.filter((t) => !off.has(t.meta?.run) && !off.has(t.meta?.member) && !off.has(t.meta?.band));
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
  const Kind = { f4: Float32Array, i4: Int32Array, f8: Float64Array }[values.dtype ?? 'f8'];
  return Float64Array.from(new Kind(bytes.buffer));
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

/**
 * Uprights for what happened, added to a figure: one a place and kind, dotted; its words above the plot where those
 * before leave room. `marks` are {key, x, words, kind, severity, about}; runs in `off` have none.
 */
export function withMarks(figure, marks, { off = new Set(), on = new Set(), labels = true } = {}) {
  const [low, high] = figure.layout.xaxis.range;
  const share = (x) => (x - low) / (high - low);
  const dashes = { checkpoints: '4px,3px', findings: 'solid', notes: '1px,2px' };
  const tints = { fail: '--fail', warn: '--warn' };
  const seen = new Set();
  const shapes = [];
  const annotations = [];
  const wide = 0.025; // of the plot, a sign
  const taken = figure.layout.annotations.filter((a) => a.name.startsWith('mark-label')).map((a) => [share(a.x), share(a.x) + wide * a.text.length]);
  for (const mark of marks) {
    const at = share(mark.x);
    const same = `${mark.kind} ${mark.x}`;
    if (!on.has(mark.kind) || off.has(mark.key) || !(at >= 0 && at <= 1) || seen.has(same)) continue;
    seen.add(same);
    const color = tints[mark.severity] ?? '--edge';
    shapes.push({ type: 'line', xref: 'x', yref: 'paper', x0: mark.x, x1: mark.x, y0: figure.layout.yaxis?.domain?.[0] ?? 0, y1: 1, layer: 'below', name: `mark:${mark.kind}`, line: { width: 1, color, dash: dashes[mark.kind] } });
    const right = at > 0.8;
    const ends = right ? [at - wide * mark.words.length, at] : [at, at + wide * mark.words.length];
    if (!labels || taken.some(([a, b]) => a < ends[1] && ends[0] < b)) continue;
    taken.push(ends);
    const side = right ? { xanchor: 'right', xshift: -1 } : { xanchor: 'left', xshift: 1 };
    annotations.push({ text: mark.words, showarrow: false, name: `mark-label:${mark.kind}`, font: { size: 10, color: tints[mark.severity] ?? '--ink-3' }, x: mark.x, yref: 'paper', y: 1, yshift: 1, yanchor: 'bottom', hovertext: mark.about, ...side });
  }
  return { data: figure.data, layout: { ...figure.layout, shapes: [...figure.layout.shapes, ...shapes], annotations: [...figure.layout.annotations, ...annotations] } };
}

/** The points that a figure draws, for its table: [{key, x, y}] of the raw line where there is one. */
export function rows(figure) {
  const lines = new Map();
  for (const trace of figure.data) {
    const { run, part } = trace.meta ?? {};
    if ((part === 'raw' && !trace.meta.member) || (part === 'line' && !lines.has(run))) lines.set(run, trace);
  }
  return [...lines].flatMap(([key, trace]) => {
    const x = decoded(trace.x);
    const y = decoded(trace.y);
    return [...x].map((at, i) => ({ key, x: at, y: y[i] })).filter((p) => !Number.isNaN(p.y));
  });
}
