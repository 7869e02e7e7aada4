"""Thinning: what a chart needs of a series at a zoom and width, with every extreme and non-finite value.

Points are put into buckets of 2**k steps that begin at multiples of 2**k, so that a point stays in its bucket
when more points come: only the newest bucket changes. Of each bucket the first, the lowest, the highest and
the last finite point stay, each at its own step, and the non-finite ones are counted by kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app import chunks

EXACT = 4
"""Up to this many points a pixel the series is given whole: thinning would save nothing."""
MAX_PASSES = 16
"""A series whose steps go back more often than this is drawn in the order of steps, not of coming."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Thinned:
    """A series, thinned.

    Attributes:
        step: step of each point that stays, (n,) int64, in the order of coming: where a resumed run went
            back, the steps go back too. In the order of steps if they went back more than `MAX_PASSES` times.
        time: Unix seconds of each, (n,).
        value: value of each, (n,), all finite.
        bucket: the place of each point's bucket in ``low`` and ``high``, (n,) int64.
        low: lowest finite value of each bucket that has one, (m,).
        high: highest, (m,).
        nonfinite: (step, "NaN" | "Infinity" | "-Infinity", count): one entry a bucket and kind (a step and
            kind, if exact), at the first such step; the counts add up to all there are.
        total: points in the selection, non-finite ones included.
        exact: every point is here.
    """

    step: Ints
    time: Floats
    value: Floats
    bucket: Ints
    low: Floats
    high: Floats
    nonfinite: list[tuple[int, str, int]] = field(default_factory=list)
    total: int = 0
    exact: bool = True

    @property
    def shown(self) -> int:
        """Points that can be seen: the finite ones that stay, and the non-finite ones, all of them marked."""
        return len(self.value) + sum(count for _, _, count in self.nonfinite)


def shift_for(low: int, high: int, width: int) -> int:
    """The least k for which steps from ``low`` to ``high`` lie in at most ``width`` buckets of 2**k."""
    k = max(0, (high - low + 1).bit_length() - width.bit_length())
    while (high >> k) - (low >> k) + 1 > width and k < 63:
        k += 1
    return k


def thin(at: Ints, points: chunks.Columns, k: int, total: int) -> Thinned:
    """Thin candidate points (their places in the series ``at``, ascending) into buckets of 2**k steps."""
    step = points.step
    if (np.diff(step) < 0).sum() > MAX_PASSES:
        order = np.lexsort((at, step))
        at, points = at[order], _taken(points, order)
        step = points.step
    owner = step >> k
    change = np.zeros(len(step), bool)
    change[1:] = (step[1:] < step[:-1]) | (owner[1:] != owner[:-1])
    finite = np.isfinite(points.value)
    marks: list[tuple[int, str, int]] = []
    if not finite.any():
        return _nothing(points, _counted(points, np.cumsum(change)), total)
    if not finite.all():
        bucket = np.cumsum(change)
        marks = _counted(points, bucket)
        change = np.diff(bucket[finite], prepend=-1) != 0
        at, points = at[finite], _taken(points, finite)
    value = points.value
    change[0] = True
    starts = np.flatnonzero(change)
    low, high = np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)
    ends = np.append(starts[1:], len(value)) - 1
    sizes = ends - starts + 1
    spots = [starts, ends, *(_first(value == np.repeat(edge, sizes), starts) for edge in (low, high))]
    newest = int(np.argmax(at))
    picked = np.unique(np.concatenate([*spots, [newest]]))
    picked = picked[np.diff(at[picked], prepend=-1) != 0]  # a chunk's summary may name one point twice
    chosen = _taken(points, picked)
    return Thinned(
        chosen.step,
        chosen.time,
        chosen.value,
        np.searchsorted(starts, picked, side="right") - 1,
        low,
        high,
        marks,
        total,
        len(picked) + len(step) - len(value) >= total,
    )


def exact(points: chunks.Columns) -> Thinned:
    """Every point as it came."""
    kept = np.isfinite(points.value)
    chosen = _taken(points, kept)
    changed = np.diff(points.step, prepend=points.step[:1]) != 0
    places = np.arange(len(chosen))
    marks = _counted(points, np.cumsum(changed))
    return Thinned(
        chosen.step, chosen.time, chosen.value, places, chosen.value, chosen.value, marks, len(points), True
    )


def _taken(points: chunks.Columns, which: NDArray[np.intp] | NDArray[np.bool_]) -> chunks.Columns:
    return chunks.Columns(points.step[which], points.time[which], points.value[which])


def _first(matches: NDArray[np.bool_], starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first true place in each group; every group has one."""
    places = np.flatnonzero(matches)
    group = np.searchsorted(starts, places, side="right")
    return places[np.diff(group, prepend=0) != 0]


def _counted(points: chunks.Columns, bucket: Ints) -> list[tuple[int, str, int]]:
    """The non-finite values: by bucket and kind, at the first step of each."""
    code = chunks.codes(points.value)
    found = []
    for kind, name in chunks.KINDS.items():
        places = np.flatnonzero(code == kind)
        _, first, count = np.unique(bucket[places], return_index=True, return_counts=True)
        found += [
            (int(place), int(points.step[place]), name, int(n))
            for place, n in zip(places[first], count, strict=True)
        ]
    return [(step, name, n) for _, step, name, n in sorted(found)]


def _nothing(points: chunks.Columns, marks: list[tuple[int, str, int]], total: int) -> Thinned:
    none = np.empty(0)
    nowhere = np.empty(0, np.int64)
    return Thinned(nowhere, none, none, nowhere, none, none, marks, total, len(points) == total)
