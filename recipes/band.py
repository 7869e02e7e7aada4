"""A band: the range in which a series is expected over a stretch of steps or epochs, and who expects it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from nashboard import vocabulary
from recipes.base import Recipe, flat

ORIGINS = ("claimed", "published", "measured")
AXES = ("epoch", "step", "samples", "progress")
RATE_TOLERANCE = 0.05
TEXTS = ("series", "origin", "source", "x", "note", "side", "trainer", "preset", "size", "name", "unlike", "phase",
         "data", "protocol")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Band:
    """An expected range. ``low`` and ``high`` hold over the whole stretch, or ``points`` give (x, low, high).

    With points, low and high are their extremes. ``x_to`` may be infinite. ``runs`` are the runs that a
    measured band comes from; ``name`` the codec or paper of a published figure, ``kbps`` and ``rate_hz`` its
    set-up, None where it holds for any, ``unlike`` why its values are on another scale than ours, where they
    are; ``side`` says which side of a pair a claim is about.

    ``x`` counts epochs, steps, training items seen, or the share of the planned length (``progress``, 0 to 1); with
    a ``phase`` it begins anew where the mark of that name stands, and the band holds until the next one. ``needs``
    are knobs with the values that a recipe must have, ``data`` a word that its data must be called by, ``protocol``
    how the numbers were made.
    """

    series: str
    origin: str
    source: str
    x: str = "epoch"
    x_from: float = 0.0
    x_to: float = math.inf
    low: float = -math.inf
    high: float = math.inf
    points: tuple[tuple[float, float, float], ...] = ()
    note: str = ""
    side: str = ""
    trainer: str = ""
    preset: str = ""
    size: str = ""
    runs: tuple[str, ...] = ()
    name: str = ""
    kbps: float | None = None
    rate_hz: int | None = None
    unlike: str = ""
    phase: str = ""
    needs: tuple[tuple[str, str | int | float | bool], ...] = ()
    data: str = ""
    protocol: str = ""

    def __post_init__(self) -> None:
        if not vocabulary.is_name(self.series):
            raise ValueError(f"{self.series!r} is no name of a series")
        if self.origin not in ORIGINS:
            raise ValueError(f"origin {self.origin!r} is none of {', '.join(ORIGINS)}")
        if self.x not in AXES:
            raise ValueError(f"x {self.x!r} is none of {', '.join(AXES)}")
        if not self.source:
            raise ValueError("a band needs a source")
        if self.points:
            xs, lows, highs = zip(*self.points, strict=True)
            if any(not math.isfinite(v) for p in self.points for v in p):
                raise ValueError("a point of a band must be three finite numbers")
            if any(b <= a for a, b in pairwise(xs)):
                raise ValueError("the points of a band must rise in x")
            if any(low > high for _, low, high in self.points):
                raise ValueError("a point of a band has its low above its high")
            for name, value in (
                ("x_from", xs[0]),
                ("x_to", xs[-1]),
                ("low", min(lows)),
                ("high", max(highs)),
            ):
                object.__setattr__(self, name, float(value))
        if not (self.x_from <= self.x_to and self.low <= self.high and math.isfinite(self.x_from)):
            raise ValueError(
                f"{self.low:g} to {self.high:g} over {self.x} {self.x_from:g} to {self.x_to:g} is no range"
            )

    def at(self, x: float) -> tuple[float, float] | None:
        """(low, high) at ``x``, between points along straight lines; None outside the stretch."""
        if not self.x_from <= x <= self.x_to:
            return None
        if len(self.points) < 2:
            return self.low, self.high
        for (x0, low0, high0), (x1, low1, high1) in pairwise(self.points):
            if x <= x1:
                t = (x - x0) / (x1 - x0)
                return low0 + (low1 - low0) * t, high0 + (high1 - high0) * t
        return self.points[-1][1:]

    def outline(self, x_low: float, x_high: float) -> list[tuple[float, float, float]]:
        """[(x, low, high)] to draw from ``x_low`` to ``x_high``, ends included; [] where it is elsewhere."""
        start, end = max(x_low, self.x_from), min(x_high, self.x_to)
        if start > end:
            return []
        inside = [p for p in self.points if start < p[0] < end]
        ends = [(x, *limits) for x in (start, end) if (limits := self.at(x)) is not None]
        return [ends[0], *inside, *ends[1:]] if start < end else ends[:1]

    @property
    def label(self) -> str:
        """The band's name on a chart: "measured, 5 runs", "claimed", "published, DAC 8 kbps"."""
        more = " ".join(p for p in (self.name, "" if self.kbps is None else f"{self.kbps:g} kbps") if p)
        runs = f"{len(self.runs)} run{'' if len(self.runs) == 1 else 's'}" if self.runs else ""
        return ", ".join(p for p in (self.origin, more, runs) if p)

    def misfit(self, recipe: Recipe, data: str = "") -> str:
        """Why the band does not hold for a recipe's set-up, "" where it does.

        A published figure holds at its own bit rate (within 5 %) and sample rate, if it measures the same
        thing; a measured one holds at its size; any at the knobs that it ``needs``. ``data`` is what the run's data
        are called.
        """
        if self.size and self.size != recipe.size:
            return f"{self.origin} at size {self.size}: not this set-up ({recipe.size})"
        if self.data and self.data.casefold() not in data.casefold():
            return f"{self.origin} on {self.data}: not this data ({data or 'not said which'})"
        knobs = flat(recipe) if self.needs else {}
        for name, value in self.needs:
            if name in knobs and knobs[name] != value:
                return f"{self.origin} at {name} {value}: not this set-up ({knobs[name]})"
        if self.kbps is None and self.rate_hz is None:
            return ""
        kbps, rate = getattr(recipe, "kbps", None), getattr(getattr(recipe, "data", None), "rate_hz", None)
        same_kbps = self.kbps is None or (kbps is not None and abs(kbps / self.kbps - 1) <= RATE_TOLERANCE)
        if same_kbps and self.rate_hz in (None, rate):
            return f"{self.origin} on another scale: {self.unlike}" if self.unlike else ""
        theirs = _setup(self.kbps, self.rate_hz)
        return f"{self.origin} at {theirs}: not this set-up ({_setup(kbps, rate)})"

    def to_dict(self) -> dict[str, Any]:
        """As strict JSON: what is infinite is None."""
        out: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        out |= {"points": [list(p) for p in self.points], "runs": list(self.runs), "label": self.label}
        out["needs"] = dict(self.needs)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in out.items()}


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value that somebody says was logged, at an epoch whose length we may not know."""

    series: str
    x: float
    value: float
    source: str
    note: str = ""
    side: str = ""


def _setup(kbps: float | None, rate_hz: int | None) -> str:
    parts = [] if kbps is None else [f"{kbps:.3g} kbps"]
    parts += [] if rate_hz is None else [f"{rate_hz / 1000:g} kHz"]
    return ", ".join(parts) or "no bit rate"


def band_from(values: Mapping[str, Any]) -> Band:
    """A band from plain data, ``epoch: 5`` standing for its stretch. Raises ValueError with what is wrong.

    A loss of epoch 5 is the mean over it, 4 to 5; an evaluation of epoch 5 is made at its end, 4.5 to 5.5.
    """
    values = dict(values)
    if "epoch" in values:
        epoch = _number(values.pop("epoch"), "epoch")
        around = 0.5 if str(values.get("series", "")).startswith("eval/") else 0.0
        values |= {"x": "epoch", "x_from": epoch - (around or 1.0), "x_to": epoch + around}
    known = {f.name for f in fields(Band)}
    for name in values:
        if name not in known:
            raise ValueError(f"there is no {name!r} in a band; there are {', '.join(sorted(known))}")
    for name in ("series", "origin", "source"):
        if name not in values:
            raise ValueError(f"a band needs {name}")
    for name in ("x_from", "x_to", "low", "high"):
        if name in values:
            values[name] = _number(values[name], name)
    points = values.get("points", ())
    if not isinstance(points, list | tuple) or any(
        not isinstance(p, list | tuple) or len(p) != 3 for p in points
    ):
        raise ValueError("points must be a list of [x, low, high]")
    values["points"] = tuple((_number(x, "x"), _number(a, "low"), _number(b, "high")) for x, a, b in points)
    for name, kind, words in (
        ("runs", list | tuple, "a list of names"),
        ("needs", dict, "knobs with values"),
    ):
        if not isinstance(values.get(name) or (), kind | tuple):
            raise ValueError(f"{name} must be {words}, not {values[name]!r:.80}")
    values["runs"] = tuple(str(r) for r in values.get("runs") or ())
    values["needs"] = tuple((str(k), v) for k, v in dict(values.get("needs") or {}).items())
    for name in TEXTS:
        if not isinstance(values.get(name, ""), str):
            raise ValueError(f"{name} {values[name]!r:.80} is not a text")
    for name in ("kbps", "rate_hz"):
        if values.get(name) is not None and not _number(values[name], name) > 0:
            raise ValueError(f"{name} {values[name]!r} must be more than 0")
    return Band(**values)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ValueError(f"{name} {value!r} is not a number")
    return float(value)


def impossible(amplitude: float) -> float:
    """The most SNR in dB that any output of an ``amplitude`` in per cent can have: -20 log10 |1 - a|.

    The error is at least the difference of the two levels. Infinite at 100 %.
    """
    gap = abs(1 - amplitude / 100)
    return math.inf if gap == 0 else -20 * math.log10(gap)
