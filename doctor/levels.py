"""Rules that are a level of a series: above or below a limit, for so many steps or reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from doctor.findings import SEVERITIES, Finding, Remedy, Suspect
from doctor.rule import Rule
from doctor.view import RunView, Track
from doctor.windows import Spell, asof, looks, onset, places, scale, spell


@dataclass(frozen=True)
class Level:
    """``series`` (a name or a shell pattern) beyond a limit is of ``grade``.

    ``steps`` is how long it must last (scaled by the planned length) and ``points`` on how many reports in a row;
    ``window`` takes running medians over so many steps first; ``early``: also before the first 500 steps.
    ``given``: (series, least): only while that series is above ``least``.
    ``minus`` is a series that is taken off first (its latest value), ``per`` one that it is divided by.
    """

    series: str
    grade: str
    above: float | None = None
    below: float | None = None
    steps: float = 0
    points: int = 1
    window: float = 0
    early: bool = False
    minus: str = ""
    per: str = ""
    given: tuple[str, float] | None = None

    def beyond(self, view: RunView, track: Track, start: float = 0.0) -> Spell | None:
        """The stretch in which ``track`` lies beyond the limit, if it does; reports before ``start`` do not count."""
        if self.window:
            seen = looks(view, track, self.window, from_step=0 if self.early else None)
            at, values, ready = seen.steps, seen.median, seen.ready
        else:
            chosen = places(len(track))
            at, values = track.steps[chosen], track.values[chosen]
            ready = np.ones(len(at), bool) if self.early else at >= onset(view)
        ready = ready & (at >= start)
        beyond = values > self.above if self.above is not None else values < (self.below or 0.0)
        holds = ready & beyond
        if self.given is not None:
            with np.errstate(invalid="ignore"):
                holds &= asof(view.track(self.given[0]), at) > self.given[1]
        after = self.steps * scale(view)
        failing = self.grade == "fail"
        return spell(at, holds, None if failing else after, after if failing else None, self.points)

    def tracks(self, view: RunView) -> Iterator[Track]:
        for name in view.named(self.series) if "*" in self.series else [self.series]:
            track = view.track(name)
            for other, combine in ((self.minus, np.subtract), (self.per, np.divide)):
                if other and len(track):
                    from_ = view.track(other)
                    at = np.searchsorted(from_.steps, track.steps, side="right") - 1
                    if not len(from_):
                        track = from_
                        continue
                    keep = at >= 0
                    with np.errstate(divide="ignore", invalid="ignore"):
                        values = combine(track.values[keep], from_.values[at[keep]])
                    track = Track(name, track.steps[keep], values).finite
            if len(track):
                yield track

    def limit(self) -> str:
        side, bound = ("above", self.above) if self.above is not None else ("below", self.below)
        less = f" less {self.minus}" if self.minus else f" over {self.per}" if self.per else ""
        return f"{self.series}{less} {side} {bound:g}"


class LevelRule(Rule):
    """A rule made of levels; the worst that holds of each series is told."""

    levels: ClassVar[tuple[Level, ...]]
    suspects: ClassVar[tuple[Suspect, ...]] = ()
    remedies: ClassVar[tuple[Remedy, ...]] = ()
    settles: ClassVar[float] = 0.0

    def start(self, view: RunView) -> float:
        """The step before which no report counts: ``settles``, not scaled with the run's length, or the warm-up."""
        return max(self.settles, float(view.facts.warmup_steps)) if self.settles else 0.0

    def examine(self, view: RunView) -> Iterator[Finding]:
        told: dict[str, tuple[int, Finding]] = {}
        start = self.start(view)
        for level in self.levels:
            for track in level.tracks(view):
                found = level.beyond(view, track, start)
                if found is None:
                    continue
                severity = "info" if level.grade == "info" else None
                finding = self.told(
                    found, self.claim(level, track, found), [track], self.suspects, self.remedies, severity
                )
                rank = SEVERITIES.index(finding.severity)
                known = told.get(track.name)
                if known is None or rank > known[0]:
                    told[track.name] = rank, finding
        for _, finding in told.values():
            yield finding

    def claim(self, level: Level, track: Track, found: Spell) -> str:
        span = track.between(found.start, found.end)
        middle = float(np.median(span.values)) if len(span) else float("nan")
        side, bound = ("above", level.above) if level.above is not None else ("below", level.below)
        less = f" less {level.minus}" if level.minus else f" over {level.per}" if level.per else ""
        return f"{track.name}{less} is {middle:.4g} (median of steps {found.start:,} to {found.end:,}), {side} {bound:g}."
