"""Storing points: rows while they are few and fresh, compacted into chunks in the same transaction."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app import chunks
from app.chunks import Columns
from app.models import Chunk, Series, TailPoint
from nashboard.events import Points

_TAIL = "tail_points (series_id, idx, step, time, value, code)"
_LITE = f"INSERT INTO {_TAIL} VALUES (?, ?, ?, ?, ?, ?)"
_POSTGRES = (
    f"INSERT INTO {_TAIL} SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::float8[], "
    "%s::float8[], %s::smallint[])"
)


@dataclass
class _Fresh:
    step: array[int] = field(default_factory=lambda: array("q"))
    time: array[float] = field(default_factory=lambda: array("d"))
    value: array[float] = field(default_factory=lambda: array("d"))


class Pending:
    """The points of a batch, by series, until they are stored."""

    def __init__(self) -> None:
        self.series: dict[str, _Fresh] = {}

    def add(self, event: Points) -> None:
        """The event's values, each to its series."""
        step, time = event.step, event.time
        for name, value in event.values.items():
            fresh = self.series.get(name)
            if fresh is None:
                fresh = self.series[name] = _Fresh()
            fresh.step.append(step)
            fresh.time.append(time)
            fresh.value.append(value)

    def store(self, session: Session, run_id: str) -> None:
        """Write all points; the caller holds the run's lock."""
        if not self.series:
            return
        session.flush()
        known = _known(session, run_id, list(self.series))
        tail: list[Columns] = []
        owners: list[tuple[int, int]] = []
        summaries, full = [], []
        for name, fresh in self.series.items():
            row = known[name]
            points = chunks.columns(fresh.step, fresh.time, fresh.value)
            start, chunked = row["count"], row["chunked"]
            row = _summed(row, points)
            waiting = start - chunked
            if waiting + len(points) >= chunks.SIZE:
                old = _tail(session, row["id"]) if waiting else []
                points, start = chunks.joined([*old, points]), chunked
                whole = len(points) - len(points) % chunks.SIZE
                for at in range(0, whole, chunks.SIZE):
                    full.append(chunks.row(row["id"], start + at, points.part(at, at + chunks.SIZE)))
                row["chunked"] = start = chunked + whole
                points = points.part(whole, len(points))
                if waiting:
                    session.execute(delete(TailPoint).where(TailPoint.series_id == row["id"]))
            summaries.append(row)
            if len(points):
                tail.append(points)
                owners.append((row["id"], start))
        if full:
            session.execute(insert(Chunk), full)
        session.execute(update(Series), summaries)
        if tail:
            _insert(session, owners, tail)


def _known(session: Session, run_id: str, names: list[str]) -> dict[str, dict[str, Any]]:
    """The rows of the named series as dicts; those that are not there are made."""
    fields = ("id", "name", "count", "nonfinite", "low", "high", "first_step", "chunked")
    wanted = select(*(getattr(Series, f) for f in fields)).where(Series.run_id == run_id)
    if len(names) <= 100:
        wanted = wanted.where(Series.name.in_(names))
    known = {r.name: dict(zip(fields, r, strict=True)) for r in session.execute(wanted)}
    new = [n for n in names if n not in known]
    if new:
        made = insert(Series).returning(Series.id, Series.name)
        for series_id, name in session.execute(made, [{"run_id": run_id, "name": n} for n in new]):
            known[name] = dict.fromkeys(fields) | {
                "id": series_id, "name": name, "count": 0, "nonfinite": 0, "chunked": 0,
            }  # fmt: skip
    return known


def _summed(row: dict[str, Any], points: Columns) -> dict[str, Any]:
    """The series' summary with more points."""
    finite = points.value[np.isfinite(points.value)]
    lows = [v for v in (row["low"], float(finite.min()) if len(finite) else None) if v is not None]
    highs = [v for v in (row["high"], float(finite.max()) if len(finite) else None) if v is not None]
    code = int(chunks.codes(points.value[-1:])[0])
    return {
        "id": row["id"],
        "count": row["count"] + len(points),
        "nonfinite": row["nonfinite"] + len(points) - len(finite),
        "low": min(lows, default=None),
        "high": max(highs, default=None),
        "first_step": int(points.step[0]) if row["first_step"] is None else row["first_step"],
        "last_step": int(points.step[-1]),
        "last_value": None if code else float(points.value[-1]),
        "last_code": code,
        "last_time": float(points.time[-1]),
        "chunked": row["chunked"],
    }


def _tail(session: Session, series_id: int) -> list[Columns]:
    wanted = select(TailPoint.step, TailPoint.time, TailPoint.value, TailPoint.code).where(
        TailPoint.series_id == series_id
    )
    return [tail_columns(session.execute(wanted.order_by(TailPoint.index)).all())]


def tail_columns(rows: Any) -> Columns:
    """Columns of rows of (step, time, value, code)."""
    if not rows:
        return chunks.columns([], [], [])
    step, time, value, code = zip(*rows, strict=True)
    found = np.array([0.0 if v is None else v for v in value], np.float64)
    return chunks.columns(step, time, chunks.restored(found, np.array(code)))


def _insert(session: Session, owners: list[tuple[int, int]], tail: list[Columns]) -> None:
    points = chunks.joined(tail)
    sizes = [len(t) for t in tail]
    ids = np.repeat(np.array([o[0] for o in owners], np.int64), sizes).tolist()
    places = np.concatenate([np.arange(o[1], o[1] + n) for o, n in zip(owners, sizes, strict=True)]).tolist()
    code = chunks.codes(points.value)
    values: list[float | None] = points.value.tolist()
    for at in np.flatnonzero(code):
        values[at] = None
    data = (ids, places, points.step.tolist(), points.time.tolist(), values, code.tolist())
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_LITE, list(zip(*data, strict=True)))
    else:
        connection.exec_driver_sql(_POSTGRES, data)
