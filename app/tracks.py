"""The runs of a page on one axis: their series read whole and thinned, and where their steps lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app import axes, expected, kept, reading, records
from app.curves import Curve, Floats, NonFinite
from app.models import Record, Run
from app.progress import planned
from app.reading import SeriesInfo
from app.thinning import Thinned
from app.traces import KEYS, Axis, key_at

LIVE = ("running", "stopping")
FEW_DOTS = 120
UNITS = ((3 * 3600.0, 3600.0, "elapsed, h"), (180.0, 60.0, "elapsed, min"), (0.0, 1.0, "elapsed, s"))
GRID = 2000


@dataclass(frozen=True)
class View:
    """How a page looks at its runs. ``zoom`` is (from, to) in the axis' unit.

    Attributes:
        group: what runs are put together by (see `app.groups`); "" for one curve a run.
        base: id of the run that others are held against.
        diff: draw the difference to ``base``.
        hide: keys of runs that groups leave out.
        bands: which bands are drawn (see `app.expected.choice`).
    """

    axis: str = "step"
    smooth: float = 0.0
    log: frozenset[str] = frozenset()
    linear: frozenset[str] = frozenset()
    zoom: tuple[float, float] | None = None
    width: int = 600
    small: bool = False
    group: str = ""
    base: str = ""
    diff: bool = False
    hide: frozenset[str] = frozenset()
    bands: str = ""


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
        epochs = axes.places(self.session, self.run, steps, "epoch", self.epoch_steps)
        if self.axis == "epoch":
            return steps, epochs, epochs
        return steps, axes.places(self.session, self.run, steps, self.axis) * self.scale, epochs

    @property
    def has_axis(self) -> bool:
        """Whether the run lies on the axis at all."""
        return bool(np.isfinite(self._grid[1]).any())

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
    """The runs by their keys A, B, …, in their order."""
    return {key_at(place): run for place, run in enumerate(runs)}


def narrowed(width: int, count: int) -> int:
    """Pixels that each of ``count`` curves is thinned for: past eight they share what eight would have.

    Extremes and non-finite values stay at any width, so nothing is lost to sight; the page stays quick.
    """
    return width if count <= len(KEYS) else max(60, width * len(KEYS) // count)


def load(session: Session, runs: Sequence[Run], names: Sequence[str], view: View) -> list[Track]:
    """The runs with these series read whole, thinned for the view's width."""
    ids = [r.id for r in runs]
    infos = reading.series_of(session, ids)
    marks: dict[str, list[Record]] = {}
    for mark in records.marks(session, ids):
        marks.setdefault(mark.run_id, []).append(mark)
    tracks = []
    width = narrowed(view.width, len(runs))
    for key, run in keyed(runs).items():
        have = {i.name: i for i in infos.get(run.id, [])}
        track = Track(session, key, run, have, view.axis, marks=marks.get(run.id, []))
        for name in names:
            if name in have:
                track.whole[name] = kept.read(session, run, name, width, have[name].count)
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
    title = _elapsed(tracks)[2] if view.axis == "relative" else axes.BY_NAME[view.axis].title
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


def zoomed(session: Session, track: Track, name: str, view: View) -> Thinned:
    """The series as the view's stretch shows it: read again in more detail where it was thinned."""
    if view.zoom is None or track.whole[name].exact:
        return track.whole[name]
    start, stop = track.steps_of(*view.zoom)
    return reading.read(session, track.run.id, name, width=view.width, step_from=start, step_to=stop)
