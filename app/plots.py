"""Figures and verdicts of series for the runs of a page: read, put on one axis, drawn and judged together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app import axes, bandplaces, charts, expected, groups, marks, verdicts, words
from app.curves import Curve, Floats
from app.errors import BadInput
from app.models import Run
from app.traces import Axis, Band
from app.tracks import Track, View, axis_of, load, zoomed
from app.tracks import keyed as keyed
from nashboard.vocabulary import Series, describe

AXES = axes.NAMES
QUIET_MARKS = ("evaluation_set",)
PHASES = {
    "adversarial": "D starts",
    "reconstruction": "D waits",
    "lr": "LR drops",
    "noise_ends": "noise ends",
}


def plot(session: Session, runs: Sequence[Run], names: Sequence[str], view: View) -> dict[str, Any]:
    """``figures`` and ``verdicts`` by series, the common ``axis``, ``lacking`` and the ``template`` of all figures.

    ``lacking``: keys of the runs with points that do not lie on the axis; ``groups``: {key, value, keys} each.
    """
    tracks = load(session, runs, names, view)
    axis = axis_of(tracks, view)
    live = [t.place([t.last_step])[0] for t in tracks if t.live and t.infos]
    now = max((float(x) for x in live if np.isfinite(x)), default=None)
    put = groups.of(runs, view.group, view.hide) if view.group else []
    base = _base(tracks, view)
    chosen = expected.choice(session, view.bands)
    figures: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for name in names:
        row = describe(name)
        with_it = [t for t in tracks if name in t.whole]
        placed = {t.key: t.curve(name, zoomed(session, t, name, view)) for t in with_it}
        if base is not None and view.diff:
            placed = _against(placed, base.key)
        curves = [c for c in placed.values() if c is not None]
        log = name in view.log or (row.log and name not in view.linear)
        spreads = [s for g in put if (s := groups.spread_of(g, curves, view.smooth)) is not None]
        plain = not (view.diff and base) and not put
        figures[name] = charts.figure(
            row, curves, _bands(tracks, name, axis, chosen) if not (view.diff and base) else (), axis=axis,
            smooth=view.smooth, log=log and not (view.diff and base), small=view.small, phases=_phases(tracks),
            logged=_logged(tracks, name) if plain else (), now=now, spreads=spreads if put else None,
            zero=base.key if base and view.diff else "",
        )  # fmt: skip
        if put:
            told = {s.group.key: verdicts.Said(groups.told(s, row.unit)) for s in spreads}
            told = told or {put[0].key: verdicts.Said("no data.", state="none")} if put else told
        elif base is not None and view.diff:
            told = _apart(placed, base, row)
        else:
            told = {
                t.key: judge(t, row, chosen) if placed.get(t.key, True) else _no_axis(view.axis)
                for t in with_it or tracks
            }
        said[name] = verdicts.chart(told, named=len(tracks) > 1)
    marks.onto(session, figures, tracks)
    shown = {"name": axis.name, "title": axis.title, "low": axis.low, "high": axis.high}
    lacking = [t.key for t in tracks if t.infos and not t.has_axis]
    return {"figures": figures, "verdicts": said, "axis": shown, "template": charts.TEMPLATE, "lacking": lacking,
            "groups": [{"key": g.key, "value": g.value, "keys": list(g.keys)} for g in put]}  # fmt: skip


def lines(
    session: Session, runs: Sequence[Run], name: str, view: View
) -> list[tuple[str, str, Curve | groups.Spread]]:
    """(key, name of the run or value of the group, line) of a series, as a view with groups or differences has it."""
    tracks = load(session, runs, [name], view)
    base = _base(tracks, view)
    placed = {t.key: t.curve(name, zoomed(session, t, name, view)) for t in tracks if name in t.whole}
    if base is not None and view.diff:
        placed = _against(placed, base.key)
    curves = [c for c in placed.values() if c is not None]
    if view.group:
        spreads = [groups.spread_of(g, curves, view.smooth) for g in groups.of(runs, view.group, view.hide)]
        return [(s.group.key, s.group.value, s) for s in spreads if s is not None]
    names = {t.key: t.run.name or t.run.id for t in tracks}
    return [(c.key, names[c.key], c) for c in curves if c.key not in view.hide]


def _no_axis(axis: str) -> verdicts.Said:
    return verdicts.Said(f"counts no {axes.BY_NAME[axis].counts}: choose another x.", state="none")


def _base(tracks: Sequence[Track], view: View) -> Track | None:
    """The baseline's track. Raises `BadInput` where it is none of the runs, or a difference needs one."""
    if not view.base:
        if view.diff:
            raise BadInput("a difference needs a baseline: give base=RUN, one of the runs", field="base")
        return None
    for track in tracks:
        if track.run.id == view.base:
            return track
    raise BadInput(f"the baseline {view.base!r:.40} is none of the runs compared; add it or take one of them",
                   field="base")  # fmt: skip


def _against(placed: dict[str, Curve | None], base: str) -> dict[str, Curve | None]:
    """The curves as differences to the baseline's; the baseline itself is the zero line."""
    level = placed.get(base)
    if level is None:
        return {key: None for key in placed if key != base}
    return {k: None if c is None else groups.difference(c, level) for k, c in placed.items() if k != base}


def _apart(placed: dict[str, Curve | None], base: Track, row: Series) -> dict[str, verdicts.Said]:
    """The verdicts of a difference: how far each run is from the baseline at its last common place."""
    found = {}
    for key, curve in placed.items():
        if curve is None or not len(curve.y):
            found[key] = verdicts.Said(f"shares no stretch with {base.key}.", state="none")
            continue
        last = float(curve.y[-1])
        text = words.measured(last, row.unit)
        found[key] = verdicts.Said(f"{text if last <= 0 else f'+{text}'} against {base.key} at the end.")
    return found or {base.key: verdicts.Said("no data of other runs.", state="none")}


def _bands(tracks: Sequence[Track], name: str, axis: Axis, chosen: expected.Choice) -> list[Band]:
    """The bands of all runs, where they lie at the same places of the axis for all of them."""
    found = []
    for band in expected.shared([t.run for t in tracks], name, chosen):
        ways = [bandplaces.way(t, band.x, band.phase) for t in tracks]
        track, way = tracks[0], ways[0]
        if way is None or not _together(tracks, ways, axis):
            continue
        ends = np.array([track.step_at(axis.low), track.step_at(axis.high)])
        if np.isnan(ends).any():
            continue
        low, high = np.interp(ends, way.steps, way.x)
        drawn = expected.drawn(band, float(low), float(high), partial(_placed, track, way))
        if drawn is not None and (np.diff(drawn.x) > 0).all():
            found.append(drawn)
    return found


def _placed(track: Track, way: bandplaces.Way, units: Floats) -> Floats:
    return track.place(way.back(units))


def _together(tracks: Sequence[Track], ways: Sequence[bandplaces.Way | None], axis: Axis) -> bool:
    """Whether the band's unit lies at the same places of the axis for all runs, within 2 % of what is drawn."""
    known = [w for w in ways if w is not None]
    if len(known) < len(ways):
        return False
    start, end = max(w.x[0] for w in known), min(w.x[-1] for w in known)
    if end <= start:
        return False
    probe = np.linspace(start, end, 5)
    places = [t.place(w.back(probe)) for t, w in zip(tracks, known, strict=True)]
    return all(bool((np.abs(p - places[0]) <= 0.02 * (axis.high - axis.low)).all()) for p in places[1:])


def _same_places(tracks: Sequence[Track], unit: str) -> bool:
    """Whether an epoch (or a step) lies at the same place of the axis for all runs, within 2 %."""
    if unit == tracks[0].axis or len(tracks) == 1:
        return True
    steps = [t.epoch_steps if unit == "epoch" else 1.0 for t in tracks]
    if None in steps:
        return False
    probe = [1.0, 2.0, 5.0] if unit == "epoch" else [100.0, 1000.0]
    places = [t.place(np.array(probe) * (e or 1.0)) for t, e in zip(tracks, steps, strict=True)]
    return all(np.allclose(p, places[0], rtol=0.02) for p in places[1:])


def _phases(tracks: Sequence[Track]) -> list[tuple[float, str]]:
    """The marks of all runs, each place and word once."""
    found: dict[tuple[float, str], None] = {}
    for track in tracks:
        shown = [m for m in track.marks if m.name not in QUIET_MARKS]
        for mark, x in zip(shown, track.place([m.step or 0 for m in shown]).tolist(), strict=True):
            found[(x, PHASES.get(mark.name, mark.name.replace("_", " ")))] = None
    return sorted(p for p in found if np.isfinite(p[0]))


def _logged(tracks: Sequence[Track], name: str) -> list[tuple[float, float, str]]:
    points = expected.logged([t.run for t in tracks], name)
    steps = tracks[0].epoch_steps
    if not points or not steps or not _same_places(tracks, "epoch"):
        return []
    x = tracks[0].place(np.array([p[0] for p in points]) * steps).tolist()
    far = tracks[0].place([max(tracks[0].last_step, tracks[0].planned)])[0]
    return [(at, p[1], p[2]) for at, p in zip(x, points, strict=True) if at < far or p[0] * steps <= far]


def judge(track: Track, row: Series, chosen: expected.Choice = expected.USUAL) -> verdicts.Said:
    """The verdict on a run's series, over all that was read of it whatever the zoom."""
    thin = track.whole.get(row.name)
    band = expected.judged(track.run, row.name, chosen)
    claims = expected.claims(track.run, row.name, chosen)
    if thin is None:
        return verdicts.of_run(
            row,
            verdicts.Track(np.empty(0), np.empty(0), live=track.live or track.run.status == "queued"),
            band,
            claims,
        )
    values = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
    steps = np.concatenate([thin.step, [n[0] for n in thin.nonfinite]])
    y = np.concatenate([thin.value, [values[n[1]] for n in thin.nonfinite]])
    order = np.argsort(steps, kind="stable")
    info = track.infos[row.name]
    steps, y = steps[order], y[order]
    if len(y) and not np.isfinite(info.last_value) and np.isfinite(y[-1]):
        steps, y = np.append(steps, info.last_step), np.append(y, info.last_value)
    epochs = track.epochs(steps)
    unit = "step" if np.isnan(epochs).any() or (band is not None and band.x == "step") else "epoch"
    x = np.asarray(steps if unit == "step" else epochs, dtype=float)
    u = None
    if band is not None and (band.phase or band.x != unit):
        way = bandplaces.way(track, band.x, band.phase)
        u = way.of(steps) if way is not None else np.full(len(steps), np.nan)
    seen = verdicts.Track(x, y, unit, info.nonfinite, track.live, u)
    return verdicts.of_run(row, seen, band, claims, expected.dead_value(track.run))
