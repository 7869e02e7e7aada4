"""Tapes: bounded, the same whatever the batches, and nothing read twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from app import ingest, tapes
from app.chunks import columns
from app.tapes import CAP, Tape, Tapes
from nashboard.events import Points

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def noisy(n: int, seed: int = 0) -> Any:
    value = np.random.default_rng(seed).normal(2, 0.01, n)
    return columns(np.arange(n), np.zeros(n), value)


def test_a_short_series_is_all_there(database_kind: str) -> None:
    tape = Tape()
    points = noisy(CAP)
    tape.add(points)
    assert np.array_equal(tape.track("a").values, points.value)


def test_a_long_series_is_bounded_and_does_not_depend_on_its_batches(database_kind: str) -> None:
    n = 100_000
    points = noisy(n)
    points.value[50_123], points.value[70_000] = 50.0, np.nan
    once, often = Tape(), Tape()
    once.add(points)
    at, dice = 0, np.random.default_rng(1)
    while at < n:
        some = int(dice.integers(1, 700))
        often.add(points.part(at, min(n, at + some)))
        at += some
    one, other = once.track("a"), often.track("a")
    assert np.array_equal(one.steps, other.steps)
    assert len(one) < 1.2 * CAP
    assert one.steps[-1] == n - 1
    assert 50.0 in one.values
    assert np.isnan(one.values).sum() == 1
    assert abs(float(np.nanmedian(one.values)) - 2) < 0.001


def test_a_series_that_is_odd_throughout_stays_bounded(database_kind: str) -> None:
    tape = Tape()
    for _ in range(40):
        tape.add(columns(np.arange(5000), np.zeros(5000), np.full(5000, np.nan)))
    assert len(tape.track("a")) <= 3 * CAP


def post(database: Any, run_id: str, seq: int, n: int) -> None:
    found = [
        Points(seq=seq + i, time=1.7e9, step=seq + i, values={"loss/disc": 1.0, "a": 2.0}) for i in range(n)
    ]
    with database.transaction() as session:
        ingest.apply(session, run_id, found)


def test_catching_up_reads_only_what_is_new(database: Any, make_run: Any, database_kind: str) -> None:
    run_id = make_run()
    held = Tapes()
    for seq, n in ((1, 5000), (5001, 3), (5004, 9000), (14_004, 1)):
        post(database, run_id, seq, n)
        with database.reading() as session:
            held.catch_up(session, run_id)
        assert held.tracks()["loss/disc"].steps[-1] == seq + n - 1
        assert held.tapes[held.names["a"]].count == seq + n - 1
    read: list[str] = []
    event.listen(database.engine(), "before_cursor_execute", lambda *a: read.append(a[2]))
    with database.reading() as session:
        held.catch_up(session, run_id)
    assert (
        len([q for q in read if q.startswith("SELECT")]) == 1
    )  # nothing came: only the counts were looked at
    fresh = Tapes()
    with database.reading() as session:
        fresh.catch_up(session, run_id)
    one, other = held.tracks()["loss/disc"], fresh.tracks()["loss/disc"]
    assert np.array_equal(one.steps, other.steps)


def test_values_that_stand_out_of_their_block(database_kind: str) -> None:
    value = np.tile(np.linspace(-1, 1, tapes.BLOCK), 3)
    assert not tapes.outstanding(value).any()
    value[5], value[40:48] = 99.0, np.inf
    odd = tapes.outstanding(value)
    assert odd[5]
    assert odd.sum() == 1 + tapes.ODD
