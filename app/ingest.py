"""Ingest: the only writer of points. One request is one transaction.

``seq`` is a line's number in the run's journal and the run keeps ``next_seq``: what lies before it is passed
over, a gap ends the batch, so the receipt's ``next_seq`` is always where the sender goes on.
"""

from __future__ import annotations

import time as clock
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from app import batches, runs, stopping
from app.db import clean
from app.errors import Conflict, NotFound
from app.models import Blob, Checkpoint, Line, Record, Run, Sample
from app.points import Pending
from nashboard.events import (
    CheckpointSaved,
    Distribution,
    Event,
    LogLine,
    Mark,
    NoteWritten,
    Points,
    RunEnded,
    RunStarted,
    SampleMade,
    Table,
    to_dict,
)
from nashboard.receipt import Receipt

MAX_WANTS = 100
MAX_TEXT = 64 * 1024


def ingest(session: Session, run_id: str, body: bytes, content_type: str = batches.LINES) -> Receipt:
    """File a batch of a run's events; an empty batch is a sign of life.

    Raises:
        NotFound: no such run; it has to be registered first.
        BadInput: a line that is no event, named; nothing of the batch is stored.
    """
    return apply(session, run_id, batches.read(body, content_type))


def apply(session: Session, run_id: str, found: Iterable[Event], now: float | None = None) -> Receipt:
    """File events that were read already; see `ingest`."""
    now = clock.time() if now is None else now
    try:
        run = runs.get(session, run_id, lock=True)
    except NotFound as problem:
        raise NotFound(
            f"{problem.message}; register it with POST /api/runs and this id, then send from seq 0",
            code="unknown_run",
        ) from None
    runs.revive(session, run, now)
    batch = _Batch(session, run, now)
    due = run.next_seq
    for event in found:
        if event.seq > due:
            break  # a gap: the receipt says where to go on
        if event.seq == due:
            batch.take(event)
            due += 1
    run.next_seq = due
    batch.store()
    session.flush()
    return Receipt(run.next_seq, run.stop, _wants(session, run.id))


def _wants(session: Session, run_id: str) -> list[str]:
    asked = select(Sample.sha256).where(Sample.run_id == run_id, Sample.missing).distinct().limit(MAX_WANTS)
    return list(session.scalars(asked))


class _Batch:
    """What a batch adds, collected by table, so that each table is written once."""

    def __init__(self, session: Session, run: Run, now: float) -> None:
        self.session, self.run, self.now = session, run, now
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.points = Pending()
        self.records: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.samples: list[dict[str, Any]] = []

    def take(self, event: Event) -> None:
        """One more event, the next of its run."""
        if type(event) is Points:
            self.points.add(event)
            return
        if isinstance(event, batches.Unknown):
            self.unknown[clean(event.name, 80)] += 1
            return
        self.counts[event.kind] += 1
        match event:
            case LogLine():
                self._line(event)
            case SampleMade():
                self._sample(event)
            case Mark() | Distribution() | Table() | NoteWritten():
                self._record(event)
            case CheckpointSaved():
                self._checkpoint(event)
            case RunStarted():
                self._started(event)
            case RunEnded():
                self._ended(event)

    def store(self) -> None:
        """Write what was collected."""
        if self.points.events:
            self.points.store(self.session, self.run.id)
            self.counts["points"] += self.points.events
            self.run.last_step = self.points.last_step
        for table, rows in ((Record, self.records), (Line, self.lines), (Sample, self.samples)):
            if rows:
                self.session.execute(insert(table), rows)
        if self.samples:
            here = exists().where(Blob.sha256 == Sample.sha256)
            mine = (Sample.run_id == self.run.id, Sample.missing, here)
            self.session.execute(update(Sample).where(*mine).values(missing=False))
        if self.counts or self.unknown:
            before = self.run.counts or {}
            unknown = Counter(before.get("unknown", {})) + self.unknown
            known = Counter({k: v for k, v in before.items() if k != "unknown"}) + self.counts
            self.run.counts = {**known, **({"unknown": dict(unknown)} if unknown else {})}

    def _line(self, event: LogLine) -> None:
        self.lines.append(
            {
                "run_id": self.run.id,
                "seq": event.seq,
                "time": event.time,
                "stream": clean(event.stream, 10),
                "level": clean(event.level, 10),
                "text": clean(event.text, MAX_TEXT),
            }
        )

    def _sample(self, event: SampleMade) -> None:
        self.samples.append(
            {
                "run_id": self.run.id,
                "seq": event.seq,
                "step": event.step,
                "time": event.time,
                "series": clean(event.series, 200),
                "slot": clean(event.slot, 200),
                "media": clean(event.media, 20),
                "sha256": event.sha256,
                "ext": clean(event.ext, 10),
                "size": event.size,
                "facts": event.facts,
                "caption": clean(event.caption, 2000),
                "missing": True,
            }
        )

    def _record(self, event: Mark | Distribution | Table | NoteWritten) -> None:
        body = to_dict(event)
        name = getattr(event, "name", "") or getattr(event, "series", "")
        self.records.append(
            {
                "run_id": self.run.id,
                "seq": event.seq,
                "kind": event.kind,
                "step": event.step,
                "time": event.time,
                "name": clean(name, 200),
                "body": {k: v for k, v in body.items() if k not in ("seq", "time", "kind", "step")},
            }
        )

    def _checkpoint(self, event: CheckpointSaved) -> None:
        held = {
            c.path: c
            for c in self.session.scalars(select(Checkpoint).where(Checkpoint.run_id == self.run.id))
        }
        path = clean(event.path, 500)
        mine = held.get(path)
        if mine is None:
            mine = Checkpoint(run_id=self.run.id, path=path)
            self.session.add(mine)
        mine.step, mine.time, mine.size, mine.present = event.step, event.time, event.size, True
        mine.best = event.best
        if event.kept:
            kept = {clean(p, 500) for p in event.kept} | {path}
            for other in held.values():
                other.present = other.present and other.path in kept
        self.session.flush()

    def _started(self, event: RunStarted) -> None:
        run = self.run
        if event.run != run.id:
            raise Conflict(
                f"this journal is of run {event.run!r:.40}, and it was sent to run {run.id!r}",
                code="other_run",
            )
        if run.trainer and event.trainer and run.trainer != event.trainer:
            raise Conflict(
                f"run {run.id!r} is of trainer {run.trainer!r}, the journal of {event.trainer!r:.40}",
                code="other_trainer",
            )
        texts = {"trainer": 40, "preset": 80, "size": 20, "treats": 80}
        for name, limit in texts.items():
            if getattr(event, name):
                setattr(run, name, clean(getattr(event, name), limit))
        run.name = run.name or clean(event.name, 200)
        if run.project in ("", "default"):
            run.project = clean(event.project, 200) or "default"
        for name in ("recipe", "environment", "command"):
            if getattr(event, name):
                setattr(run, name, getattr(event, name))
        run.seed = event.seed if event.seed is not None else run.seed
        run.total_steps = event.total_steps if event.total_steps is not None else run.total_steps
        if event.parent and runs.ID.fullmatch(event.parent):
            run.parent = event.parent
        run.tags = list(dict.fromkeys([*run.tags, *(clean(t, runs.MAX_TAG) for t in event.tags)]))[
            : runs.MAX_TAGS
        ]
        if run.started is None:
            run.started = self._at(event)
        if run.status != "stopping":
            runs.set_status(self.session, run, "running", now=self.now)
        stopping.started(self.session, run, event)
        if event.resumed_from is not None:
            self.records.append(
                {
                    "run_id": run.id,
                    "seq": event.seq,
                    "kind": "mark",
                    "step": event.resumed_from,
                    "time": event.time,
                    "name": "resumed",
                    "body": {"name": "resumed", "label": f"resumed from step {event.resumed_from}"},
                }
            )

    def _ended(self, event: RunEnded) -> None:
        reason = stopping.reason(self.session, self.run, event.status, event.reason)
        runs.set_status(self.session, self.run, event.status, reason, self.now)
        self.run.ended = max(self._at(event), self.run.started or 0.0)

    def _at(self, event: Event) -> float:
        """When the event happened by its own clock, never later than now: a folder pushed later keeps its times."""
        return min(event.time, self.now) if event.time > 0 else self.now
