"""Live: what changed in runs since one looked last, and the bell that rings when something may have.

Changes are read from the database, so those that other processes write (a worker, a second server) are seen
too, within `REST_S`; what this process writes rings the bell and is seen at once, at most every `PACE_S`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from app import db
from app.models import Run, Sample, Series
from app.tables_diagnoses import StoredDiagnosis
from nashboard.events import ENDED

PACE_S = 0.25
REST_S = 0.9
MAX_RUNS = 200


@dataclass(frozen=True)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    rung: asyncio.Event
    runs: frozenset[str]


class Bell:
    """Wakes the streams that watch a run; may be rung from any thread."""

    def __init__(self) -> None:
        self.closed = False
        self._waiters: set[_Waiter] = set()

    def ring(self, run_id: str = "") -> None:
        """Something of this run may have changed; of any run, where none is named."""
        for waiter in tuple(self._waiters):
            if (not run_id or not waiter.runs or run_id in waiter.runs) and not waiter.loop.is_closed():
                waiter.loop.call_soon_threadsafe(waiter.rung.set)

    def close(self) -> None:
        """End all streams: the server is going down."""
        self.closed = True
        self.ring()

    def enter(self, runs: Sequence[str]) -> _Waiter:
        waiter = _Waiter(asyncio.get_running_loop(), asyncio.Event(), frozenset(runs))
        self._waiters.add(waiter)
        return waiter

    def leave(self, waiter: _Waiter) -> None:
        self._waiters.discard(waiter)


bell = Bell()


@dataclass
class _Seen:
    row: tuple[Any, ...]
    counts: dict[str, int] = field(default_factory=dict)
    samples: int = 0


class Watch:
    """What one stream has told already. ``runs``: the ids that it watches; none: all not archived."""

    def __init__(self, runs: Sequence[str] = ()) -> None:
        self.runs = list(dict.fromkeys(runs))
        self.seen: dict[str, _Seen] = {}
        self.gone: set[str] = set()

    def look(self) -> list[dict[str, Any]]:
        """One entry for each run that changed since the last look; all of them at the first."""
        columns = (
            Run.id,
            Run.status,
            Run.reason,
            Run.next_seq,
            Run.last_step,
            Run.stop,
            Run.name,
            Run.counts,
            StoredDiagnosis.verdict,
            StoredDiagnosis.grave,
            StoredDiagnosis.next_seq.label("diagnosed"),
        )
        wanted = select(*columns).outerjoin(StoredDiagnosis, StoredDiagnosis.run_id == Run.id)
        wanted = wanted.where(Run.deleted.is_(None))
        if self.runs:
            wanted = wanted.where(Run.id.in_(self.runs))
        else:
            wanted = wanted.where(Run.archived.is_(False)).order_by(Run.created.desc()).limit(MAX_RUNS)
        with db.reading() as session:
            rows = session.execute(wanted).all()
            ids = [r.id for r in rows]
            waiting: dict[str, int] = dict(
                session.execute(
                    select(Sample.run_id, func.count())
                    .where(Sample.run_id.in_(ids), Sample.missing)
                    .group_by(Sample.run_id)
                ).all()
            )
            moved = [r.id for r in rows if r.id not in self.seen or self.seen[r.id].row[2] != r.next_seq]
            counts: dict[str, dict[str, int]] = {}
            if moved:
                known = select(Series.run_id, Series.name, Series.count).where(Series.run_id.in_(moved))
                for run_id, name, count in session.execute(known):
                    counts.setdefault(run_id, {})[name] = count
        found = [
            c for r in rows if (c := self._change(r, waiting.get(r.id, 0), counts.get(r.id))) is not None
        ]
        return found + self._vanished(set(ids))

    def _change(self, row: Any, waiting: int, counts: dict[str, int] | None) -> dict[str, Any] | None:
        now = (row.status, row.reason, row.next_seq, row.last_step, row.stop, row.name, row.diagnosed)
        samples = (row.counts or {}).get("sample_made", 0) - waiting
        before = self.seen.get(row.id)
        if before is not None and before.row == now and before.samples == samples:
            return None
        old = before or _Seen(())
        fresh = old.counts if counts is None else counts
        self.seen[row.id] = _Seen(now, fresh, samples)
        return {
            "run": row.id,
            "name": row.name,
            "status": row.status,
            "reason": row.reason,
            "next_seq": row.next_seq,
            "last_step": row.last_step,
            "series": sorted(name for name, count in fresh.items() if old.counts.get(name) != count),
            "samples": max(samples - old.samples, 0),
            "verdict": row.verdict or "",
            "findings": row.grave or 0,
            "diagnosed": row.diagnosed or 0,
            "ended": row.status in ENDED,
            "first": before is None,
        }

    def _vanished(self, here: set[str]) -> list[dict[str, Any]]:
        lost = (set(self.runs) | set(self.seen)) - here - self.gone
        self.gone = (self.gone | lost) - here
        for run_id in lost:
            self.seen.pop(run_id, None)
        empty = {"name": "", "reason": "", "next_seq": 0, "last_step": None, "series": [], "samples": 0}
        empty |= {"verdict": "", "findings": 0, "diagnosed": 0}
        return [{"run": i, **empty, "status": "deleted", "ended": True, "first": False} for i in sorted(lost)]


async def changes(runs: Sequence[str] = ()) -> AsyncIterator[list[dict[str, Any]]]:
    """Changes as they come, until the server goes down; an empty list where a look found none."""
    watch = Watch(runs)
    waiter = bell.enter(runs)
    try:
        while not bell.closed:
            began = time.monotonic()
            waiter.rung.clear()
            yield await run_in_threadpool(watch.look)
            await _rest(waiter, began)
    finally:
        bell.leave(waiter)


async def _rest(waiter: _Waiter, began: float) -> None:
    try:
        await asyncio.wait_for(waiter.rung.wait(), REST_S)
    except TimeoutError:
        return
    if not bell.closed:
        await asyncio.sleep(max(0.0, PACE_S - (time.monotonic() - began)))
