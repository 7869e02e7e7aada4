// Findings in the event lane of a chart: a bracket over the steps of each, and a button that opens it.

const LANE = 14;
const LEAST = 6; // px: a bracket over a single step can still be seen and hit
const LABEL = 20;

/** What a bracket's button says: "F1 of A, fail: Discriminator stuck, from step 200, lasts". */
export function spoken(found, many) {
  const whose = many ? `${found.key}, ` : '';
  return `${found.label}: ${whose}${found.severity}: ${found.title}, from step ${found.step.toLocaleString('en')}${found.open ? ', lasts' : ''}`;
}

/**
 * Where brackets lie in a plot `width` px wide that shows `range` of x: [{found, left, width, begins, ends, row, label}].
 * `begins` and `ends` say whether these ends are drawn: not where the stretch goes on beyond the plot, and no right
 * end while the finding lasts. Overlapping ones lie in rows; a label that would lie on another one moves to its left.
 */
export function spans(findings, range, width, { off = new Set(), shift = 0 } = {}) {
  const [low, high] = range;
  const share = (x) => (x + shift - low) / (high - low);
  const drawn = [];
  for (const found of findings) {
    if (off.has(found.key) || share(found.to) < 0 || share(found.from) > 1) continue;
    const left = Math.max(0, share(found.from)) * width;
    const right = Math.max(left + LEAST, Math.min(1, share(found.to)) * width);
    const over = drawn.filter((d) => d.left < right && left < d.left + d.width);
    const rows = new Set(over.map((d) => d.row));
    let row = 0;
    while (rows.has(row)) row++;
    const near = drawn.filter((d) => Math.abs(d.left - d.label * LABEL - left) < LABEL).length;
    drawn.push({ found, left, width: right - left, begins: share(found.from) >= 0, ends: !found.open && share(found.to) <= 1, row: Math.min(row, 2), label: near });
  }
  return drawn;
}

/** Draw the brackets of a tile's figure. `layout` is the one that was given to plotly, themed or not. */
export function marks(tile, layout, { off, shift = 0, many = false } = {}) {
  const plot = tile.querySelector('.plot');
  const findings = layout.meta?.findings ?? [];
  let lane = tile.querySelector('.marks');
  if (!findings.length) {
    lane?.remove();
    return;
  }
  if (!lane) {
    lane = Object.assign(document.createElement('div'), { className: 'marks' });
    plot.after(lane);
  }
  const small = 'small' in tile.dataset;
  const margin = small ? { l: 30, r: 8, b: 18 } : layout.margin;
  const width = plot.clientWidth - margin.l - margin.r;
  Object.assign(lane.style, { left: `${plot.offsetLeft + margin.l}px`, width: `${width}px`, top: `${plot.offsetTop + plot.offsetHeight - margin.b - LANE}px` });
  const old = new Map([...lane.children].map((b) => [b.dataset.key, b]));
  for (const span of spans(findings, layout.xaxis.range.map(Number), width, { off, shift })) {
    const { found } = span;
    const key = `${found.run} ${found.code} ${found.step}`;
    const button = old.get(key) ?? made(key);
    old.delete(key);
    button.className = `mark ${found.severity}${span.begins ? ' begins' : ''}${span.ends ? ' ends' : ''}`;
    Object.assign(button.dataset, { finding: found.code, run: found.run, step: found.step, k: many ? found.key : '', row: span.row });
    Object.assign(button.style, { left: `${span.left}px`, width: `${span.width}px` });
    button.setAttribute('aria-label', spoken(found, many));
    button.title = `${found.title}: open`;
    const label = button.firstElementChild;
    label.textContent = small ? '' : many ? `${found.key}·${found.label}` : found.label;
    label.style.right = `${span.width + 3 + span.label * LABEL * (many ? 1.5 : 1)}px`;
    if (button.parentElement !== lane) lane.append(button);
  }
  for (const gone of old.values()) gone.remove();
}

function made(key) {
  const button = Object.assign(document.createElement('button'), { type: 'button' });
  button.dataset.key = key;
  button.append(Object.assign(document.createElement('b'), { ariaHidden: 'true' }));
  return button;
}
