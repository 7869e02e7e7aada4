"""What has to be done beside training: find what was lost, send again what no message stands for, tidy up."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import db, dispatch, runs
from app.errors import NotFound
from app.models import Lease, Run
from app.settings import get_settings
from nashboard import push
from nashboard.client import Trouble
from nashboard.events import ENDED
from worker import console, errands, leases, plans, preflights, presence
from worker.settings import worker_settings

log = logging.getLogger("nashboard.worker")
AGAIN_AFTER_S = 30.0
PIN = ".pin"
CATCH_UP_S = 7 * 24 * 3600.0


def sweep(since: float = 0.0) -> list[str]:
    """Mark silent runs and those of dead workers lost; the ids of those that were.

    ``since`` is when this process began to look: silence before it may have been its own.
    """
    settings = get_settings()
    waiting = leases.clear_dead(worker_settings().lease_s)
    for run_id in waiting:
        log.warning("run %s: its worker died before the trainer began; it waits again", run_id)
    with db.transaction() as session:
        lost = [run.id for run in runs.sweep_lost(session, None, settings.lost_after_s, since)]
    for run_id in lost:
        log.warning("run %s: lost", run_id)
    return lost


def send_again(now: float | None = None, after_s: float = AGAIN_AFTER_S) -> list[str]:
    """Send a message for each queued run that has none on the broker and no lease; their ids.

    Messages go missing with a broker that is reinstalled or that died between a run's commit and its message.
    """
    now = time.time() if now is None else now
    url = get_settings().redis_url
    held = select(Lease.run_id)
    with db.reading() as session:
        query = select(Run).where(Run.status == "queued", Run.created < now - after_s, Run.id.not_in(held))
        queued = session.scalars(query.order_by(Run.created)).all()
    if not queued:
        return []
    there = dispatch.waiting(url)
    sent = []
    for run in queued:
        if run.trainer and run.task and run.task not in there:
            queue = dispatch.queue_for(run.device or "auto", run.host if run.resume else "")
            dispatch.send(url, dispatch.TRAIN, [run.id], queue, run.task)
            log.warning("run %s: its message was missing and is sent again", run.id)
            sent.append(run.id)
    return sent


def catch_up(now: float | None = None) -> list[str]:
    """Send the server what journals on this host hold beyond it: runs that ended while it was away."""
    now = time.time() if now is None else now
    own, settings = worker_settings(), get_settings()
    with db.reading() as session:
        query = select(Run).where(Run.host == own.host, Run.status.in_(ENDED), Run.ended > now - CATCH_UP_S)
        ended = session.scalars(query).all()
    sent = []
    for run in ended:
        if run.run_dir and console.ending(Path(run.run_dir)).lines > run.next_seq:
            push(run.run_dir, own.server, settings.token or None)
            sent.append(run.id)
            if run.status == "lost":
                _still_lost(run)
    return sent


def _still_lost(before: Run) -> None:
    """A lost run that was only caught up with is lost as before: what came was no sign of life."""
    with db.transaction() as session:
        run = runs.get(session, before.id, lock=True)
        held = session.scalar(select(Lease.slot).where(Lease.run_id == run.id))
        if run.status in ("running", "stopping") and run.task == before.task and held is None:
            runs.set_status(session, run, "lost", before.reason)


def delete(path: str) -> int:
    """Delete a file or folder below the folder of runs; how many files went. Anything else is left alone."""
    root = get_settings().runs_dir.resolve()
    real = Path(path).resolve()
    if not real.is_relative_to(root) or real == root:
        log.warning("%s is not below %s and stays", path, root)
        return 0
    if real.is_dir():
        count = sum(p.is_file() for p in real.rglob("*"))
        shutil.rmtree(real)
        return count
    if real.is_file():
        real.unlink()
        return 1
    return 0


def pin(path: str, by: str) -> bool:
    """Write the mark beside a checkpoint that keeps it ; whether it is there."""
    checkpoint = Path(path)
    if not checkpoint.is_file() or not checkpoint.resolve().is_relative_to(get_settings().runs_dir.resolve()):
        return False
    with checkpoint.with_name(checkpoint.name + PIN).open("a", encoding="utf-8") as out:
        out.write(f"{by}\n")
    return True


class Sweeper(threading.Thread):
    """Does the chores of the clock until it is told to end; trouble is said once and tried again."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._end = threading.Event()
        self._troubled = ""

    def run(self) -> None:
        began, turn = time.time(), 0
        while not self._end.wait(worker_settings().sweep_s):
            self._try(lambda: sweep(began))
            self._try(errands.tidy)
            self._try(preflights.tidy)
            self._try(plans.tick)
            presence.say(f"chores:{worker_settings().host}:{os.getpid()}", {"host": worker_settings().host})
            if turn % 6 == 0:
                self._try(send_again)
                self._try(catch_up)
            turn += 1

    def _try(self, chore: object) -> None:
        try:
            chore()  # type: ignore[operator]
            self._troubled = ""
        except (SQLAlchemyError, OSError, ValueError, NotFound, Trouble, dispatch.BrokerDown) as problem:
            if str(problem) != self._troubled:
                log.warning("a chore could not be done: %s", problem)
            self._troubled = str(problem)

    def close(self) -> None:
        self._end.set()
        self.join(timeout=10)
