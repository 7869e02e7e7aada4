"""Rough curves of many runs at once, for sparklines: three queries however many runs there are.

A companion of `app.reading`, which reads one series exactly. Long series are summed up by the database, in
buckets with their lowest and highest value, so that no extreme is lost here either; their order within a
bucket is not known. A value that is no number breaks the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import chunks
from app.chunks import Columns
from app.models import Chunk, Piece, Series

BUCKETS = 48
WHOLE = 8 * chunks.SIZE


@dataclass(frozen=True)
class Sketch:
    """Steps and values, each (n,), in the order of coming; NaN where the curve breaks. n is at most 200."""

    step: NDArray[np.int64]
    value: NDArray[np.float64]


def sketches(session: Session, run_ids: Sequence[str], name: str) -> dict[str, Sketch]:
    """The rough curve of a series for each run that has it."""
    if not run_ids:
        return {}
    mine = (Series.run_id.in_(run_ids), Series.name == name)
    parts: dict[str, list[tuple[float, float]]] = {}
    bucket = Chunk.index * BUCKETS // Series.chunked
    summed = (
        select(
            Series.run_id,
            (func.min(Chunk.step_low) + func.max(Chunk.step_high)) // 2,
            func.min(Chunk.low),
            func.max(Chunk.high),
            func.sum(Chunk.nonfinite),
        )
        .join(Series, Series.id == Chunk.series_id)
        .where(*mine, Series.chunked > WHOLE)
        .group_by(Series.run_id, bucket)
        .order_by(Series.run_id, func.min(Chunk.index))
    )
    for run, step, low, high, lost in session.execute(summed):
        _add(parts.setdefault(run, []), step, low, high, bool(lost))
    stored = (
        select(Series.run_id, Chunk.count, Chunk.data)
        .join(Series, Series.id == Chunk.series_id)
        .where(*mine, Series.chunked <= WHOLE)
        .order_by(Series.run_id, Chunk.index)
    )
    whole: dict[str, list[Columns]] = {}
    for run, count, data in session.execute(stored):
        whole.setdefault(run, []).append(chunks.decode(data, count))
    for run, columns in whole.items():
        _thin(parts.setdefault(run, []), chunks.joined(columns))
    latest = (
        select(Series.run_id, Piece.count, Piece.data)
        .join(Series, Series.id == Piece.series_id)
        .where(*mine)
        .order_by(Series.run_id, Piece.index)
    )
    fresh: dict[str, list[Columns]] = {}
    for run, count, data in session.execute(latest):
        fresh.setdefault(run, []).append(chunks.from_raw(data, count))
    for run, columns in fresh.items():
        _thin(parts.setdefault(run, []), chunks.joined(columns))
    return {
        run: Sketch(np.array([p[0] for p in points], np.int64), np.array([p[1] for p in points], np.float64))
        for run, points in parts.items()
        if points
    }


def _add(
    points: list[tuple[float, float]], step: float, low: float | None, high: float | None, lost: bool
) -> None:
    """A bucket's extremes, the nearer to what came before first; a break where something is no number."""
    if low is not None and high is not None:
        before = points[-1][1] if points else low
        near, far = (low, high) if abs(before - low) <= abs(before - high) else (high, low)
        points.append((float(step), near))
        if far != near:
            points.append((float(step), far))
    if lost:
        points.append((float(step), float("nan")))


def _thin(points: list[tuple[float, float]], columns: Columns) -> None:
    """The points in at most `BUCKETS` buckets of equal count."""
    for steps, values in zip(
        np.array_split(columns.step, min(BUCKETS, len(columns))),
        np.array_split(columns.value, min(BUCKETS, len(columns))),
        strict=True,
    ):
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
        _add(points, float(steps[len(steps) // 2]), low, high, len(finite) < len(values))
