"""Leases: which run holds which device slot. The table's keys see to it that nothing is booked twice.

Taking a lease is what starts a run: of several messages for one run, one gets the lease and the others find
it taken. A lease whose worker is gone is cleared by the next who looks; its run is lost, or waits again if
its trainer had not begun.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import db, runs
from app.errors import NotFound
from app.models import Lease, Run
from nashboard.events import ENDED
from worker import devices, owner

STARTS = "worker starts"


@dataclass(frozen=True)
class Claim:
    """A run's slot on this worker. ``device``: ``cpu`` or ``cuda:N``; ``threads``: its share of the cores.

    ``task`` tells this start of the run from a later one, after it was resumed.
    """

    run_id: str
    slot: str
    device: str
    threads: int
    worker: str
    task: str = ""


@dataclass(frozen=True)
class Refused:
    """Why there is no claim; ``again``: the message shall go back to its queue."""

    why: str
    again: bool


def is_alive(lease: Lease, lease_s: float, now: float) -> bool:
    """Whether somebody still stands behind a lease."""
    seen = owner.alive(lease.worker)
    return lease.renewed > now - lease_s if seen is None else seen


def claim(
    run_id: str, slots: Sequence[str], host: str, *, lease_s: float = 30.0, starts: int = 3
) -> Claim | Refused:
    """Take a slot of this worker for a queued run; whoever comes second is refused."""
    clear_dead(lease_s)
    me, now = owner.me(host), time.time()
    with db.transaction() as session:
        try:
            run = runs.get(session, run_id, lock=True)
        except NotFound:
            return Refused(f"run {run_id} was deleted", again=False)
        if run.status != "queued":
            return Refused(f"run {run_id} is {run.status}", again=False)
        held = session.scalar(select(Lease.slot).where(Lease.run_id == run_id))
        if held is not None:
            # of this message's twin, or of an attempt that ended just now: its worker has yet to tidy up
            return Refused(f"run {run_id} still holds {held}", again=True)
        tried = int(run.counts.get(STARTS, 0))
        if tried >= starts:
            runs.set_status(session, run, "failed", f"its worker died {tried} times while it was starting")
            return Refused(f"run {run_id} failed to start", again=False)
        slot = _take(session, run, slots, host, me, now)
        if slot is None:
            return Refused(f"no free slot for {run.device or 'auto'} on {host}", again=True)
        device = slot if devices.kind(slot) == "gpu" else "cpu"
        run.counts = {**run.counts, STARTS: tried + 1}
        run.host, run.device = host, device
        return Claim(run_id, slot, device, _threads(session, slot, slots, host), me, run.task)


def _take(session: Session, run: Run, slots: Sequence[str], host: str, me: str, now: float) -> str | None:
    wish = run.device or "auto"
    for slot in (s for s in slots if devices.fits(s, wish)):
        name = f"{host}/{slot}"
        if session.get(Lease, name) is not None:
            continue
        try:
            with session.begin_nested():
                session.add(Lease(slot=name, run_id=run.id, worker=me, renewed=now))
        except IntegrityError:  # somebody was quicker
            continue
        return slot
    return None


def _threads(session: Session, slot: str, slots: Sequence[str], host: str) -> int:
    """The cores divided by the trainers that run or are about to: those here and those that still wait."""
    if devices.kind(slot) == "gpu":
        return max(1, devices.cores() // len(slots))
    here = (
        select(func.count()).select_from(Lease).where(Lease.slot.startswith(f"{host}/cpu:", autoescape=True))
    )
    waiting = (
        select(func.count())
        .select_from(Run)
        .where(
            Run.status == "queued", Run.device.in_(("auto", "cpu", "")), Run.id.not_in(select(Lease.run_id))
        )
    )
    busy = (session.scalar(here) or 0) + (session.scalar(waiting) or 0)
    return max(1, devices.cores() // max(1, min(busy, len(slots))))


def renew(held: Claim) -> bool:
    """Say that this worker still stands behind its lease; False when the lease or the run is gone."""
    mine = (Lease.run_id == held.run_id, Lease.worker == held.worker)
    with db.transaction() as session:
        return bool(session.execute(update(Lease).where(*mine).values(renewed=time.time())).rowcount)  # type: ignore[attr-defined]


def release(held: Claim) -> None:
    """Give the slot back. A run that got past its start may be started as often again."""
    with db.transaction() as session:
        session.execute(delete(Lease).where(Lease.run_id == held.run_id, Lease.worker == held.worker))
        run = session.get(Run, held.run_id, with_for_update=True)
        if run is not None and STARTS in run.counts:
            run.counts = {k: v for k, v in run.counts.items() if k != STARTS}


def wanted(run_id: str) -> tuple[str, bool]:
    """(status, whether it shall stop) of a run; ("deleted", True) when there is none."""
    with db.reading() as session:
        found = session.execute(select(Run.status, Run.stop).where(Run.id == run_id)).first()
    return (found.status, bool(found.stop)) if found else ("deleted", True)


def clear_dead(lease_s: float = 30.0) -> list[str]:
    """Clear leases whose worker is gone. Their runs are lost, or wait on; the ids of the latter come back."""
    now = time.time()
    with db.reading() as session:
        dead = [x for x in session.scalars(select(Lease)) if not is_alive(x, lease_s, now)]
    waiting = []
    for lease in dead:
        with db.transaction() as session:
            run = session.get(Run, lease.run_id, with_for_update=True)
            same = (Lease.slot == lease.slot, Lease.run_id == lease.run_id, Lease.worker == lease.worker)
            gone = session.execute(delete(Lease).where(*same, Lease.renewed == lease.renewed))
            if not gone.rowcount or run is None:  # type: ignore[attr-defined]
                continue
            if run.status == "queued":
                waiting.append(run.id)
            elif run.status not in ENDED:
                where = lease.slot.replace("/", ", ")
                runs.set_status(
                    session, run, "lost", f"its worker is gone ({where}); resume it from its checkpoint"
                )
    return waiting
