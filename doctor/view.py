"""What a rule sees of a run: its series as arrays, what is known of its loss and length, and nothing later."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEAD = {"hinge": 2.0, "vanilla": 2 * float(np.log(2)), "logistic": 2 * float(np.log(2)), "least_square": 1.0}
LOSSES = ("hinge", "vanilla", "logistic", "least_square", "wasserstein")


@dataclass(frozen=True)
class Track:
    """One series: ``steps`` [n] int64 and ``values`` [n] float64 in the order they were reported.

    Steps may repeat or go back (a restart); `forward` is the record without what a restart took back.
    """

    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    @cached_property
    def finite(self) -> Track:
        """The same without NaN and Inf."""
        keep = np.isfinite(self.values)
        return self if keep.all() else Track(self.name, self.steps[keep], self.values[keep])

    @cached_property
    def forward(self) -> Track:
        """Steps strictly increasing: where a run went back, the later report of a step counts."""
        steps = self.steps
        if len(steps) < 2 or (np.diff(steps) > 0).all():
            return self
        least_later = np.minimum.accumulate(steps[::-1])[::-1]
        keep = np.append(steps[:-1] < least_later[1:], True)
        return Track(self.name, steps[keep], self.values[keep])

    def until(self, step: int) -> Track:
        keep = self.steps <= step
        return self if keep.all() else Track(self.name, self.steps[keep], self.values[keep])

    def between(self, low: float, high: float) -> Track:
        keep = (self.steps >= low) & (self.steps <= high)
        return Track(self.name, self.steps[keep], self.values[keep])


@dataclass(frozen=True)
class Facts:
    """What is known of a run beside its series; every field may be unknown."""

    adv_loss: str | None = None
    n_sub: int | None = None
    reduction: str = "mean"
    total_steps: int | None = None
    steps_per_epoch: int | None = None
    warmup_steps: int = 0
    trainer: str = ""
    preset: str = ""
    size: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    params: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunView:
    """A run as the rules see it. ``tracks`` maps a canonical name to its `Track`."""

    tracks: dict[str, Track]
    facts: Facts = Facts()
    marks: tuple[tuple[int, str], ...] = ()

    def has(self, name: str) -> bool:
        return name in self.tracks and len(self.tracks[name]) > 0

    def raw(self, name: str) -> Track:
        """The series as it was reported; an empty one where there is none."""
        return self.tracks.get(name) or Track(name, np.empty(0, np.int64), np.empty(0))

    def track(self, name: str) -> Track:
        """The finite points of a series, steps strictly increasing."""
        return self.raw(name).forward.finite

    def named(self, pattern: str) -> list[str]:
        """Names that match a shell pattern, such as ``codebook/perplexity.*``."""
        return sorted(n for n in self.tracks if fnmatch.fnmatchcase(n, pattern) and len(self.tracks[n]))

    @cached_property
    def last_step(self) -> int:
        return max((int(t.steps.max()) for t in self.tracks.values() if len(t)), default=0)

    @cached_property
    def first_step(self) -> int:
        return min((int(t.steps.min()) for t in self.tracks.values() if len(t)), default=0)

    @cached_property
    def length(self) -> int:
        """The planned length in steps, else the length seen: windows scale with it."""
        return max(self.facts.total_steps or 0, self.last_step, 1)

    def until(self, step: int) -> RunView:
        """The run as it stood at ``step`` (inclusive)."""
        tracks = {name: t.until(step) for name, t in self.tracks.items()}
        return replace(self, tracks=tracks, marks=tuple(m for m in self.marks if m[0] <= step))

    @property
    def dead(self) -> float | None:
        """The loss of a discriminator that answers 0 to everything, per sub-discriminator and mean-reduced.

        Hinge 2.0, BCE 2 ln 2 (1.386), least squares 1.0; None for Wasserstein and where the loss is unknown.
        """
        return DEAD.get(self.facts.adv_loss or "")

    @property
    def regresses(self) -> bool:
        """Whether D predicts a score (MetricGAN) and its loss is an error: near zero is then what is wanted."""
        return self.facts.trainer == "enhancement" or bool(self.named("disc/true.*"))

    def disc_loss(self) -> Track:
        """``loss/disc`` per sub-discriminator: divided by their number where the log holds the sum."""
        track = self.track("loss/disc")
        n = self.facts.n_sub or 1
        if self.facts.reduction == "sum" and n > 1:
            return Track(track.name, track.steps, track.values / n)
        return track
