"""What a rule is, and the small arithmetic that rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from doctor.findings import Finding
from doctor.view import RunView, Track


@dataclass(frozen=True)
class Case:
    """A run that a rule must judge, and what it must say: the severities allowed, none for silence."""

    name: str
    make: Callable[[], RunView]
    expect: str = ""


class Rule:
    """One check. A subclass is one file: it says what it sees, why it matters, what to try, and brings its cases.

    ``needs`` lists alternatives: the rule can look where every series of one of them is there.
    A rule is causal: what it says of a run up to a step depends on nothing later, and ``Finding.seen_at`` is the
    first step at which it could say it.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[str]
    sees: ClassVar[str]
    why: ClassVar[str]
    try_: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[tuple[tuple[str, ...], ...]]
    SICK: ClassVar[tuple[Case, ...]]
    HEALTHY: ClassVar[tuple[Case, ...]]

    def lacks(self, view: RunView) -> list[str]:
        """The series that are missing for the nearest alternative of ``needs``; empty where the rule can look."""
        missing = [[n for n in option if not self._has(view, n)] for option in self.needs]
        return min(missing, key=len) if missing else []

    @staticmethod
    def _has(view: RunView, name: str) -> bool:
        return bool(view.named(name)) if "*" in name else view.has(name)

    def examine(self, view: RunView) -> Iterator[Finding]:
        """Findings about a run that has what the rule needs."""
        raise TypeError(f"{type(self).__name__} has no examination")


def stretches(
    steps: NDArray[np.int64], holds: NDArray[np.bool_], long: float, points: int = 3
) -> Iterator[tuple[int, int, int]]:
    """(first index, last index, index at which it had held for ``long`` steps) of each stretch where ``holds``.

    A stretch also needs ``points`` reports, so that two reports far apart are no proof.
    """
    if not len(steps):
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    for first, past in zip(edges[::2], edges[1::2], strict=True):
        enough = np.flatnonzero(steps[first:past] - steps[first] >= long)
        start = max(int(enough[0]) if len(enough) else past - first, points - 1)
        if first + start < past:
            yield int(first), int(past - 1), int(first + start)


def trailing(track: Track, window: float, how: str = "median") -> NDArray[np.float64]:
    """For each point, the median or mean of the values in the ``window`` steps up to it (causal)."""
    starts = np.searchsorted(track.steps, track.steps - window, side="right")
    if how == "mean":
        total = np.concatenate(([0.0], np.cumsum(track.values)))
        ends = np.arange(1, len(track) + 1)
        return np.asarray((total[ends] - total[starts]) / (ends - starts))
    return np.array([np.median(track.values[s : i + 1]) for i, s in enumerate(starts)])


def thinned(track: Track, points: int = 2000) -> Track:
    """Bucket medians where a track is long, so that a rule's cost does not grow with the run.

    The step of a bucket is its last, so that nothing looks ahead. The size of a bucket is a power of two of the
    count, so that adding points moves no earlier bucket until the next doubling.
    """
    n = len(track)
    size = 1
    while n / size > points:
        size *= 2
    if size == 1:
        return track
    whole = n // size * size
    values = np.median(track.values[:whole].reshape(-1, size), axis=1)
    return Track(track.name, track.steps[size - 1 : whole : size], values)


def best_so_far(values: Sequence[float] | NDArray[np.float64], lower: bool = True) -> NDArray[np.float64]:
    """The best value up to each point."""
    array = np.asarray(values, dtype=float)
    return np.minimum.accumulate(array) if lower else np.maximum.accumulate(array)
