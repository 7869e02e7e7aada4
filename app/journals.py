"""A run's journal put together again from the tables, an event at a time: what a bundle of this server holds.

The points of each series come in the order of their coming, those of one moment and step as one event; everything
else lies among them by its time. Line numbers are new: the journal on the host that trained is laid out otherwise.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import chunks, records
from app.models import Checkpoint, Chunk, Line, Piece, Record, Run, Sample, Series
from nashboard.content import Content
from nashboard.events import ENDINGS

PAGE = 500
KINDS = ("mark", "distribution", "table", "note_written")
_POINT = np.dtype([("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
Body = dict[str, Any]


def bodies(session: Session, run: Run, points: bool = True) -> Iterator[Body]:
    """The run's events as dicts without ``seq``: run_started first, run_ended last where it has ended by itself.

    ``points``: those as well.
    """
    yield started(run)
    streams = [_points(session, run.id)] if points else []
    streams += [_records(session, run.id), _samples(session, run.id)]
    streams += [_lines(session, run.id), _checkpoints(session, run.id)]
    yield from heapq.merge(*streams, key=lambda body: body["time"])
    if run.status in ENDINGS:
        at = run.ended or run.heartbeat or run.created
        yield {
            "time": at,
            "kind": "run_ended",
            "status": run.status,
            "reason": run.reason,
            "step": run.last_step,
        }


def started(run: Run) -> Body:
    """The event that the run's journal begins with."""
    names = (
        "name",
        "project",
        "trainer",
        "preset",
        "size",
        "seed",
        "recipe",
        "environment",
        "command",
        "tags",
    )
    told = {name: getattr(run, name) for name in names}
    return {"time": run.started or run.created, "kind": "run_started", "run": run.id, **told,
            "parent": run.parent, "treats": run.treats, "total_steps": run.total_steps}  # fmt: skip


def content(session: Session, run: Run) -> Content:
    """What the run's contents are; see `nashboard.content`."""
    found = Content()
    for row in series(session, run.id):
        for part in _parts(session, row.id, row.count):
            told = np.empty(len(part), _POINT)
            told["step"], told["time"], told["value"] = part.step, part.time, part.value
            found.column(row.name, told.tobytes())
    wanted = select(Sample.step, Sample.series, Sample.sha256).where(Sample.run_id == run.id)
    for step, name, sha256 in session.execute(wanted):
        found.sample(step, name, sha256)
    return found


def series(session: Session, run_id: str) -> list[Series]:
    """The run's series by name."""
    return list(session.scalars(select(Series).where(Series.run_id == run_id).order_by(Series.name)))


def _parts(session: Session, series_id: int, count: int) -> Iterator[chunks.Columns]:
    """The series' points, a chunk at a time."""
    at = 0
    while at < count:
        wanted = select(Chunk.index, Chunk.count, Chunk.data).where(
            Chunk.series_id == series_id, Chunk.index >= at
        )
        row = session.execute(wanted.order_by(Chunk.index).limit(1)).first()
        if row is None:
            break
        yield chunks.decode(row[2], row[1])
        at = row[0] + row[1]
    fresh = select(Piece).where(Piece.series_id == series_id, Piece.index >= at).order_by(Piece.index)
    for piece in session.scalars(fresh):
        yield chunks.from_raw(piece.data, piece.count)


def _points(session: Session, run_id: str) -> Iterator[Body]:
    columns = [_column(session, n, row) for n, row in enumerate(series(session, run_id))]
    body: Body = {}
    for time, _, step, name, value in heapq.merge(*columns, key=lambda p: p[:2]):
        if body and (body["time"] != time or body["step"] != step or name in body["values"]):
            yield body
            body = {}
        if not body:
            body = {"time": time, "kind": "points", "step": step, "values": {}}
        body["values"][name] = value
    if body:
        yield body


def _column(session: Session, place: int, row: Series) -> Iterator[tuple[float, int, int, str, float]]:
    for part in _parts(session, row.id, row.count):
        columns = (part.time.tolist(), part.step.tolist(), part.value.tolist())
        for time, step, value in zip(*columns, strict=True):
            yield time, place, step, row.name, value


def _records(session: Session, run_id: str) -> Iterator[Body]:
    after = -1
    while True:
        wanted = select(Record).where(Record.run_id == run_id, Record.seq > after, Record.kind.in_(KINDS))
        page = list(session.scalars(wanted.order_by(Record.seq).limit(PAGE)))
        for r in page:
            step = {} if r.step is None else {"step": r.step}
            yield {"time": r.time, "kind": r.kind, **step, **r.body}
        if len(page) < PAGE:
            return
        after = page[-1].seq
        _forget(session, page)


def _samples(session: Session, run_id: str) -> Iterator[Body]:
    names = ("step", "series", "slot", "media", "sha256", "ext", "size", "facts", "caption")
    rows = select(Sample).where(Sample.run_id == run_id).order_by(Sample.seq)
    for s in list(session.scalars(rows)):
        yield {"time": s.time, "kind": "sample_made", **{name: getattr(s, name) for name in names}}


def _lines(session: Session, run_id: str) -> Iterator[Body]:
    after = -1
    while page := records.lines(session, run_id, after, PAGE):
        for r in page:
            yield {"time": r.time, "kind": "log_line", "text": r.text, "stream": r.stream, "level": r.level}
        after = page[-1].seq
        _forget(session, page)


def _forget(session: Session, rows: Sequence[Line] | Sequence[Record]) -> None:
    """A long console must not pile up in the session."""
    for row in rows:
        if row in session:
            session.expunge(row)


def _checkpoints(session: Session, run_id: str) -> Iterator[Body]:
    rows = select(Checkpoint).where(Checkpoint.run_id == run_id).order_by(Checkpoint.time, Checkpoint.id)
    for c in list(session.scalars(rows)):
        told = {"step": c.step, "path": c.path, "size": c.size, "best": c.best}
        yield {"time": c.time, "kind": "checkpoint_saved", **told}
