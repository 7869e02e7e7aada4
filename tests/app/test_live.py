"""Watching runs: what has changed since the last look, and the bell."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from typing import Any

import pytest
from sqlalchemy import event

from app import blobs, db, ingest, live, runs
from nashboard.events import Points, SampleMade


def post(run_id: str, *names: str) -> None:
    with db.transaction() as session:
        seq = runs.get(session, run_id).next_seq
        values = dict.fromkeys(names, 1.0)
        ingest.apply(session, run_id, [Points(seq=seq, time=1.7e9, step=seq, values=values)])


def test_each_look_tells_only_what_is_new(make_run) -> None:
    run_id, other = make_run({"a": [1.0], "b": [1.0]}), make_run()
    watch = live.Watch([run_id, other, "nobody"])
    first = {c["run"]: c for c in watch.look()}
    assert (first[run_id]["series"], first[run_id]["first"]) == (["a", "b"], True)
    assert (first["nobody"]["status"], first["nobody"]["ended"]) == ("deleted", True)
    assert watch.look() == []
    post(run_id, "b", "c")
    (change,) = watch.look()
    assert (change["run"], change["series"], change["last_step"]) == (run_id, ["b", "c"], 2)
    with db.transaction() as session:
        runs.set_status(session, runs.get(session, other), "failed", "exit status 1")
    (change,) = watch.look()
    assert (change["run"], change["status"], change["reason"], change["ended"]) == (
        other, "failed", "exit status 1", True
    )  # fmt: skip
    assert watch.look() == []


def test_a_sample_counts_once_its_bytes_are_here(make_run) -> None:
    run_id = make_run()
    watch = live.Watch([run_id])
    watch.look()
    digest = hashlib.sha256(b"x").hexdigest()
    made = SampleMade(
        seq=1, time=1.7e9, step=1, series="a", slot="0", media="audio", sha256=digest, ext="wav", size=1
    )
    with db.transaction() as session:
        ingest.apply(session, run_id, [made])
    (change,) = watch.look()
    assert change["samples"] == 0
    with db.transaction() as session:
        blobs.put(session, digest, b"x")
    (change,) = watch.look()
    assert change["samples"] == 1


def test_a_run_that_is_deleted_is_told_once(make_run) -> None:
    run_id = make_run(status="finished")
    watch = live.Watch([run_id])
    watch.look()
    with db.transaction() as session:
        runs.remove(session, run_id)
    assert [c["status"] for c in watch.look()] == ["deleted"]
    assert watch.look() == []


def test_watching_all_tells_of_runs_that_come(make_run) -> None:
    watch = live.Watch()
    assert watch.look() == []
    run_id = make_run()
    make_run(archived=True)
    assert [(c["run"], c["first"]) for c in watch.look()] == [(run_id, True)]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_look_is_a_fixed_number_of_queries(make_run) -> None:
    ids = [make_run({"a": [1.0]}) for _ in range(6)]
    watch = live.Watch(ids)
    asked: list[str] = []
    event.listen(db.engine(), "before_cursor_execute", lambda *args: asked.append(args[2]))
    watch.look()
    assert len([q for q in asked if q.startswith("SELECT")]) == 3
    asked.clear()
    watch.look()
    assert len([q for q in asked if q.startswith("SELECT")]) == 2


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_bell_wakes_a_stream_at_once_and_ends_it(make_run) -> None:
    run_id = make_run({"a": [1.0]})
    seen: list[tuple[float, list[dict[str, Any]]]] = []

    async def follow() -> None:
        async for some in live.changes([run_id]):
            seen.append((time.monotonic(), some))
            if len(seen) == 1:
                threading.Timer(0.05, lambda: (post(run_id, "a"), live.bell.ring(run_id))).start()
            elif some:
                live.bell.close()

    live.bell.closed = False
    try:
        asyncio.run(asyncio.wait_for(follow(), 10))
    finally:
        live.bell.closed = False
    changed = [when for when, some in seen if some]
    assert len(changed) == 2
    assert changed[1] - changed[0] < live.REST_S
    assert live.bell._waiters == set()


def test_another_runs_bell_does_not_wake(database) -> None:
    async def ringing() -> list[bool]:
        waiters = [live.bell.enter(["a"]), live.bell.enter([])]
        live.bell.ring("b")
        await asyncio.sleep(0.01)
        rung = [w.rung.is_set() for w in waiters]
        for waiter in waiters:
            live.bell.leave(waiter)
        return rung

    assert asyncio.run(ringing()) == [False, True]
