"""Sketches: few points that keep extremes and breaks, in three queries for any number of runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app import chunks, sketches


def test_few_points_are_exact(make_run: Callable[..., str], database: Any) -> None:
    values = [2.0, 1.5, 1.75, 1.0]
    run = make_run(points={"loss/disc": values, "loss/gen": [9.0]})
    with database.reading() as session:
        found = sketches.sketches(session, [run], "loss/disc")[run]
    assert found.step.tolist() == [0, 1, 2, 3]
    assert found.value.tolist() == values


@pytest.mark.parametrize("count", [300, chunks.SIZE + 300, sketches.WHOLE + 2 * chunks.SIZE + 10])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_no_extreme_is_lost_however_long_the_series(
    make_run: Callable[..., str], database: Any, count: int
) -> None:
    values = np.sin(np.arange(count) / 50)
    values[count // 3], values[2 * count // 3] = 7.0, -5.0
    run = make_run(points={"loss/disc": values.tolist()})
    with database.reading() as session:
        found = sketches.sketches(session, [run], "loss/disc")[run]
    assert len(found.value) <= 200
    assert (found.value.max(), found.value.min()) == (7.0, -5.0)
    assert found.step.min() >= 0
    assert found.step.max() <= count - 1
    assert (np.diff(found.step) >= 0).all()


def test_a_value_that_is_no_number_breaks_the_curve(make_run: Callable[..., str], database: Any) -> None:
    run = make_run(points={"loss/disc": [1.0, math.nan, 2.0, math.inf]})
    only = make_run(points={"loss/disc": [math.nan] * 3})
    with database.reading() as session:
        found = sketches.sketches(session, [run, only], "loss/disc")
    assert np.isnan(found[run].value).sum() == 2
    assert found[run].value[0] == 1.0
    assert np.isnan(found[only].value).all()


def test_runs_without_the_series_are_left_out(make_run: Callable[..., str], database: Any) -> None:
    run = make_run(points={"loss/gen": [1.0]})
    with database.reading() as session:
        assert sketches.sketches(session, [run, "unknown"], "loss/disc") == {}
        assert sketches.sketches(session, [], "loss/disc") == {}


def test_three_queries_for_any_number_of_runs(make_run: Callable[..., str], database: Any) -> None:
    from sqlalchemy import event

    ids = [make_run(points={"loss/disc": [1.0, 2.0]}) for _ in range(5)]
    seen: list[str] = []
    listener = lambda *args: seen.append(args[2])  # noqa: E731
    event.listen(database.engine(), "before_cursor_execute", listener)
    try:
        with database.reading() as session:
            assert len(sketches.sketches(session, ids, "loss/disc")) == 5
    finally:
        event.remove(database.engine(), "before_cursor_execute", listener)
    assert len([s for s in seen if s.lstrip().upper().startswith("SELECT")]) == 3
