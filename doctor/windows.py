"""Windows over a series that look back only, at a bounded number of places, so that a million points are quick.

Everything here is causal: what is said at a step depends on points up to it alone, and where a place is chosen
depends on the number of points before it. A diagnosis of a run up to a step is so the diagnosis that stood then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from doctor.view import RunView, Track

DENSE, OCTAVE = 2048, 512
COLUMNS = 65
TYPICAL = 20_000
LEAST = 0.1
LATEST = 500


def places(n: int) -> NDArray[np.int64]:
    """Indices at which a series of ``n`` points is looked at: all of the first 2,048, then 512 an octave."""
    parts = [np.arange(min(n, DENSE))]
    start, stride = DENSE, 2 * (DENSE // OCTAVE // 2)
    while start < n:
        parts.append(np.arange(start, min(n, 2 * start), stride))
        start, stride = 2 * start, 2 * stride
    return np.concatenate(parts).astype(np.int64)


def scale(view: RunView) -> float:
    """How windows shrink for a run that was planned to be short: 1 from 20,000 steps, or where that is unknown.

    Never below a tenth, so that a failure over 2,000 steps takes 200 in the shortest run.
    """
    total = view.facts.total_steps
    return min(1.0, max(LEAST, total / TYPICAL)) if total and total > 0 else 1.0


def onset(view: RunView) -> float:
    """The step before which no rule on training curves speaks: 500 steps, scaled, or the warm-up."""
    return max(LATEST * scale(view), float(view.facts.warmup_steps))


@dataclass(frozen=True)
class Looks:
    """A series seen through trailing windows. ``at`` are indices into ``track``, ``columns`` [len(at), 65]."""

    track: Track
    at: NDArray[np.int64]
    first: NDArray[np.int64]
    ready: NDArray[np.bool_]

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        return self.track.steps[self.at]

    @cached_property
    def seen(self) -> NDArray[np.float64]:
        """Values in each window, evenly chosen: [len(at), 65]."""
        shares = np.linspace(0.0, 1.0, COLUMNS)
        spans = (self.at - self.first)[:, None]
        return self.track.values[self.first[:, None] + np.rint(spans * shares).astype(np.int64)]

    @cached_property
    def median(self) -> NDArray[np.float64]:
        return np.asarray(np.median(self.seen, axis=1)) if len(self.at) else np.empty(0)

    def share(self, test: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> NDArray[np.float64]:
        """The share of each window's values that pass ``test``."""
        return np.asarray(test(self.seen).mean(axis=1)) if len(self.at) else np.empty(0)


def looks(
    view: RunView, track: Track, base: float, points: int = 10, from_step: float | None = None
) -> Looks:
    """Trailing windows of ``base`` steps (scaled by the planned length) with at least ``points`` reports.

    Where the length is unknown the window is at most half of what has run so far, but 500 steps; in a long run it
    grows to a twentieth of it. Windows before `onset` (or ``from_step``) are not ready.
    """
    key = ("looks", track.name, len(track), base, points, from_step)
    known: dict[object, Looks] = view.__dict__.setdefault("_looks", {})
    if key not in known:
        known[key] = _looks(view, track, base, points, onset(view) if from_step is None else from_step)
    return known[key]


def _looks(view: RunView, track: Track, base: float, points: int, start: float) -> Looks:
    at = places(len(track))
    if not len(at):
        return Looks(track, at, at, np.empty(0, bool))
    here = track.steps[at].astype(float)
    run = here - float(track.steps[0])
    width = window(view, base, here)
    first = np.searchsorted(track.steps, here - width, side="right")
    first = np.minimum(first, at - points + 1)
    ready = (first >= 0) & (here >= start) & (run >= min(LATEST * scale(view), base) * 0.8)
    return Looks(track, at, np.maximum(first, 0), ready)


def window(view: RunView, base: float, here: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length in steps of a window of ``base`` steps at steps ``here``."""
    if view.facts.total_steps:
        return np.maximum(base * scale(view), here / 20)
    return np.maximum(np.minimum(base, np.maximum(here / 2, min(LATEST, base))), here / 20)


def asof(track: Track, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """The latest value of ``track`` at or before each step; NaN before its first."""
    if not len(track):
        return np.full(len(steps), np.nan)
    at = np.searchsorted(track.steps, steps, side="right") - 1
    return np.where(at >= 0, track.values[np.maximum(at, 0)], np.nan)


@dataclass(frozen=True)
class Spell:
    """What a condition over a series amounts to: since when it was worth a word, and how it stands now."""

    severity: str
    start: int
    end: int
    seen: int
    failed: int | None
    open: bool


def spell(
    steps: NDArray[np.int64],
    holds: NDArray[np.bool_],
    warn_after: float | NDArray[np.float64] | None,
    fail_after: float | NDArray[np.float64] | None,
    points: int = 1,
    calm: str = "info",
) -> Spell | None:
    """The present or else the longest stretch where ``holds``, and how grave it is.

    A stretch is a warning once it has lasted ``warn_after`` steps and a failure after ``fail_after`` (None: it
    never becomes one), each with at least ``points`` reports. A stretch that ended counts one severity less.
    """
    index, begin = runs(holds)
    lasted = np.where(holds, steps - steps[begin], -1) if len(steps) else np.empty(0)
    enough = np.asarray(holds, bool) & (index - begin + 1 >= points)
    never = np.zeros(len(steps), bool)
    warned = never if warn_after is None else enough & (lasted >= warn_after)
    failed = never if fail_after is None else enough & (lasted >= fail_after)
    return judged(steps, holds, warned, failed, calm)


def runs(holds: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(index, index of the first of the stretch of equal answers that it lies in) of each point."""
    index = np.arange(len(holds))
    changes = np.concatenate(([True], holds[1:] != holds[:-1])) if len(holds) else np.empty(0, bool)
    return index, np.maximum.accumulate(np.where(changes, index, 0)) if len(holds) else index


def judged(
    steps: NDArray[np.int64],
    holds: NDArray[np.bool_],
    warned: NDArray[np.bool_],
    failed: NDArray[np.bool_],
    calm: str = "info",
) -> Spell | None:
    """`spell` where a rule says itself at which points the stretch is worth a warning or is a failure.

    A severity once reached in a stretch stays to its end.
    """
    if not (warned.any() or failed.any()):
        return None
    _, begin = runs(holds)
    failed_at = int(steps[np.argmax(failed)]) if failed.any() else None
    told = warned | failed
    here = int(begin[-1])
    if holds[-1] and told[here:].any():
        if failed[here:].any():
            return Spell("fail", int(steps[here]), int(steps[-1]), failed_at or 0, failed_at, True)
        since = int(steps[here + np.argmax(told[here:])])
        return Spell("warn", int(steps[here]), int(steps[-1]), since, failed_at, True)
    starts = np.unique(begin[told])
    ends = np.array([s + _length(holds[s:]) - 1 for s in starts])
    longest = int(np.argmax(steps[ends] - steps[starts]))
    s, e = int(starts[longest]), int(ends[longest])
    seen = int(steps[s + np.argmax(told[s : e + 1])])
    return Spell("warn" if failed.any() else calm, int(steps[s]), int(steps[e]), seen, failed_at, False)


def _length(holds: NDArray[np.bool_]) -> int:
    return len(holds) if holds.all() else int(np.argmin(holds))
