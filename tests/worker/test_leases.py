"""Slots and leases: nothing is booked twice, and nothing is held by the dead."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import db, runs
from app.models import Lease, Run
from worker import leases, owner

GPUS = [f"cuda:{i}" for i in range(4)]


def dead_owner() -> str:
    """The name of a process that has ended."""
    told = subprocess.run(
        [sys.executable, "-c", "from worker import owner; print(owner.me('box'))"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return told.stdout.strip()


def held() -> dict[str, str]:
    with db.reading() as session:
        return {x.slot: x.run_id for x in session.scalars(select(Lease))}


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_four_devices_and_many_messages_book_nothing_twice(make_run: Callable[..., str]) -> None:
    ids = [make_run(status="queued", device="auto") for _ in range(7)]
    found: list[Any] = []

    def take(run_id: str) -> None:
        found.append(leases.claim(run_id, GPUS, "box"))

    threads = [threading.Thread(target=take, args=(i,)) for i in ids * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    claims = [c for c in found if isinstance(c, leases.Claim)]
    assert sorted(c.slot for c in claims) == GPUS
    assert len({c.run_id for c in claims}) == 4
    assert held() == {f"box/{c.slot}": c.run_id for c in claims}
    refused = [c for c in found if isinstance(c, leases.Refused)]
    taken = {c.run_id for c in claims}
    assert len(refused) == 17
    assert sum("no free slot" in r.why for r in refused) == 9, "three runs, three times each"
    assert all(any(i in r.why for i in taken) for r in refused if "no free slot" not in r.why)

    leases.release(claims[0])
    waiting = next(i for i in ids if i not in taken)
    again = leases.claim(waiting, GPUS, "box")
    assert isinstance(again, leases.Claim)
    assert again.slot == claims[0].slot


def test_a_run_gets_the_device_that_it_asked_for(make_run: Callable[..., str]) -> None:
    wish = make_run(status="queued", device="cuda:2")
    first = leases.claim(wish, GPUS, "box")
    assert isinstance(first, leases.Claim)
    assert (first.slot, first.device) == ("cuda:2", "cuda:2")
    second = leases.claim(make_run(status="queued", device="cuda:2"), GPUS, "box")
    assert second == leases.Refused("no free slot for cuda:2 on box", again=True)
    with db.reading() as session:
        run = runs.get(session, wish)
        assert (run.host, run.device, run.status) == ("box", "cuda:2", "queued")


@pytest.mark.parametrize("status", ["running", "stopping", "stopped", "failed", "finished", "lost"])
def test_only_a_queued_run_is_started(make_run: Callable[..., str], status: str) -> None:
    run_id = make_run(status=status)
    assert leases.claim(run_id, ["cpu:0"], "box") == leases.Refused(f"run {run_id} is {status}", again=False)
    assert leases.claim("nosuchrun", ["cpu:0"], "box") == leases.Refused(
        "run nosuchrun was deleted", again=False
    )


def test_cores_are_shared_by_those_who_run_and_those_who_wait(
    make_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.devices.cores", lambda: 8)
    slots = [f"cpu:{i}" for i in range(8)]
    pair = [make_run(status="queued", device="auto") for _ in range(2)]
    claims = [leases.claim(i, slots, "box") for i in pair]
    assert [c.threads for c in claims if isinstance(c, leases.Claim)] == [4, 4]
    third = leases.claim(make_run(status="queued", device="cpu"), slots, "box")
    assert isinstance(third, leases.Claim)
    assert (third.device, third.threads) == ("cpu", 2)


def test_the_dead_hold_nothing(make_run: Callable[..., str]) -> None:
    gone = dead_owner()
    running, starting, waiting = make_run(), make_run(status="queued"), make_run(status="queued")
    with db.transaction() as session:
        session.add(Lease(slot="box/cpu:0", run_id=running, worker=gone, renewed=time.time()))
        session.add(Lease(slot="box/cpu:1", run_id=starting, worker=gone, renewed=time.time()))
    assert leases.clear_dead() == [starting]
    assert held() == {}
    with db.reading() as session:
        lost = runs.get(session, running)
        assert (lost.status, runs.get(session, starting).status) == ("lost", "queued")
        assert "its worker is gone (box, cpu:0)" in lost.reason
    assert isinstance(leases.claim(waiting, ["cpu:0"], "box"), leases.Claim)


def test_one_that_cannot_be_seen_is_dead_when_it_is_silent(make_run: Callable[..., str]) -> None:
    elsewhere = "other:1:2:another-boot.1"
    with db.transaction() as session:
        session.add(
            Lease(
                slot="other/cuda:0", run_id=make_run_in(session), worker=elsewhere, renewed=time.time() - 29
            )
        )
        session.add(
            Lease(
                slot="other/cuda:1", run_id=make_run_in(session), worker=elsewhere, renewed=time.time() - 31
            )
        )
    leases.clear_dead(lease_s=30)
    assert list(held()) == ["other/cuda:0"]
    alive = owner.me("box")
    with db.transaction() as session:
        session.add(
            Lease(slot="box/cpu:0", run_id=make_run_in(session), worker=alive, renewed=time.time() - 999)
        )
    leases.clear_dead(lease_s=30)
    assert "box/cpu:0" in held(), "a worker that lives but was suspended keeps its slot"


def make_run_in(session: Any) -> str:
    return runs.create(session, status="running", started=time.time()).id


def test_a_run_whose_workers_keep_dying_fails_in_the_end(make_run: Callable[..., str]) -> None:
    run_id, gone = make_run(status="queued"), dead_owner()
    for _ in range(3):
        assert isinstance(leases.claim(run_id, ["cpu:0"], "box", starts=3), leases.Claim)
        with db.transaction() as session:
            session.scalars(select(Lease)).one().worker = gone
    last = leases.claim(run_id, ["cpu:0"], "box", starts=3)
    assert last == leases.Refused(f"run {run_id} failed to start", again=False)
    with db.reading() as session:
        run = runs.get(session, run_id)
        assert (run.status, run.reason) == ("failed", "its worker died 3 times while it was starting")


def test_renewing_and_releasing(make_run: Callable[..., str]) -> None:
    run_id = make_run(status="queued")
    claim = leases.claim(run_id, ["cpu:0"], "box")
    assert isinstance(claim, leases.Claim)
    with db.transaction() as session:
        session.scalars(select(Lease)).one().renewed = 1.0
    assert leases.renew(claim) is True
    with db.reading() as session:
        assert session.scalars(select(Lease)).one().renewed > time.time() - 5
    assert leases.wanted(run_id) == ("queued", False)
    leases.release(claim)
    assert leases.renew(claim) is False
    with db.transaction() as session:
        assert leases.STARTS not in session.get_one(Run, run_id).counts
        session.delete(session.get_one(Run, run_id))
    assert leases.wanted(run_id) == ("deleted", True)
    leases.release(claim)
