// How loud each source plays: the same gain for all, or matched loudness on request. In dB; nothing happens unasked.

const asNumber = (v) => (typeof v === 'number' && Number.isFinite(v) ? v : null);

/** The loudness that a take was stored with: {value, unit} in LUFS, RMS where a clip is too short for that, or null. */
export function loudness(facts = {}) {
  if (asNumber(facts.lufs) !== null) return { value: facts.lufs, unit: 'LUFS' };
  const rms = facts.lufs === undefined || facts.lufs === null ? asNumber(facts.rms_dbfs) : null;
  return rms === null ? null : { value: rms, unit: 'dBFS RMS' };
}

/**
 * Gains of sources [{id, facts}] in dB: {gains: {id: dB}, target, unit, lowered, unmatched: [id], over: [id]}.
 *
 * "same" gives every source the gain `shared`. "matched" brings each to the loudness of the reference (the quietest
 * where there is none); all are lowered together by `lowered` dB where one would pass full scale. `over` names those
 * that pass full scale as they play: the device clips them.
 */
export function gainsOf(sources, mode = 'same', shared = 0) {
  const gains = Object.fromEntries(sources.map(({ id }) => [id, shared]));
  const found = { gains, target: null, unit: '', lowered: 0, unmatched: [], over: [] };
  const peak = ({ id, facts }) => (asNumber(facts?.peak_dbfs) ?? -Infinity) + gains[id];
  if (mode === 'matched') {
    const known = sources.map((s) => ({ ...s, is: loudness(s.facts) })).filter((s) => s.is);
    // one unit for all: where a source has only its RMS, all are matched by RMS
    const unit = known.some((s) => s.is.unit !== 'LUFS') ? 'dBFS RMS' : 'LUFS';
    const of = (s) => (unit === 'LUFS' ? s.is.value : (asNumber(s.facts.rms_dbfs) ?? s.is.value));
    const anchor = known.find((s) => s.id === 'R') ?? known.reduce((low, s) => (!low || of(s) < of(low) ? s : low), null);
    if (anchor) {
      found.target = of(anchor);
      found.unit = unit;
      for (const s of known) gains[s.id] = shared + found.target - of(s);
      const most = Math.max(...sources.map(peak)) - shared;
      if (most > 0) {
        found.lowered = most;
        for (const id of Object.keys(gains)) gains[id] -= most;
      }
    }
    found.unmatched = sources.filter((s) => !known.some((k) => k.id === s.id)).map((s) => s.id);
  }
  found.over = sources.filter((s) => peak(s) > 0.001).map((s) => s.id);
  return found;
}

/** A gain in dB as a factor. */
export const factor = (db) => 10 ** (db / 20);
