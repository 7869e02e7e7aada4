"""Storing points: a piece a batch while they are fresh, compacted into chunks in the same transaction."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from app import chunks
from app.chunks import Columns
from app.models import Chunk, Piece, Series
from nashboard.events import Points

MAX_PIECES = 32
"""A series that reports a point at a time has this many pieces at most; then they are made one."""

_SUMMARY = (
    "count",
    "nonfinite",
    "low",
    "high",
    "first_step",
    "last_step",
    "last_value",
    "last_code",
    "last_time",
    "chunked",
    "pieces",
)
_UPDATE = (
    update(Series.__table__)  # type: ignore[arg-type]
    .where(Series.__table__.c.id == bindparam("_id"))
    .values({name: bindparam(f"_{name}") for name in _SUMMARY})
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
        self.events = 0
        self.last_step = 0

    def add(self, event: Points) -> None:
        """The event's values, each to its series."""
        step, time = event.step, event.time
        self.last_step = step
        self.events += 1
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
        rows = _known(session, run_id, list(self.series))
        new = {n: chunks.columns(f.step, f.time, f.value) for n, f in self.series.items()}
        crowded = [r["id"] for n, r in rows.items() if _full(r, new[n]) or r["pieces"] >= MAX_PIECES]
        old = pieces(session, crowded)
        if crowded:
            session.execute(delete(Piece).where(Piece.series_id.in_(crowded)))
        full: list[dict[str, Any]] = []
        fresh: list[dict[str, Any]] = []
        for name, points in new.items():
            row = rows[name]
            _sum_up(row, points)
            if row["id"] in old:
                points = chunks.joined([old[row["id"]], points])
                row["pieces"] = 0
            start = row["count"] - len(points)
            whole = len(points) - len(points) % chunks.SIZE
            for at in range(0, whole, chunks.SIZE):
                full.append(chunks.row(row["id"], start + at, points.part(at, at + chunks.SIZE)))
            row["chunked"] += whole
            rest = points.part(whole, len(points))
            if len(rest):
                row["pieces"] += 1
                place = {"series_id": row["id"], "index": start + whole}
                fresh.append({**place, "count": len(rest), "data": chunks.raw(rest)})
        if full:
            session.execute(insert(Chunk), full)
        if fresh:
            session.execute(insert(Piece), fresh)
        session.connection().execute(
            _UPDATE, [{"_id": r["id"], **{f"_{n}": r[n] for n in _SUMMARY}} for r in rows.values()]
        )


def pieces(session: Session, series_ids: Iterable[int]) -> dict[int, Columns]:
    """The points of series that are in no chunk yet, in the order of their coming, where there are any."""
    ids = list(series_ids)
    found: dict[int, list[Columns]] = {}
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        wanted = select(Piece.series_id, Piece.count, Piece.data).where(Piece.series_id.in_(some))
        for series_id, count, data in session.execute(wanted.order_by(Piece.series_id, Piece.index)):
            found.setdefault(series_id, []).append(chunks.from_raw(data, count))
    return {series_id: chunks.joined(parts) for series_id, parts in found.items()}


def _full(row: dict[str, Any], points: Columns) -> bool:
    return bool(row["count"] - row["chunked"] + len(points) >= chunks.SIZE)


def _known(session: Session, run_id: str, names: list[str]) -> dict[str, dict[str, Any]]:
    """The rows of the named series as dicts by name; those that are not there are made."""
    wanted = select(Series.id, Series.name, *(getattr(Series, f) for f in _SUMMARY)).where(
        Series.run_id == run_id
    )
    if len(names) <= 100:
        wanted = wanted.where(Series.name.in_(names))
    found = {r["name"]: dict(r) for r in session.execute(wanted).mappings()}
    new = [n for n in names if n not in found]
    if new:
        made = insert(Series).returning(Series.id, Series.name)
        zeros = dict.fromkeys(("count", "nonfinite", "last_code", "chunked", "pieces"), 0)
        for series_id, name in session.execute(made, [{"run_id": run_id, "name": n} for n in new]):
            found[name] = {**dict.fromkeys(_SUMMARY), **zeros, "id": series_id, "name": name}
    return {n: found[n] for n in names}


def _sum_up(row: dict[str, Any], points: Columns) -> None:
    """More points in the series' summary."""
    finite = points.value[np.isfinite(points.value)]
    lows = [v for v in (row["low"], float(finite.min()) if len(finite) else None) if v is not None]
    highs = [v for v in (row["high"], float(finite.max()) if len(finite) else None) if v is not None]
    code = int(chunks.codes(points.value[-1:])[0])
    row["low"], row["high"] = min(lows, default=None), max(highs, default=None)
    row["nonfinite"] += len(points) - len(finite)
    if not row["count"]:
        row["first_step"] = int(points.step[0])
    row["count"] += len(points)
    row["last_step"], row["last_time"] = int(points.step[-1]), float(points.time[-1])
    row["last_value"], row["last_code"] = None if code else float(points.value[-1]), code
