"""Checkpoints lie on the host that wrote them: which may go, and the message to that host's worker."""

from __future__ import annotations

import logging
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db, dispatch, runs
from app.errors import BrokerDown, Conflict, NotFound
from app.models import Checkpoint, Run
from app.settings import get_settings

log = logging.getLogger("nashboard.server")


def forks(session: Session, run: Run) -> dict[str, list[str]]:
    """The run's checkpoints that forks started from, by path: the ids of those forks."""
    found: dict[str, list[str]] = {}
    wanted = select(Run.resume, Run.id).where(Run.parent == run.id, Run.resume != "")
    for path, run_id in session.execute(wanted.order_by(Run.created)):
        found.setdefault(path, []).append(run_id)
    return found


def remove(session: Session, run_id: str, checkpoint_id: int) -> Checkpoint:
    """Have a checkpoint deleted by a worker on its host, after the commit.

    Raises:
        NotFound: no such checkpoint, or it is gone already.
        Conflict: the run is active or was not started from here, or a fork stands on the checkpoint.
        BrokerDown: nobody can be told; nothing is changed.
    """
    run = runs.get(session, run_id, lock=True)
    found = session.get(Checkpoint, checkpoint_id) if 0 <= checkpoint_id < 2**53 else None
    if found is None or found.run_id != run.id or not found.present:
        raise NotFound(f"run {run.id} has no checkpoint {checkpoint_id}")
    if run.status in runs.ACTIVE:
        raise Conflict(f"run {run.id} is {run.status} and sees to its checkpoints itself; stop it first")
    if not run.host or not run.run_dir:
        raise Conflict(f"run {run.id} was not started from here; delete {found.path} by hand")
    users = forks(session, run).get(found.path)
    if users:
        raise Conflict(f"run {users[0]} was forked from this checkpoint, so it is kept", code="in_use")
    settings = get_settings()
    try:
        dispatch.check(settings.redis_url)
    except dispatch.BrokerDown as problem:
        raise BrokerDown(str(problem)) from None
    found.present = False
    send = partial(
        dispatch.send,
        settings.redis_url,
        dispatch.DELETE_FILES,
        [[found.path]],
        dispatch.chores_queue(run.host),
    )
    db.after_commit(session, send)
    return found


def forget_folder(session: Session, run: Run) -> None:
    """Have the folder of a run that is about to be deleted removed by a worker on its host, after the commit.

    Raises:
        Conflict: a run that has not ended stands on one of its checkpoints.
    """
    refuse_if_used(session, run)
    if run.host and run.run_dir:
        db.after_commit(session, partial(_delete_folder, run.run_dir, run.host))


def refuse_if_used(session: Session, run: Run) -> None:
    """Raises `Conflict` where a run that has not ended stands on one of the run's checkpoints."""
    users = [i for ids in forks(session, run).values() for i in ids]
    if users:
        wanted = select(Run.id).where(Run.id.in_(users), Run.status.in_(runs.ACTIVE)).limit(1)
        active = session.scalar(wanted)
        if active is not None:
            raise Conflict(
                f"run {active} was forked from run {run.id} and is not over; stop it first", code="in_use"
            )


def _delete_folder(folder: str, host: str) -> None:
    """The run is gone already: a folder that stays, as nobody could be told, is only named in the log."""
    try:
        queue = dispatch.chores_queue(host)
        dispatch.send(get_settings().redis_url, dispatch.DELETE_FILES, [[folder]], queue)
    except dispatch.BrokerDown as problem:
        log.warning("the folder %s on %s stays: %s", folder, host, problem)
