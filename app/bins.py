"""Deleted runs that can still be brought back: hidden at once, removed for good some minutes later or on request."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import checkpoints, db, runs
from app.errors import BadInput, Conflict, NotFound, Problem
from app.models import Run

KEPT_S = 600.0
MOST = 500
ACTS = ("tag", "untag", "archive", "unarchive", "delete", "restore", "purge")


@dataclass
class Outcome:
    """What a change of several runs did: ids that it was done to, and (id, name, why not) of the others."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def put(session: Session, run_id: str, now: float | None = None) -> Run:
    """Hide a run until it is restored or purged.

    Raises:
        Conflict: the run is active, or an active fork stands on one of its checkpoints.
    """
    run = runs.get(session, run_id, lock=True)
    if run.status in runs.ACTIVE:
        raise Conflict(f"it is {run.status}; stop it first", code="active")
    checkpoints.refuse_if_used(session, run)
    run.deleted = clock.time() if now is None else now
    session.flush()
    return run


def binned(session: Session, run_id: str) -> Run:
    """A run that was deleted and not yet removed. Raises `NotFound`."""
    run = session.get(Run, run_id, with_for_update=True) if runs.ID.fullmatch(run_id) else None
    if run is None or run.deleted is None:
        raise NotFound("it is not among the deleted runs: it is there, or gone for good", code="unknown_run")
    return run


def restore(session: Session, run_id: str) -> Run:
    """Bring a deleted run back as it was. Raises `NotFound`."""
    run = binned(session, run_id)
    run.deleted = None
    session.flush()
    return run


def purge(session: Session, run_id: str) -> None:
    """Remove a deleted run for good, with its folder on the machine that ran it. Raises `NotFound`, `Conflict`."""
    run = binned(session, run_id)
    checkpoints.forget_folder(session, run)
    run.deleted = None  # for `runs.remove`, which sees no deleted runs
    session.flush()
    runs.remove(session, run_id)


def waiting(session: Session) -> list[tuple[str, str, float]]:
    """(id, name, when it was deleted) of the runs that can be brought back, those deleted last first."""
    rows = session.execute(
        select(Run.id, Run.name, Run.deleted)
        .where(Run.deleted.is_not(None))
        .order_by(Run.deleted.desc(), Run.id)
    )
    return [(run, name or run, float(when or 0.0)) for run, name, when in rows]


def due(session: Session, now: float) -> list[str]:
    """Ids of the deleted runs whose time is up."""
    return list(
        session.scalars(select(Run.id).where(Run.deleted < now - KEPT_S).order_by(Run.deleted).limit(50))
    )


def sweep(now: float | None = None) -> list[str]:
    """Remove for good what was deleted long enough ago, each in its own transaction; the ids that went."""
    now = clock.time() if now is None else now
    with db.reading() as session:
        found = due(session, now)
    gone = []
    for run_id in found:
        try:
            with db.transaction() as session:
                purge(session, run_id)
            gone.append(run_id)
        except (NotFound, Conflict):
            continue  # restored just now, or forked since: a later round looks again
    return gone


def change(session: Session, ids: Sequence[str], act: str, tags: Iterable[str] = ()) -> Outcome:
    """Do one thing to several runs; what cannot be done to one is said and hinders no other.

    Raises:
        BadInput: an act that is none, no run or too many, a tag that cannot be.
    """
    if act not in ACTS:
        raise BadInput(f"{act!r:.40} is nothing to do with runs; there are {', '.join(ACTS)}", field="act")
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        raise BadInput("no run is named; give ids", field="ids")
    if len(wanted) > MOST:
        raise BadInput(f"{len(wanted)} runs at once; the limit is {MOST}", field="ids")
    names = runs.check_tags(list(tags))
    if act in ("tag", "untag") and not names:
        raise BadInput("no tag is named; give some, with commas between", field="tags")
    outcome = Outcome()
    for run_id in wanted:
        try:
            _DO[act](session, run_id, names)
            outcome.done.append(run_id)
        except Problem as problem:
            known = session.get(Run, run_id) if runs.ID.fullmatch(run_id) else None
            outcome.refused.append((run_id, (known.name if known else "") or run_id, problem.message))
    return outcome


def _tag(session: Session, run_id: str, tags: list[str]) -> None:
    run = runs.get(session, run_id, lock=True)
    run.tags = runs.check_tags([*run.tags, *tags])


def _untag(session: Session, run_id: str, tags: list[str]) -> None:
    run = runs.get(session, run_id, lock=True)
    run.tags = [t for t in run.tags if t not in tags]


_DO: dict[str, Callable[[Session, str, list[str]], object]] = {
    "tag": _tag,
    "untag": _untag,
    "archive": lambda session, run_id, _: runs.annotate(session, run_id, archived=True),
    "unarchive": lambda session, run_id, _: runs.annotate(session, run_id, archived=False),
    "delete": lambda session, run_id, _: put(session, run_id),
    "restore": lambda session, run_id, _: restore(session, run_id),
    "purge": lambda session, run_id, _: purge(session, run_id),
}
