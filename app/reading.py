"""Reading: the only reader of points. Series, thinned or whole, and values at a step or at an epoch."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import chunks, runs, thinning
from app.chunks import Columns
from app.errors import BadInput, NotFound
from app.models import Chunk, Series
from app.points import pieces
from app.thinning import Thinned

MAX_WIDTH = 20_000
PROGRESS = {
    "epoch": "progress/epoch",
    "disc_steps": "progress/disc_steps",
    "samples": "progress/samples_seen",
    "audio_hours": "progress/audio_hours",
}
AXES = ("step", "epoch", "time", "relative", "disc_steps", "samples", "audio_hours")
_FAR = 2**62
_MOST_PROGRESSES = 400
_progresses: OrderedDict[tuple[Any, ...], tuple[NDArray[np.float64], NDArray[np.float64]]] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class SeriesInfo:
    """A series' summary. ``low`` and ``high`` are of finite values, None where there are none."""

    name: str
    count: int
    nonfinite: int
    low: float | None
    high: float | None
    first_step: int
    last_step: int
    last_value: float
    last_time: float


def series(session: Session, run_id: str) -> list[SeriesInfo]:
    """All series of a run by name, in one query; [] for a run without points (or an unknown one)."""
    return series_of(session, [run_id]).get(run_id, [])


def series_of(
    session: Session, run_ids: Sequence[str], names: Sequence[str] | None = None
) -> dict[str, list[SeriesInfo]]:
    """The series of several runs in one query, by run; only those called ``names`` where given."""
    wanted = select(Series).where(Series.run_id.in_(run_ids)).order_by(Series.run_id, Series.name)
    if names is not None:
        wanted = wanted.where(Series.name.in_(names))
    found: dict[str, list[SeriesInfo]] = {}
    for row in session.scalars(wanted):
        found.setdefault(row.run_id, []).append(_info(row))
    return found


def _info(row: Series) -> SeriesInfo:
    value = row.last_value or 0.0
    if row.last_code:
        value = float(chunks.restored(np.array([value]), np.array([row.last_code]))[0])
    return SeriesInfo(
        row.name,
        row.count,
        row.nonfinite,
        row.low,
        row.high,
        row.first_step or 0,
        row.last_step or 0,
        value,
        row.last_time or 0.0,
    )


def read(
    session: Session,
    run_id: str,
    name: str,
    *,
    width: int = 1000,
    step_from: int | None = None,
    step_to: int | None = None,
) -> Thinned:
    """A series between two steps (both included), thinned for a chart of ``width`` pixels; see `Thinned`.

    Raises:
        NotFound: the run has no such series.
        BadInput: a width that is none.
    """
    if not 1 <= width <= MAX_WIDTH:
        raise BadInput(f"width must be from 1 to {MAX_WIDTH}, not {width}", field="width")
    row = _series(session, run_id, name)
    start, stop = -_FAR if step_from is None else step_from, _FAR if step_to is None else step_to
    table = _Summaries(session, row.id, start, stop)
    tail = _tail(session, row.id)
    room = table.points + len(tail)
    if room <= thinning.EXACT * width:
        points = _within(chunks.joined([*_decoded(session, row.id, table.rows).values(), tail]), start, stop)
        return thinning.exact(points)
    low, high = table.span(tail, start, stop)
    k = thinning.shift_for(low, high, width)
    standing = [r for r in table.rows if _stands(r, start, stop, k)]
    loaded = _decoded(session, row.id, [r for r in table.rows if not _stands(r, start, stop, k)])
    pieces = {index: _placed(index, points, start, stop) for index, points in loaded.items()}
    pieces[row.chunked] = _placed(row.chunked, tail, start, stop)
    total = sum(len(at) for at, _ in pieces.values()) + sum(r.count for r in standing)
    if total <= thinning.EXACT * width:
        pieces |= {
            index: _placed(index, p, start, stop) for index, p in _decoded(session, row.id, standing).items()
        }
        return thinning.exact(chunks.joined([pieces[index][1] for index in sorted(pieces)]))
    pieces |= {r.index: _corners(r) for r in standing}
    ordered = [pieces[index] for index in sorted(pieces)]
    return thinning.thin(
        np.concatenate([a for a, _ in ordered]), chunks.joined([p for _, p in ordered]), k, total
    )


def whole(session: Session, run_id: str, name: str) -> Columns:
    """All points of a series in the order of their coming, non-finite ones included. Raises `NotFound`."""
    row = _series(session, run_id, name)
    table = _Summaries(session, row.id, -_FAR, _FAR)
    return chunks.joined([*_decoded(session, row.id, table.rows).values(), _tail(session, row.id)])


def at(session: Session, run_id: str, name: str, step: int | None = None) -> float | None:
    """The value at the greatest step that is not past ``step``; the latest to come for None.

    Where that step came twice, the later counts. None where the series has no such point or is not there. The
    value may be non-finite.
    """
    try:
        row = _series(session, run_id, name)
    except NotFound:
        return None
    if step is None:
        return _info(row).last_value
    table = _Summaries(session, row.id, -_FAR, step)
    ends = [r.step_high if r.step_high <= step else r.step_low for r in table.rows]
    best = max(ends, default=-_FAR)
    # a chunk that reaches past the step may hold anything up to it; one that does not ends at its highest
    near = [r for r in table.rows if r.step_high > step or r.step_high == best]
    parts = [*_decoded(session, row.id, near).values(), _tail(session, row.id)]
    points = _within(chunks.joined(parts), -_FAR, step)
    if not len(points):
        return None
    return float(points.value[np.flatnonzero(points.step == points.step.max())[-1]])


def at_epoch(session: Session, run_id: str, name: str, epoch: float) -> float | None:
    """The value at the last step that is not past ``epoch``; None where the run has not come so far."""
    step = step_of_epoch(session, run_id, epoch)
    return None if step is None else at(session, run_id, name, step)


def step_of_epoch(session: Session, run_id: str, epoch: float) -> int | None:
    """The last step that is not past ``epoch``; None where the run has not reached it or counts no epochs."""
    steps, epochs = progress(session, run_id, PROGRESS["epoch"])
    if not len(steps) or epoch > epochs.max() + 1e-6 or not math.isfinite(epoch):
        return None
    if epoch < epochs[0]:
        return None
    rising = np.maximum.accumulate(epochs)
    last = int(np.searchsorted(rising, epoch + 1e-9, side="right")) - 1
    if last + 1 >= len(steps):
        return int(steps[-1])
    share = (epoch - rising[last]) / (rising[last + 1] - rising[last])
    return math.floor(steps[last] + share * (steps[last + 1] - steps[last]) + 1e-3)


def on_axis(session: Session, run_id: str, steps: ArrayLike, axis: str = "step") -> NDArray[np.float64]:
    """Where steps lie on another axis: interpolated from the run's progress series, or from its times.

    ``time`` is in Unix seconds, ``relative`` in seconds since the run started. All NaN where the run does not
    report that axis.
    """
    if axis not in AXES:
        raise BadInput(f"{axis!r:.80} is no axis: {', '.join(AXES)}", field="x")
    asked = np.asarray(steps, np.float64)
    if axis == "step" or not asked.size:
        return asked
    if axis in PROGRESS:
        known, values = progress(session, run_id, PROGRESS[axis])
    else:
        known, values = _times(session, run_id)
        if axis == "relative":
            started = runs.get(session, run_id).started
            values = values - (min(started or math.inf, values[0]) if len(values) else 0.0)
    if not len(known):
        return np.full(asked.shape, np.nan)
    if len(known) > 1:  # past the last report, go on at the pace of the last stretch
        pace = (values[-1] - values[-2]) / (known[-1] - known[-2])
        return np.asarray(np.interp(asked, known, values) + np.maximum(asked - known[-1], 0) * pace)
    return np.asarray(np.interp(asked, known, values))


def progress(session: Session, run_id: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(steps, values) of a progress series, steps ascending; where one came twice, the later counts.

    Kept in memory until the series grows: every chart, table and verdict of a run asks for it. Both empty where the
    run does not report it.
    """
    try:
        row = _series(session, run_id, name)
    except NotFound:
        return np.empty(0), np.empty(0)
    key = (run_id, name, row.id, row.count, row.last_step, row.last_time, row.last_value)
    with _lock:
        known = _progresses.get(key)
    if known is None:
        found = read(session, run_id, name, width=2000)
        known = _ascending(found.step, found.value)
        for column in known:
            column.flags.writeable = False
        with _lock:
            _progresses[key] = known
            while len(_progresses) > _MOST_PROGRESSES:
                _progresses.popitem(last=False)
    return known


def _times(session: Session, run_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = session.execute(
        select(Series.name).where(Series.run_id == run_id).order_by(Series.count.desc(), Series.name).limit(1)
    ).first()
    if rows is None:
        return np.empty(0), np.empty(0)
    found = read(session, run_id, rows[0], width=2000)
    return _ascending(found.step, found.time)


def _ascending(step: NDArray[Any], value: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.lexsort((np.arange(len(step)), step))
    step, value = step[order].astype(np.float64), value[order]
    last = np.append(np.diff(step) != 0, True) if len(step) else np.empty(0, bool)
    return step[last], value[last]


def _series(session: Session, run_id: str, name: str) -> Series:
    row = session.scalar(select(Series).where(Series.run_id == run_id, Series.name == name))
    if row is None:
        raise NotFound(f"run {run_id!r:.40} has no series {name!r:.200}", code="unknown_series")
    return row


class _Summaries:
    """The summaries of the chunks that touch a stretch of steps, in the order of their coming."""

    def __init__(self, session: Session, series_id: int, start: int, stop: int) -> None:
        fields = [c for c in Chunk.__table__.c if c.name not in ("series_id", "data")]
        wanted = select(*fields).where(
            Chunk.series_id == series_id, Chunk.step_high >= start, Chunk.step_low <= stop
        )
        self.rows: list[Any] = [_Summary(*row) for row in session.execute(wanted.order_by(Chunk.index))]
        self.points = sum(r.count for r in self.rows)

    def span(self, tail: Columns, start: int, stop: int) -> tuple[int, int]:
        """The lowest and highest step there is within the stretch, or near it."""
        lows = [r.step_low for r in self.rows]
        highs = [r.step_high for r in self.rows]
        if len(tail):
            lows.append(int(tail.step.min()))
            highs.append(int(tail.step.max()))
        return max(start, min(lows)), min(stop, max(highs))


@dataclass(frozen=True, slots=True)
class _Summary:
    index: int
    count: int
    step_low: int
    step_high: int
    step_last: int
    ordered: bool
    low: float | None
    low_at: int
    low_step: int
    low_time: float
    high: float | None
    high_at: int
    high_step: int
    high_time: float
    first: float | None
    first_time: float
    last: float | None
    last_time: float
    nonfinite: int


def _stands(row: _Summary, start: int, stop: int, k: int) -> bool:
    """Whether a chunk's summary can stand for it: one bucket covers it, and nothing has to be counted."""
    inside = row.step_low >= start and row.step_high <= stop
    return row.ordered and not row.nonfinite and inside and row.step_low >> k == row.step_high >> k


def _corners(row: _Summary) -> tuple[NDArray[np.int64], Columns]:
    """The first, lowest, highest and last point of a chunk, in the order of their coming."""
    last = row.count - 1
    spots = sorted(
        (
            (0, row.step_low, row.first_time, row.first),
            (row.low_at, row.low_step, row.low_time, row.low),
            (row.high_at, row.high_step, row.high_time, row.high),
            (last, row.step_last, row.last_time, row.last),
        )
    )
    at, step, time, value = zip(*spots, strict=True)
    return np.array(at, np.int64) + row.index, chunks.columns(step, time, value)


def _decoded(session: Session, series_id: int, rows: Sequence[_Summary]) -> dict[int, Columns]:
    """The points of chunks by their index, in its order."""
    found: dict[int, Columns] = {}
    for start in range(0, len(rows), 500):
        some = [r.index for r in rows[start : start + 500]]
        wanted = select(Chunk.index, Chunk.count, Chunk.data).where(
            Chunk.series_id == series_id, Chunk.index.in_(some)
        )
        for index, count, data in session.execute(wanted.order_by(Chunk.index)):
            found[index] = chunks.decode(data, count)
    return found


def _tail(session: Session, series_id: int) -> Columns:
    return pieces(session, [series_id]).get(series_id, chunks.joined([]))


def _within(points: Columns, start: int, stop: int) -> Columns:
    return _placed(0, points, start, stop)[1]


def _placed(first: int, points: Columns, start: int, stop: int) -> tuple[NDArray[np.int64], Columns]:
    """The points of a stretch of steps, and their places in the series."""
    at = np.arange(first, first + len(points))
    if len(points) and (points.step.min() < start or points.step.max() > stop):
        inside = (points.step >= start) & (points.step <= stop)
        return at[inside], Columns(points.step[inside], points.time[inside], points.value[inside])
    return at, points
