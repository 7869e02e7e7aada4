"""The tasks: thin, idempotent, and decided by what the database says."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery.exceptions import Reject
from sqlalchemy.exc import SQLAlchemyError

from app import dispatch, plans_feed
from nashboard.client import Trouble
from worker import chores, devices, errands, leases, preflights, supervise
from worker.app import app, shutting_down
from worker.settings import worker_settings

log = logging.getLogger("nashboard.worker")


@app.task(name=dispatch.TRAIN, bind=True)
def train(self: Any, run_id: str) -> str:
    """Run a queued run's trainer to its end. A run that is not queued, or has a lease, is left alone."""
    own = worker_settings()
    if shutting_down():
        raise Reject("this worker is shutting down", requeue=True)
    try:
        slots = devices.of_worker(own.devices, own.cores)
        held = leases.claim(run_id, slots, own.host, lease_s=own.lease_s, starts=own.starts)
    except SQLAlchemyError as problem:
        log.warning("run %s: the database does not answer: %s", run_id, problem)
        _pause(own.wait_s)
        raise Reject("the database does not answer", requeue=True) from None
    if isinstance(held, leases.Refused):
        log.info("run %s: not started: %s", run_id, held.why)
        if held.again:
            _pause(own.wait_s)
            raise Reject(held.why, requeue=True)
        return held.why
    try:
        return supervise.supervise(held, shutting_down)
    finally:
        leases.release(held)
        plans_feed.try_feed()  # the slot is free for a plan's next run


def _pause(seconds: float) -> None:
    """Wait, but not past the worker's own end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not shutting_down():
        time.sleep(0.05)


@app.task(name=dispatch.PIN)
def pin(path: str, by: str) -> bool:
    """Keep a checkpoint that a fork stands on from its own run's retention."""
    return chores.pin(path, by)


@app.task(name=dispatch.DELETE_FILES)
def delete_files(paths: list[str]) -> int:
    """Delete checkpoints or whole run folders below this host's folder of runs; how many files went."""
    return sum(chores.delete(path) for path in paths)


@app.task(name=dispatch.ERRAND)
def errand(errand_id: str) -> str:
    """Carry out what was asked of a run's checkpoint; an errand that is not queued is left alone."""
    said = errands.carry_out(errand_id, shutting_down)
    if said == "done" and errands.tells(errand_id):
        try:
            chores.catch_up()
        except (
            SQLAlchemyError,
            OSError,
            ValueError,
            Trouble,
        ) as problem:  # the chores of the clock try again
            log.warning("errand %s: what it wrote is not sent yet: %s", errand_id, problem)
    return said


@app.task(name=dispatch.PREFLIGHT)
def preflight(preflight_id: str) -> str:
    """Make a data card or a dry run; one that is not queued is left alone."""
    return preflights.carry_out(preflight_id, shutting_down)
