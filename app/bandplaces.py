"""Where a run's steps lie in a band's unit: epochs, steps, samples seen or share of the planned length, and within
which phase. The same for a run of the page and for a log that somebody brought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from app import axes
from app.curves import Floats
from app.models import Run

QUIET = ("evaluation_set", "durations", "resumed", "forked")
"""Marks that begin no phase."""
START = "start"
GRID = 1000


class Placed(Protocol):
    """A run as `app.tracks.Track` holds it."""

    run: Run
    session: Any
    marks: Any

    @property
    def live(self) -> bool: ...
    @property
    def last_step(self) -> int: ...
    @property
    def planned(self) -> int: ...
    @property
    def epoch_steps(self) -> float | None: ...


@dataclass(frozen=True)
class Way:
    """Steps and their places in the unit, (n,) each, both rising; nothing is placed outside.

    ``followed``: its last step is the first of the next phase, and that one's.
    """

    steps: Floats
    x: Floats
    followed: bool = False

    def of(self, steps: Any) -> Floats:
        """The places of steps; NaN outside the stretch."""
        asked = np.asarray(steps, dtype=float)
        placed = np.asarray(np.interp(asked, self.steps, self.x, left=np.nan, right=np.nan))
        return np.where(asked >= self.steps[-1], np.nan, placed) if self.followed else placed

    def back(self, x: Any) -> Floats:
        """The steps at places; those outside are at the ends."""
        return np.asarray(np.interp(np.asarray(x, dtype=float), self.x, self.steps))


def phases(marks: Sequence[tuple[int, str]]) -> list[tuple[str, int]]:
    """(name, first step) in order: "start", then one a mark; a name that comes again is "lr 2"."""
    found: list[tuple[str, int]] = []
    seen: dict[str, int] = {}
    for step, name in sorted(m for m in marks if m[1] not in QUIET):
        seen[name] = seen.get(name, 0) + 1
        found.append((name if seen[name] == 1 else f"{name} {seen[name]}", step))
    if not found or found[0][1] > 0:
        found.insert(0, (START, 0))
    return found


def marks_of(track: Placed) -> list[tuple[int, str]]:
    """The marks of a run as (step, name)."""
    return [(int(m.step or 0), str(m.name)) for m in track.marks]


def way(track: Placed, unit: str, phase: str = "") -> Way | None:
    """How the run's steps lie in a band's unit; None where it does not count it, or has no such phase.

    A run that ended counts what it did as its whole length; a live one what is planned.
    """
    known: dict[tuple[str, str], Way | None] = vars(track).setdefault("_ways", {})
    if (unit, phase) not in known:
        last, ahead = track.last_step, track.live or track.run.status == "queued"
        far = max(last, track.planned, 1)
        total = (far if track.planned else 0) if ahead else last
        grid = np.unique(np.concatenate([np.linspace(0, far, GRID).round(), [last]]))
        counted = unit in ("epoch", "samples")
        places = axes.places(track.session, track.run, grid, unit, track.epoch_steps) if counted else grid
        known[unit, phase] = made(grid, places, unit, phase, marks_of(track), total)
    return known[unit, phase]


def made(
    steps: Floats, places: Floats, unit: str, phase: str, marks: Sequence[tuple[int, str]], total: int
) -> Way | None:
    """A way from places on a grid of steps; ``total`` is the whole length in steps, 0 where nobody knows it."""
    if unit == "progress" and not total:
        return None
    start, end = 0.0, float(total if unit == "progress" or (phase and total) else steps[-1])
    followed = False
    if phase:
        found = phases(marks)
        names = [name for name, _ in found]
        if phase not in names:
            return None
        n = names.index(phase)
        start = float(found[n][1])
        followed = n + 1 < len(found)
        end = float(found[n + 1][1]) if followed else end
        if end <= start:
            return None
    keep = np.isfinite(places)
    if keep.sum() < 2:
        return None
    steps, places = steps[keep], np.maximum.accumulate(places[keep])
    inside = (steps > start) & (steps < end)
    ends = np.array([start, end])
    at = np.concatenate([ends[:1], steps[inside], ends[1:]])
    x = np.interp(at, steps, places)
    if unit == "progress":
        x = (at - start) / (end - start)
    elif phase:
        x = x - x[0]
    rising = np.append(True, np.diff(x) > 0)
    return Way(at[rising], x[rising], followed) if rising.sum() >= 2 else None
