"""The runs as rows: what each metric ended at, its best value by the direction that is better, and its value at an
epoch; and the knobs that tell the runs apart beside their scores, for parallel coordinates and the scatter.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app import differs, metrics, reading, words
from app.errors import BadInput
from app.models import Run
from app.tracks import keyed
from nashboard.vocabulary import TABLE, Series, describe
from recipes.base import flattened

FIRST = ("loss/disc", "loss/gen")
MOST = 12
WHATS = ("last", "best", "at")
MOST_KNOBS, MOST_SCORES = 12, 12


@dataclass(frozen=True)
class Score:
    """One run's value of one metric; ``delta`` is its distance to the baseline's, in words."""

    value: float | None
    text: str
    delta: str = ""
    lead: bool = False


@dataclass(frozen=True)
class Column:
    """A column: a metric's last, best or at-epoch values. ``name`` is what the table is sorted by."""

    name: str
    row: Series
    what: str
    head: str


@dataclass(frozen=True)
class Line:
    """A run of the table."""

    key: str
    id: str
    name: str
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Scores:
    """The table; ``sort`` is a column's name, with "-" before it for the greatest first."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    sort: str
    base: str


def names_of(have: Sequence[set[str]]) -> list[str]:
    """The metrics of these runs: both losses, then all in which one direction is better, by the vocabulary."""
    every = set().union(*have)
    listed = [
        row.name for row in TABLE if row.better and row.name in every and not row.name.startswith("loss/")
    ]
    return [*(n for n in FIRST if n in every), *listed][:MOST]


def table(
    session: Session, runs: Sequence[Run], moment: str = "last", sort: str = "", base: str = ""
) -> Scores:
    """The runs with their scores, sorted; the at-epoch column is there where ``moment`` is an epoch.

    Raises:
        BadInput: a column that is none to sort by.
    """
    moment = metrics.moment_of(moment)
    infos = reading.series_of(session, [r.id for r in runs])
    have = {r.id: {i.name: i for i in infos.get(r.id, [])} for r in runs}
    epoch = moment if moment not in ("last", "best") else ""
    columns = []
    for name in names_of([set(found) for found in have.values()]):
        row = describe(name)
        heads = {
            "last": "last",
            "best": "best" if row.better else "",
            "at": f"epoch {epoch}" if epoch else "",
        }
        columns += [Column(f"{name}.{what}", row, what, heads[what]) for what in WHATS if heads[what]]
    steps = {r.id: reading.step_of_epoch(session, r.id, float(epoch)) if epoch else None for r in runs}
    values: dict[str, list[float | None]] = {}
    for run in runs:
        values[run.id] = [_value(session, run, have[run.id], c, steps[run.id]) for c in columns]
    lead = [_lead([values[r.id][n] for r in runs], c.row.better) for n, c in enumerate(columns)]
    level = values.get(base)
    lines = []
    for key, run in keyed(runs).items():
        cells = []
        for n, column in enumerate(columns):
            value = values[run.id][n]
            delta = _delta(value, level[n], column.row.unit) if level is not None and run.id != base else ""
            text = "" if value is None else words.measured(value, column.row.unit)
            cells.append(Score(value, text, delta, value is not None and value == lead[n] and len(runs) > 1))
        lines.append(Line(key, run.id, run.name or run.id, tuple(cells)))
    return Scores(tuple(columns), tuple(_sorted(lines, columns, sort)), sort, base)


def _value(
    session: Session, run: Run, have: dict[str, reading.SeriesInfo], column: Column, step: int | None
) -> float | None:
    info = have.get(column.row.name)
    if info is None:
        return None
    if column.what == "last":
        return info.last_value
    if column.what == "best":
        return info.high if column.row.better == "up" else info.low
    return None if step is None else reading.at(session, run.id, column.row.name, step)


def _lead(values: Sequence[float | None], better: str) -> float | None:
    found = [v for v in values if v is not None and math.isfinite(v)]
    return None if not found or not better else max(found) if better == "up" else min(found)


def _delta(value: float | None, level: float | None, unit: str) -> str:
    if value is None or level is None or not (math.isfinite(value) and math.isfinite(level)):
        return ""
    text = words.measured(value - level, unit)
    return text if value <= level else f"+{text}"


def _sorted(lines: list[Line], columns: Sequence[Column], sort: str) -> list[Line]:
    """By a column, the least first or (with "-") the greatest; runs without a value, or with none, come last."""
    if not sort:
        return lines
    wanted, down = sort.removeprefix("-"), sort.startswith("-")
    if wanted == "name":
        return sorted(lines, key=lambda line: line.name.casefold(), reverse=down)
    places = [n for n, c in enumerate(columns) if c.name == wanted]
    if not places:
        if wanted.endswith(".at"):
            return lines  # the epoch is no longer asked for
        raise BadInput(f"{wanted!r:.80} is no column of these runs to sort by", field="sort")

    def place(line: Line) -> tuple[bool, float]:
        value = line.scores[places[0]].value
        known = value is not None and math.isfinite(value)
        return (not known, (-value if down else value) if known and value is not None else 0.0)

    return sorted(lines, key=place)


def knobs(session: Session, runs: Sequence[Run]) -> dict[str, Any]:
    """``{"axes": [...], "runs": [...]}``: knobs that differ, then scores, and each run's value on them.

    An axis is ``{name, title, kind: "knob" | "score", better, log, values}``: ``values`` lists the texts of an axis
    that is not of numbers, in their order, and a run's value is then the place in it; else None. A knob of
    numbers is ``log`` where all are above 0 and span more than ten times. Missing values are None.
    """
    flat = [flattened(r.recipe or {}) for r in runs]
    infos = reading.series_of(session, [r.id for r in runs])
    have = [{i.name: i for i in infos.get(r.id, [])} for r in runs]
    axes: list[dict[str, Any]] = []
    columns: list[list[float | None]] = []
    for line in differs.between(runs).knobs[:MOST_KNOBS]:
        found = [recipe.get(line.name) for recipe in flat]
        axis, values = _knob(line.name, found)
        axes.append(axis)
        columns.append(values)
    scored = [n for n in names_of([set(h) for h in have]) if describe(n).better]
    for name in scored[:MOST_SCORES]:
        row = describe(name)
        infos_of = [h.get(name) for h in have]
        best = [None if i is None else i.high if row.better == "up" else i.low for i in infos_of]
        axes.append({"name": name, "title": f"{row.title}, best", "kind": "score", "better": row.better,
                     "unit": row.unit, "log": _spans(best), "values": None})  # fmt: skip
        columns.append(best)
    rows = [
        {"key": key, "id": run.id, "name": run.name or run.id, "values": [column[n] for column in columns]}
        for n, (key, run) in enumerate(keyed(runs).items())
    ]
    return {"axes": axes, "runs": rows}


def _knob(name: str, found: Sequence[Any]) -> tuple[dict[str, Any], list[float | None]]:
    known = [v for v in found if v is not None]
    about = {"name": name, "title": name, "kind": "knob", "better": "", "unit": ""}
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in known):
        numbers = [None if v is None else float(v) for v in found]
        return about | {"log": _spans(numbers), "values": None}, numbers
    texts = [differs.shown(v) for v in found]
    order = sorted(set(texts))
    return about | {"log": False, "values": order}, [float(order.index(t)) for t in texts]


def _spans(values: Sequence[float | None]) -> bool:
    known = [v for v in values if v is not None and math.isfinite(v)]
    return bool(known) and min(known) > 0 and max(known) > 10 * min(known)


def as_csv(table: Scores) -> str:
    """The table of scores with every digit, in its order."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["key", "run", "name", *(f"{c.row.name} ({c.head})" for c in table.columns)])
    for line in table.lines:
        values = ["" if s.value is None else repr(s.value) for s in line.scores]
        writer.writerow([line.key, line.id, line.name, *values])
    return out.getvalue()
