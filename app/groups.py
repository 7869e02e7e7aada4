"""Runs put together by a knob, a tag, a preset or all but their seed; the mean and the spread of each group's curves;
and curves held against a baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app import differs, words
from app.curves import Curve, Floats, smoothed
from app.db import dumps
from app.errors import BadInput
from app.models import Run
from app.tracks import keyed
from recipes.base import flattened

LOW, HIGH = 0.1, 0.9
MOST_PLACES = 4000
GRID = 600
SEEDS = ("seed", "data.split_seed")
FIELDS = {
    "seedless": "all but the seed",
    "preset": "preset",
    "size": "size",
    "trainer": "trainer",
    "tag": "tag",
}


@dataclass(frozen=True)
class Group:
    """Runs of one value: ``key`` is "1", "2", …, ``keys`` are those of its runs."""

    key: str
    value: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """A group's curves as one: the mean and the 10 % and 90 % quantiles at each x, of the runs that reach it.

    ``x``, ``mean``, ``low``, ``high`` and ``count`` have the same length; ``members`` are the runs' own curves.
    """

    group: Group
    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    count: Floats
    members: Sequence[Curve] = field(default_factory=tuple)

    def curve(self) -> Curve:
        """The mean as a curve of the group's key."""
        total = sum(c.total for c in self.members)
        shown = sum(c.shown for c in self.members)
        holes = [n for c in self.members for n in c.nonfinite]
        live = any(c.live for c in self.members)
        return Curve(
            self.group.key, "", self.x, self.mean, nonfinite=holes, shown=shown, total=total, live=live
        )


def choices(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """(what to group by, its words) that tell these runs apart: fields first, then knobs that differ."""
    found = []
    for name, label in FIELDS.items():
        values = {tuple(_values(run, name)) for run in runs}
        if len(values) > 1 or name == "seedless":
            found.append((name, label))
    return found + [(line.name, line.name) for line in differs.between(runs).knobs]


def of(runs: Sequence[Run], by: str, hide: frozenset[str] = frozenset()) -> list[Group]:
    """The groups in the order of their first runs; a run with several tags is in each of theirs.

    Raises:
        BadInput: none of the runs has such a knob.
    """
    if by not in FIELDS and not any(by in flattened(r.recipe or {}) for r in runs):
        told = ", ".join(FIELDS)
        raise BadInput(
            f"no run here has a knob {by!r:.80} to group by; take one of theirs or {told}", field="group"
        )
    found: dict[str, list[str]] = {}
    for key, run in keyed(runs).items():
        for value in _values(run, by):
            found.setdefault(value, []).append(key)
    if by == "seedless":
        names = _recipes(runs, found)
        found = {names[value]: keys for value, keys in found.items()}
    groups = [Group(str(n), value, tuple(k for k in keys if k not in hide)) for n, (value, keys) in
              enumerate(found.items(), 1)]  # fmt: skip
    return [g for g in groups if g.keys]


def _values(run: Run, by: str) -> list[str]:
    if by == "tag":
        return [str(tag) for tag in run.tags] or ["no tag"]
    if by in ("preset", "size", "trainer"):
        return [getattr(run, by) or f"no {by}"]
    knobs = flattened(run.recipe or {})
    if by == "seedless":
        return [dumps({"trainer": run.trainer, **{k: knobs[k] for k in sorted(knobs) if k not in SEEDS}})]
    return [differs.shown(knobs.get(by))]


def _recipes(runs: Sequence[Run], found: dict[str, list[str]]) -> dict[str, str]:
    """Words for recipes: the knobs in which the first run of one differs from the first run of the others."""
    by_key = keyed(runs)
    firsts = {value: by_key[keys[0]] for value, keys in found.items()}
    lines = [k for k in differs.between(list(firsts.values())).knobs if k.name not in SEEDS]
    told: dict[str, str] = {}
    for n, (value, run) in enumerate(firsts.items()):
        parts = [f"{line.name} {line.values[n]}" for line in lines[:3]]
        name = ", ".join(parts) or run.preset or run.name or run.id
        told[value] = name if name not in told.values() else f"{name} ({found[value][0]})"
    return told


def spread_of(group: Group, curves: Sequence[Curve], weight: float) -> Spread | None:
    """Mean and quantiles of the group's curves on the places where any of them has a value; None for no curve.

    A run counts from its first to its last value, between two of its values it lies on the line between them.
    """
    lines = [ascending(*_fair(c, weight)) for c in curves if c.key in group.keys]
    lines = [(x, y) for x, y in lines if len(x)]
    if not lines:
        return None
    x = np.unique(np.concatenate([at for at, _ in lines]))
    if len(x) > MOST_PLACES:
        x = np.linspace(x[0], x[-1], GRID)
    table = np.array([np.interp(x, at, y, left=np.nan, right=np.nan) for at, y in lines])
    count = np.isfinite(table).sum(axis=0)
    x, table, count = x[count > 0], table[:, count > 0], count[count > 0]
    low, high = np.nanquantile(table, [LOW, HIGH], axis=0)
    members = tuple(c for c in curves if c.key in group.keys)
    return Spread(group, x, np.nanmean(table, axis=0), low, high, count.astype(float), members)


def _fair(curve: Curve, weight: float) -> tuple[Floats, Floats]:
    """The curve without points that were kept for being extremes: they would bend a mean."""
    if curve.smoothable is None:
        return smoothed(curve, weight)
    only = replace(curve, x=curve.x[curve.smoothable], y=curve.y[curve.smoothable], smoothable=None)
    return smoothed(only, weight)


def ascending(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The curve in the order of x; of a place that came twice the later value."""
    order = np.lexsort((np.arange(len(x)), x))
    x, y = x[order], y[order]
    last = np.append(np.diff(x) != 0, True) if len(x) else np.empty(0, bool)
    return x[last], y[last]


def difference(curve: Curve, base: Curve) -> Curve | None:
    """``curve`` minus ``base`` where both have values; None where they share no stretch of x."""
    at, level = ascending(*_fair(base, 0.0))
    if not len(at):
        return None
    under = np.interp(curve.x, at, level, left=np.nan, right=np.nan)
    both = np.isfinite(under)
    if not both.any():
        return None

    def cut(values: Any, minus: bool) -> Any:
        return None if values is None else values[both] - under[both] if minus else values[both]

    return replace(curve, x=curve.x[both], y=cut(curve.y, True), low=cut(curve.low, True), high=cut(curve.high, True),
                   smoothable=cut(curve.smoothable, False))  # fmt: skip


def told(spread: Spread, unit: str) -> str:
    """ "mean 1.34, 1.27 to 1.41.": with the 10 % and 90 % quantiles, at the last place that all runs of it reach."""
    full = np.flatnonzero(spread.count == spread.count.max())[-1]
    mean = words.measured(float(spread.mean[full]), unit)
    many = int(spread.count[full])
    if many < 2:
        return f"{mean}, one run."
    low, high = (words.measured(float(v[full]), unit) for v in (spread.low, spread.high))
    return f"mean {mean}, {low} to {high}."
