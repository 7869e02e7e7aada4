"""What came of a plan: its settings ranked by a metric with their spread over seeds, and the effect of each varied knob.

Only runs that finished count: one that still goes, was stopped or was pruned has had fewer steps. The effect of a knob is
taken where all other varied knobs are equal, so that in a plan which varies one thing at a time each value is held against
the baseline alone; in a full grid that is the plain mean over everything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from app import plans, reading
from app.differs import shown
from app.errors import BadInput
from app.tables_plans import Plan
from nashboard.vocabulary import TABLE, Series, describe

__all__ = ["Effect", "Level", "Metric", "Results", "Setting", "Summary", "of", "shown"]

WHATS = ("best", "last")
MOST_EFFECTS = 12


@dataclass(frozen=True)
class Metric:
    """What is ranked by: a series, which direction of it is better, its best or its last value."""

    row: Series
    better: str
    what: str


@dataclass(frozen=True)
class Summary:
    """Values of one setting or of one value of a knob. ``mean``, ``low`` and ``high`` are None without a value, ``std``
    (with n − 1) without two.
    """

    values: tuple[float, ...]
    mean: float | None
    std: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Setting:
    """A row of the ranking: one setting over its seeds. ``place`` is 1 for the best, None without a finished run."""

    place: int | None
    title: str
    at: tuple[tuple[str, str], ...]
    summary: Summary
    entries: tuple[plans.Entry, ...]
    leads: bool

    @property
    def finished(self) -> int:
        return sum(e.status == "finished" for e in self.entries)


@dataclass(frozen=True)
class Level:
    """One value of a knob, with the values of the metric there. ``number``: the value, where it is a number."""

    text: str
    number: float | None
    summary: Summary


@dataclass(frozen=True)
class Effect:
    """A knob, or several that always change together. ``matched``: all else was equal. ``rank``: Spearman's correlation
    of a numeric knob with the metric, of a search's trials; None elsewhere.
    """

    names: tuple[str, ...]
    levels: tuple[Level, ...]
    matched: bool
    rank: float | None = None
    runs: int = 0

    @property
    def span(self) -> float:
        """The distance between the best and the worst mean."""
        means = [v.summary.mean for v in self.levels if v.summary.mean is not None]
        return max(means) - min(means) if len(means) > 1 else 0.0


@dataclass(frozen=True)
class Results:
    """The results of a plan by one metric; ``choices`` are the series that it could be ranked by."""

    metric: Metric | None
    choices: tuple[Series, ...]
    settings: tuple[Setting, ...]
    effects: tuple[Effect, ...]
    values: dict[int, float]


def of(
    session: Session, plan: Plan, entries: Sequence[plans.Entry], asked: str = "", what: str = "best"
) -> Results:
    """Rank and effects of a plan's items. Three queries.

    Raises:
        BadInput: a metric of which neither direction is better, or a word that is neither best nor last.
    """
    if what not in WHATS:
        raise BadInput(f"of={what!r:.40} is neither best nor last", field="of")
    ids = [e.run.id for e in entries if e.run is not None]
    infos = reading.series_of(session, ids) if ids else {}
    have = {run: {i.name: i for i in rows} for run, rows in infos.items()}
    names = {name for rows in have.values() for name in rows}
    metric = _metric(plan, names, asked, what)
    values: dict[int, float] = {}
    if metric is not None:
        for entry in entries:
            info = have.get(entry.run.id, {}).get(metric.row.name) if entry.run is not None else None
            value = _value(info, metric) if info is not None else None
            if value is not None and entry.status == "finished":
                values[entry.item.index] = value
    listed = [row for row in TABLE if row.name in names and row.better]
    own = _better(plan, asked)
    choices = tuple(listed) + tuple(
        describe(n) for n in [asked] if n and own and n not in {r.name for r in listed}
    )
    return Results(
        metric,
        choices,
        tuple(ranked(entries, values, metric.better if metric else "down")),
        tuple(effects(entries, values, plan.kind == "search")),
        values,
    )


def _better(plan: Plan, name: str) -> str:
    search = plan.sheet.get("search") or {}
    if name and name == search.get("objective") and search.get("direction"):
        return "up" if search["direction"] == "maximize" else "down"
    return describe(name).better if name else ""


def _metric(plan: Plan, names: set[str], asked: str, what: str) -> Metric | None:
    """The metric asked for, else the plan's own, else the first of its runs in which one direction is better."""
    if asked:
        better = _better(plan, asked)
        if not better:
            raise BadInput(
                f"neither direction of {asked!r:.80} is known to be better, so nothing is ranked by it",
                field="metric",
            )
        return Metric(describe(asked), better, what)
    search = plan.sheet.get("search") or {}
    wanted = [search.get("objective") or "", str(plan.sheet.get("metric") or "")]
    wanted += [row.name for row in TABLE if row.better and row.name.startswith("eval/")]
    for name in wanted:
        if name and (name in names or name == wanted[0]) and (better := _better(plan, name)):
            return Metric(describe(name), better, what)
    return None


def _value(info: reading.SeriesInfo, metric: Metric) -> float | None:
    value = info.last_value if metric.what == "last" else info.high if metric.better == "up" else info.low
    return value if value is not None and math.isfinite(value) else None


def summary(values: Sequence[float]) -> Summary:
    """Mean, standard deviation (n − 1) and range."""
    found = np.asarray(values, dtype=float)
    if not len(found):
        return Summary((), None, None, None, None)
    std = float(found.std(ddof=1)) if len(found) > 1 else None
    return Summary(tuple(values), float(found.mean()), std, float(found.min()), float(found.max()))


def words_of(at: Sequence[tuple[str, str]]) -> str:
    """ "lr 1e-3, feat_weight 2": values on varied knobs in words."""
    return ", ".join(f"{k.rsplit('.', 1)[-1]} {v}" if k != "preset" else v for k, v in at)


def key_of(entry: plans.Entry, without: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """(knob, value in words) of an item's varied knobs but those of ``without``."""
    return tuple((k, shown(v)) for k, v in entry.item.at.items() if k not in without)


def ranked(entries: Sequence[plans.Entry], values: Mapping[int, float], better: str) -> list[Setting]:
    """Settings, the best mean first; those without a finished run last, in the order of the plan."""
    grouped: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[plans.Entry]] = {}
    for entry in sorted(entries, key=lambda e: e.item.index):
        grouped.setdefault((entry.item.preset, entry.item.title, key_of(entry)), []).append(entry)
    rows = []
    for (preset, title, at), own in grouped.items():
        found = summary([values[e.item.index] for e in own if e.item.index in values])
        rows.append((found, title or words_of(at) or preset, at, own))
    sign = -1.0 if better == "up" else 1.0
    rows.sort(key=lambda r: (r[0].mean is None, sign * (r[0].mean or 0.0)))
    return [
        Setting(n if f.mean is not None else None, title, at, f, tuple(own), n == 1 and f.mean is not None)
        for n, (f, title, at, own) in enumerate(rows, 1)
    ]


def together(entries: Sequence[plans.Entry]) -> list[tuple[str, ...]]:
    """The varied knobs, those that always change together as one: each value of one has one value of the other."""
    names = list(dict.fromkeys(k for e in entries for k in e.item.at))
    columns = {n: [shown(e.item.at.get(n)) for e in entries] for n in names}
    groups: list[tuple[str, ...]] = []
    for name in names:
        if len(set(columns[name])) < 2:
            continue
        for n, group in enumerate(groups):
            pairs = set(zip(columns[group[0]], columns[name], strict=True))
            if len(pairs) == len(set(columns[name])) == len(set(columns[group[0]])):
                groups[n] = (*group, name)
                break
        else:
            groups.append((name,))
    return groups


def effects(
    entries: Sequence[plans.Entry], values: Mapping[int, float], search: bool = False
) -> list[Effect]:
    """The effect of each varied knob, the greatest span of means first; [] without a finished run."""
    done = [e for e in entries if e.item.index in values]
    if not done:
        return []
    found = []
    for names in [(k,) for k in done[0].item.at] if search else together(entries):
        strata: dict[tuple[tuple[str, str], ...], list[plans.Entry]] = {}
        for entry in done:
            strata.setdefault(key_of(entry, names), []).append(entry)
        own = {id(e): tuple(shown(e.item.at.get(n)) for n in names) for e in done}
        fair = [e for some in strata.values() if len({own[id(e)] for e in some}) > 1 for e in some]
        used = fair if fair and not search else done
        found.append(_effect(names, used, own, values, bool(fair) and not search))
    return sorted(found, key=lambda e: -e.span if not search else -abs(e.rank or 0.0))[:MOST_EFFECTS]


def _effect(
    names: tuple[str, ...],
    used: Sequence[plans.Entry],
    own: Mapping[int, tuple[str, ...]],
    values: Mapping[int, float],
    matched: bool,
) -> Effect:
    levels: dict[tuple[str, ...], list[plans.Entry]] = {}
    for entry in used:
        levels.setdefault(own[id(entry)], []).append(entry)
    rows = []
    for text, some in levels.items():
        raw = some[0].item.at.get(names[0])
        number = float(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else None
        rows.append(Level(" · ".join(text), number, summary([values[e.item.index] for e in some])))
    if all(r.number is not None for r in rows):
        rows.sort(key=lambda r: r.number or 0.0)
    rank = None
    if not matched and len(used) > 2 and all(r.number is not None for r in rows):
        rank = spearman([float(e.item.at[names[0]]) for e in used], [values[e.item.index] for e in used])
    return Effect(names, tuple(rows), matched, rank, len(used))


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Correlation of ranks, ties sharing their mean rank; None where either is constant."""
    x, y = _ranks(np.asarray(a, float)), _ranks(np.asarray(b, float))
    if x.std() == 0 or y.std() == 0:
        return None
    return float(((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std()))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[inverse]
