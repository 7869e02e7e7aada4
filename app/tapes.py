"""Tapes: what the doctor keeps in memory of a run's series, so that one more batch costs only what it brings.

A tape holds at most `CAP` points of a series at equal distances in the order of reports (every ``stride``-th, the
stride a power of two that doubles as the run grows), and beside them what a stride must not lose: values that are
not finite, and values far outside of their block. The points of the newest block are all there. What a tape holds
depends on the points alone, not on the batches in which they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import chunks
from app.chunks import SIZE, Columns
from app.models import Chunk, Piece, Series
from doctor.view import Track
from nashboard.vocabulary import canonical

CAP = 4096
BLOCK = 32
FAR = 8.0
"""Half-spreads between a block's median and a value that is kept whatever the stride."""
ODD = 4
"""At most this many non-finite values of a block are kept."""
MAX_SERIES = 400


def _none() -> NDArray[Any]:
    return np.empty(0, np.int64)


@dataclass
class Tape:
    """One series. ``at`` are places in the series, ``odd`` says which are kept whatever the stride."""

    count: int = 0
    stride: int = 1
    at: NDArray[np.int64] = field(default_factory=_none)
    step: NDArray[np.int64] = field(default_factory=_none)
    value: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    odd: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    fresh: Columns = field(default_factory=lambda: chunks.joined([]))

    def add(self, points: Columns) -> None:
        """The next points of the series, in their order."""
        self.fresh = chunks.joined([self.fresh, points]) if len(self.fresh) else points
        self.count += len(points)
        while self.count > CAP * self.stride:
            self.stride *= 2
        whole = (len(self.fresh) - 1) // BLOCK * BLOCK  # the newest point always stays fresh
        if whole > 0:
            first = self.count - len(self.fresh)
            self._settle(first, self.fresh.part(0, whole))
            self.fresh = self.fresh.part(whole, len(self.fresh))
        self._thin()

    def _settle(self, first: int, points: Columns) -> None:
        at = np.arange(first, first + len(points))
        odd = outstanding(points.value)
        keep = odd | (at % self.stride == 0)
        self.at = np.concatenate([self.at, at[keep]])
        self.step = np.concatenate([self.step, points.step[keep]])
        self.value = np.concatenate([self.value, points.value[keep]])
        self.odd = np.concatenate([self.odd, odd[keep]])

    def _thin(self) -> None:
        if len(self.at) <= 2 * CAP:
            return
        odd = self.odd.copy()
        while odd.sum() > CAP // 2:  # a series that is odd throughout needs no more of it
            odd[np.flatnonzero(odd)[1::2]] = False
        keep = odd | (self.at % self.stride == 0)
        self.at, self.step, self.value, self.odd = self.at[keep], self.step[keep], self.value[keep], odd[keep]

    def track(self, name: str) -> Track:
        """What a rule sees of the series."""
        even = self.odd | (self.at % self.stride == 0)
        step = np.concatenate([self.step[even], self.fresh.step])
        return Track(name, step, np.concatenate([self.value[even], self.fresh.value]))


def outstanding(value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of whole blocks of values stand out: those not finite (4 a block) and its extremes where they lie far
    from its median, by 8 times the median distance from it.
    """
    rows = value.reshape(-1, BLOCK)
    bad = ~np.isfinite(rows)
    odd = bad & (np.cumsum(bad, axis=1) <= ODD)
    finite = np.where(bad, np.nan, rows)
    some = (~bad).sum(axis=1) >= BLOCK // 2
    if some.any():
        middle = np.nanmedian(finite[some], axis=1, keepdims=True)
        apart = np.abs(finite[some] - middle)
        spread = np.nanmedian(apart, axis=1, keepdims=True)
        far = apart > FAR * spread + 1e-12 * np.abs(middle)
        apart = np.where(np.isnan(apart), -1.0, apart)
        most = np.argsort(-apart, axis=1, kind="stable")[:, :2]
        top = np.zeros_like(far)
        np.put_along_axis(top, most, True, axis=1)
        odd[some] |= far & top
    return np.asarray(odd.reshape(-1))


class Tapes:
    """All series of a run."""

    def __init__(self) -> None:
        self.tapes: dict[int, Tape] = {}
        self.names: dict[str, int] = {}

    def catch_up(self, session: Session, run_id: str) -> None:
        """Read what has come since the last time: the cost is that of the new points, not that of the run."""
        wanted = select(Series.id, Series.name, Series.count, Series.chunked).where(Series.run_id == run_id)
        news: list[tuple[int, int, int]] = []
        for series_id, name, count, chunked in session.execute(
            wanted.order_by(Series.name).limit(MAX_SERIES)
        ):
            known = canonical(name)
            if self.names.setdefault(known, series_id) != series_id:
                continue  # two spellings of one name: the first one counts
            tape = self.tapes.setdefault(series_id, Tape())
            if count < tape.count:
                tape = self.tapes[series_id] = Tape()
            if count > tape.count:
                news.append((series_id, count, chunked))
        for series_id, _, chunked in news:
            if chunked > self.tapes[series_id].count:
                self._chunks(session, series_id)
        self._pieces(session, news)

    def _chunks(self, session: Session, series_id: int) -> None:
        tape = self.tapes[series_id]
        first = tape.count - tape.count % SIZE
        wanted = select(Chunk.index, Chunk.count, Chunk.data).where(
            Chunk.series_id == series_id, Chunk.index >= first
        )
        for index, count, data in session.execute(wanted.order_by(Chunk.index)):
            _append(tape, index, chunks.decode(data, count))

    def _pieces(self, session: Session, news: Sequence[tuple[int, int, int]]) -> None:
        groups: dict[int, list[int]] = {}
        for series_id, count, _ in news:
            if count > self.tapes[series_id].count:
                groups.setdefault(self.tapes[series_id].count, []).append(series_id)
        for seen, ids in groups.items():  # series that are reported together have seen the same number
            wanted = select(Piece.series_id, Piece.index, Piece.count, Piece.data).where(
                Piece.series_id.in_(ids), Piece.index + Piece.count > seen
            )
            for series_id, index, count, data in session.execute(
                wanted.order_by(Piece.series_id, Piece.index)
            ):
                _append(self.tapes[series_id], index, chunks.from_raw(data, count))

    def tracks(self) -> dict[str, Track]:
        """The series by their canonical names, as rules read them."""
        return {name: self.tapes[series_id].track(name) for name, series_id in sorted(self.names.items())}


def _append(tape: Tape, index: int, points: Columns) -> None:
    """The points that begin at place ``index``, but for those that are there; a gap waits for the next time."""
    skip = tape.count - index
    if 0 <= skip < len(points):
        tape.add(points.part(skip, len(points)))
