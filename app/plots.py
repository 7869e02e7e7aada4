"""Figures and verdicts of series for the runs of a page: read, put on one axis, drawn and judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app import charts, expected, reading, records, verdicts
from app.curves import Curve, Floats, NonFinite
from app.models import Record, Run
from app.progress import planned
from app.reading import SeriesInfo
from app.thinning import Thinned
from app.traces import KEYS, Axis, Band
from nashboard.vocabulary import Series, describe

AXES = ("step", "epoch", "relative", "time")
LIVE = ("running", "stopping")
QUIET_MARKS = ("evaluation_set",)
FEW_DOTS = 120
UNITS = ((3 * 3600.0, 3600.0, "elapsed, h"), (180.0, 60.0, "elapsed, min"), (0.0, 1.0, "elapsed, s"))
GRID = 2000
NO_EPOCHS = verdicts.Said("counts no epochs: choose another x.", state="none")


@dataclass(frozen=True)
class View:
    """How a page looks at its runs. ``zoom`` is (from, to) in the axis' unit."""

    axis: str = "step"
    smooth: float = 0.0
    log: frozenset[str] = frozenset()
    linear: frozenset[str] = frozenset()
    zoom: tuple[float, float] | None = None
    width: int = 600
    small: bool = False


@dataclass
class Track:
    """One run on the page: its key, what it has, and where its steps lie on the axis."""

    session: Session
    key: str
    run: Run
    infos: dict[str, SeriesInfo]
    axis: str
    scale: float = 1.0
    whole: dict[str, Thinned] = field(default_factory=dict)
    marks: list[Record] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.run.status in LIVE

    @property
    def last_step(self) -> int:
        return max((i.last_step for i in self.infos.values()), default=0)

    @cached_property
    def _grid(self) -> tuple[Floats, Floats, Floats]:
        """(steps, places on the axis, epochs): every step of the page is on the grid or between two of it."""
        used = [t.step for t in self.whole.values()]
        used += [np.array([n[0] for n in t.nonfinite], dtype=np.int64) for t in self.whole.values()]
        used.append(np.array([m.step or 0 for m in self.marks], dtype=np.int64))
        far = max(self.last_step, self.planned, 1)
        used.append(np.linspace(0, far, min(GRID, far + 1)).astype(np.int64))
        steps = np.unique(np.concatenate(used)).astype(float)
        epochs = reading.on_axis(self.session, self.run.id, steps, "epoch")
        if np.isnan(epochs).all() and self.epoch_steps:
            epochs = steps / self.epoch_steps
        if self.axis == "epoch":
            return steps, epochs, epochs
        return steps, reading.on_axis(self.session, self.run.id, steps, self.axis) * self.scale, epochs

    def place(self, steps: Any) -> Floats:
        """Where steps lie on the axis; NaN where the run does not report it."""
        known, places, _ = self._grid
        return np.asarray(np.interp(np.asarray(steps, dtype=float), known, places))

    def epochs(self, steps: Any) -> Floats:
        """Where steps lie in epochs; NaN where the run counts none."""
        known, _, epochs = self._grid
        return np.asarray(np.interp(np.asarray(steps, dtype=float), known, epochs))

    def step_at(self, x: float) -> float:
        """The step that lies at ``x`` of the axis; NaN where the run does not report it."""
        known, places, _ = self._grid
        if np.isnan(places).any():
            return float("nan")
        return float(np.interp(x, np.maximum.accumulate(places), known))

    def steps_of(self, low: float, high: float) -> tuple[int, int]:
        """The steps that a stretch of the axis covers, with the neighbours on both sides."""
        known, places, _ = self._grid
        rising = np.maximum.accumulate(np.nan_to_num(places, nan=-np.inf))
        start = max(0, int(np.searchsorted(rising, low, side="left")) - 1)
        stop = min(len(known) - 1, int(np.searchsorted(rising, high, side="right")))
        return int(known[start]), int(known[stop])

    @property
    def planned(self) -> int:
        """Steps in all: as the run said when it started, else as its recipe says; 0 where nobody says."""
        return self.run.total_steps or planned(self.run.recipe) or 0

    @cached_property
    def epoch_steps(self) -> float | None:
        """Steps an epoch: by the recipe, else by what the run has counted."""
        steps = expected.knob(self.run, "trainer.steps_per_epoch")
        if isinstance(steps, int) and steps > 0:
            return float(steps)
        epoch = self.infos.get("progress/epoch")
        if epoch is None or not epoch.last_value > 0:
            return None
        return epoch.last_step / epoch.last_value

    def reach(self) -> float:
        """The right end of the run on the axis: what is planned while it is to come, else what there is."""
        ahead = self.live or self.run.status == "queued"
        last = (
            max(self.last_step, self.planned) if ahead and self.axis in ("step", "epoch") else self.last_step
        )
        return float(self.place([last])[0])

    def curve(self, name: str, thin: Thinned) -> Curve | None:
        """The series on the axis; None where the run does not report the axis."""
        x = self.place(thin.step)
        keep = np.isfinite(x)
        if len(x) and not keep.any():
            return None
        at = self.place([n[0] for n in thin.nonfinite]).tolist()
        holes = [NonFinite(p, n[1], n[2]) for p, n in zip(at, thin.nonfinite, strict=True) if np.isfinite(p)]
        low = high = first_last = None
        if not thin.exact and len(x):
            low, high = thin.low[thin.bucket][keep], thin.high[thin.bucket][keep]
            change = np.diff(thin.bucket) != 0
            first_last = (np.append(True, change) | np.append(change, True))[keep]
        dots = thin.total <= (FEW_DOTS if name.startswith("eval/") else 2)
        parts = (low, high, first_last, holes, thin.shown, thin.total, self.live, dots)
        return Curve(self.key, self.run.id, x[keep], thin.value[keep], *parts)


def keyed(runs: Sequence[Run]) -> dict[str, Run]:
    """The runs by their keys A to H, in their order."""
    return dict(zip(KEYS, runs, strict=False))


def plot(session: Session, runs: Sequence[Run], names: Sequence[str], view: View) -> dict[str, Any]:
    """``figures`` and ``verdicts`` by series, the common ``axis``, and the ``template`` of all figures."""
    tracks = load(session, runs, names, view)
    axis = axis_of(tracks, view)
    live = [t.place([t.last_step])[0] for t in tracks if t.live and t.infos]
    now = max((float(x) for x in live if np.isfinite(x)), default=None)
    figures: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for name in names:
        row = describe(name)
        with_it = [t for t in tracks if name in t.whole]
        placed = {t.key: t.curve(name, _zoomed(session, t, name, view)) for t in with_it}
        curves = [c for c in placed.values() if c is not None]
        log = name in view.log or (row.log and name not in view.linear)
        figures[name] = charts.figure(
            row, curves, _bands(tracks, name, axis), axis=axis, smooth=view.smooth, log=log, small=view.small,
            phases=_phases(tracks), logged=_logged(tracks, name), now=now,
        )  # fmt: skip
        said[name] = verdicts.chart(
            {t.key: judge(t, row) if placed.get(t.key, True) else NO_EPOCHS for t in with_it or tracks},
            named=len(tracks) > 1,
        )
    shown = {"name": axis.name, "title": axis.title, "low": axis.low, "high": axis.high}
    return {"figures": figures, "verdicts": said, "axis": shown, "template": charts.TEMPLATE}


def load(session: Session, runs: Sequence[Run], names: Sequence[str], view: View) -> list[Track]:
    """The runs with these series read whole, thinned for the view's width."""
    ids = [r.id for r in runs]
    infos = reading.series_of(session, ids)
    marks: dict[str, list[Record]] = {}
    for mark in records.marks(session, ids):
        marks.setdefault(mark.run_id, []).append(mark)
    tracks = []
    for key, run in keyed(runs).items():
        have = {i.name: i for i in infos.get(run.id, [])}
        track = Track(session, key, run, have, view.axis, marks=marks.get(run.id, []))
        for name in names:
            if name in have:
                track.whole[name] = reading.read(session, run.id, name, width=view.width)
        tracks.append(track)
    if view.axis == "time":
        for track in tracks:
            track.scale = 1000.0  # plotly's dates count milliseconds
    elif view.axis == "relative":
        _, unit, _ = _elapsed(tracks)
        for track in tracks:
            track.scale = 1 / unit
    return tracks


def _elapsed(tracks: Sequence[Track]) -> tuple[float, float, str]:
    """The unit of elapsed time that suits the longest run."""
    ends = [reading.on_axis(t.session, t.run.id, [t.last_step], "relative")[0] for t in tracks if t.infos]
    longest = float(np.nanmax(ends)) if len(ends) and not np.isnan(ends).all() else 0.0
    return next(u for u in UNITS if longest >= u[0])


def axis_of(tracks: Sequence[Track], view: View) -> Axis:
    """One axis for all charts of the page: from the start to the farthest end, or the zoomed stretch."""
    title = _elapsed(tracks)[2] if view.axis == "relative" else "" if view.axis == "time" else view.axis
    if view.zoom is not None:
        return Axis(view.axis, title, *view.zoom)
    ends = [e for t in tracks if np.isfinite(e := t.reach())]
    low = 0.0
    if view.axis == "time":
        starts = [s for t in tracks if t.infos and np.isfinite(s := float(t.place([0])[0]))]
        low = min(starts, default=0.0)
    high = max(ends, default=low + 1.0)
    wide = (high - low) or 1.0
    return Axis(view.axis, title, low, low + wide * 1.02)


def _zoomed(session: Session, track: Track, name: str, view: View) -> Thinned:
    if view.zoom is None or track.whole[name].exact:
        return track.whole[name]
    start, stop = track.steps_of(*view.zoom)
    return reading.read(session, track.run.id, name, width=view.width, step_from=start, step_to=stop)


def _bands(tracks: Sequence[Track], name: str, axis: Axis) -> list[Band]:
    """The bands that fit all runs, where their epochs lie at the same places of the axis for all of them."""
    found = []
    for band in expected.shared([t.run for t in tracks], name):
        steps = tracks[0].epoch_steps if band.x == "epoch" else 1.0
        if not steps or not _same_places(tracks, band.x):
            continue
        track, each = tracks[0], float(steps)
        low, high = track.step_at(axis.low) / each, track.step_at(axis.high) / each
        if np.isnan(low) or np.isnan(high):
            continue
        drawn = expected.drawn(band, low, high, partial(_placed, track, each))
        if drawn is not None and (np.diff(drawn.x) > 0).all():
            found.append(drawn)
    return found


def _placed(track: Track, steps: float, units: Floats) -> Floats:
    return track.place(units * steps)


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
            found[(x, mark.name.replace("_", " "))] = None
    return sorted(p for p in found if np.isfinite(p[0]))


def _logged(tracks: Sequence[Track], name: str) -> list[tuple[float, float, str]]:
    points = expected.logged([t.run for t in tracks], name)
    steps = tracks[0].epoch_steps
    if not points or not steps or not _same_places(tracks, "epoch"):
        return []
    x = tracks[0].place(np.array([p[0] for p in points]) * steps).tolist()
    far = tracks[0].place([max(tracks[0].last_step, tracks[0].planned)])[0]
    return [(at, p[1], p[2]) for at, p in zip(x, points, strict=True) if at < far or p[0] * steps <= far]


def judge(track: Track, row: Series) -> verdicts.Said:
    """The verdict on a run's series, over all that was read of it whatever the zoom."""
    thin = track.whole.get(row.name)
    band = expected.judged(track.run, row.name)
    claims = expected.claims(track.run, row.name)
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
    seen = verdicts.Track(x, y, unit, info.nonfinite, track.live)
    return verdicts.of_run(row, seen, band, claims, expected.dead_value(track.run))
