"""Evaluation series that rules about progress read, with the direction that is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doctor.view import RunView, Track
from doctor.windows import asof, places
from nashboard.vocabulary import describe


@dataclass(frozen=True)
class Metric:
    """Evaluations with "how many times worse than the best so far": ``worse`` [n], 1 at a new best."""

    track: Track
    worse: NDArray[np.float64]
    best: NDArray[np.float64]

    @property
    def name(self) -> str:
        return self.track.name


DISTANCES = ("eval/fid", "eval/mel", "eval/kid", "eval/fd_*", "eval/stft")


def distances(view: RunView) -> list[Metric]:
    """Distances of the run (FID, mel and the like): positive, lower is better, judged by ratio."""
    names = [n for pattern in DISTANCES for n in view.named(pattern)]
    return [m for n in names if (m := distance(view, n)) is not None]


def distance(view: RunView, name: str) -> Metric | None:
    track = _seen(view.track(name))
    if not len(track) or (track.values <= 0).any():
        return None
    best = np.minimum.accumulate(track.values)
    return Metric(track, track.values / best, best)


def inception(view: RunView) -> Metric | None:
    """The Inception score, whose floor is 1: judged by what lies above it."""
    track = _seen(view.track("eval/is"))
    if not len(track) or (track.values < 1).any():
        return None
    above = np.maximum(track.values - 1, 1e-6)
    best = np.maximum.accumulate(above)
    return Metric(track, best / above, best + 1)


def _seen(track: Track) -> Track:
    at = places(len(track))
    return track if len(at) == len(track) else Track(track.name, track.steps[at], track.values[at])


def chief(view: RunView) -> Track | None:
    """The metric that says best how the run does: FID, mel, then any evaluation with a better direction."""
    for pattern in (*DISTANCES, "eval/pesq*", "eval/si_sdr", "eval/snr", "eval/is", "eval/*"):
        for name in view.named(pattern):
            if describe(name).better and len(view.track(name)) > 1:
                return _seen(view.track(name))
    return None


def age_of_best(track: Track, steps: NDArray[np.int64], slack: float = 0.0) -> NDArray[np.float64]:
    """How many evaluations old the best is at each of ``steps``; NaN before the first evaluation."""
    values = -track.values if describe(track.name).better == "up" else track.values
    best = np.minimum.accumulate(values)
    renewed = np.concatenate(([True], values[1:] < best[:-1] - slack * np.abs(best[:-1])))
    index = np.arange(len(values))
    age = index - np.maximum.accumulate(np.where(renewed, index, 0))
    return asof(Track(track.name, track.steps, age.astype(float)), steps)
