"""Reading against a brute-force oracle: no extreme, no NaN or Inf and not the latest point is ever lost."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import event

from app import chunks, ingest, reading, runs, thinning
from app.errors import BadInput, NotFound
from nashboard.events import Points

RELAXED = hypothesis_settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)


@st.composite
def some_values(draw) -> np.ndarray:
    """A few values of any kind, or up to 400 random ones with some that are no numbers among them."""
    if draw(st.booleans()):
        return np.array(draw(st.lists(NUMBERS, min_size=1, max_size=60)), float)
    values = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(size=draw(st.integers(60, 400)))
    for place in draw(st.lists(st.integers(0, len(values) - 1), max_size=6)):
        values[place] = draw(NUMBERS)
    return values


def put(database, steps: Sequence[int], values: Sequence[float], batch: int = 700) -> str:
    """A run whose series ``s`` has these points, filed in batches."""
    with database.transaction() as session:
        run_id = runs.create(session).id
    lines = [
        Points(seq=i, time=1.7e9 + i, step=int(s), values={"s": float(v)})
        for i, (s, v) in enumerate(zip(steps, values, strict=True))
    ]
    for start in range(0, len(lines), batch):
        with database.transaction() as session:
            ingest.apply(session, run_id, lines[start : start + batch])
    return run_id


def kinds(values: np.ndarray) -> Counter[str]:
    code = chunks.codes(np.asarray(values, float))
    return Counter(chunks.KINDS[int(c)] for c in code if c)


def check(found: thinning.Thinned, steps: np.ndarray, values: np.ndarray, width: int) -> None:
    """``found`` against all points of the selection, in the order of their coming."""
    finite = np.isfinite(values)
    assert found.total == len(values)
    counted: Counter[str] = Counter()
    for step, kind, count in found.nonfinite:
        counted[kind] += count
        assert step in steps[~finite]
    assert counted == kinds(values)
    assert np.isfinite(found.value).all()
    real = set(zip(steps[finite].tolist(), values[finite].tolist(), strict=True))
    assert set(zip(found.step.tolist(), found.value.tolist(), strict=True)) <= real
    assert found.shown <= found.total
    assert len(set(found.time.tolist())) == len(found.time), "a point came twice"
    if len(values) <= width:
        assert found.exact
    if found.exact:
        assert found.step.tolist() == steps[finite].tolist()
        assert found.value.tolist() == values[finite].tolist()
    if finite.any():
        assert found.value.max() == values[finite].max()
        assert found.value.min() == values[finite].min()
        newest = np.flatnonzero(finite)[-1]
        assert (steps[newest], values[newest]) in set(
            zip(found.step.tolist(), found.value.tolist(), strict=True)
        )
    assert len(found.bucket) == len(found.value)
    assert (found.low[found.bucket] <= found.value).all()
    assert (found.high[found.bucket] >= found.value).all()


@pytest.mark.parametrize("database_kind", ["sqlite"])
@RELAXED
@given(data=st.data())
def test_no_extreme_and_no_nonfinite_value_is_lost_at_any_zoom_and_width(database, data, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "SIZE", data.draw(st.sampled_from([2, 3, 8, 32])))
    shape = data.draw(st.sampled_from(["rising", "restarted", "anyhow", "equal"]))
    values = data.draw(some_values())
    count = len(values)
    if shape == "rising":
        widest = data.draw(st.sampled_from([1, 2, 40]))
        steps = np.cumsum(np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, widest + 1, count))
    elif shape == "restarted":
        back = data.draw(st.integers(0, count))
        steps = np.concatenate([np.arange(count - back), np.arange(back)]) * 3
    elif shape == "anyhow":
        far = data.draw(st.sampled_from([9, 300, 2**53]))
        steps = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).integers(-far, far + 1, count)
    else:
        steps = np.full(count, 7)
    width = data.draw(st.integers(1, 12) | st.integers(1, 300))
    low, high = int(steps.min()), int(steps.max())
    window = st.none() | st.integers(low - 2, high + 2)
    start, stop = data.draw(window), data.draw(window)
    run_id = put(database, steps, values, batch=data.draw(st.sampled_from([5, 33, 90, 400])))
    with database.reading() as session:
        found = reading.read(session, run_id, "s", width=width, step_from=start, step_to=stop)
        stored = reading.whole(session, run_id, "s")
    assert stored.step.tolist() == steps.tolist()
    assert np.array_equal(stored.value, values, equal_nan=True)
    inside = np.ones(count, bool)
    if start is not None:
        inside &= steps >= start
    if stop is not None:
        inside &= steps <= stop
    check(found, steps[inside], values[inside], width)


@pytest.mark.parametrize("database_kind", ["sqlite"])
@RELAXED
@given(data=st.data())
def test_each_bucket_has_its_own_extremes(database, data, monkeypatch) -> None:
    """Not only the extremes of the whole: those of every stretch of 2**k steps, whatever k comes out as."""
    monkeypatch.setattr(chunks, "SIZE", data.draw(st.sampled_from([2, 4, 16])))
    count = data.draw(st.integers(40, 300))
    seed = data.draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).normal(size=count)
    width = data.draw(st.integers(1, 9))
    steps = np.arange(count)
    run_id = put(database, steps, values)
    with database.reading() as session:
        found = reading.read(session, run_id, "s", width=width)
    if found.exact:
        assert len(found.value) == count
        return
    k = thinning.shift_for(0, count - 1, width)
    assert len(found.low) <= width
    bucket = steps >> k
    for number in np.unique(bucket):
        mine = values[bucket == number]
        here = (found.step >> k) == number
        assert found.value[here].max() == mine.max()
        assert found.value[here].min() == mine.min()
        assert found.value[here][0] == mine[0]
        assert found.value[here][-1] == mine[-1]
        assert found.low[number] == mine.min()
        assert found.high[number] == mine.max()


def test_one_step_spikes_and_nans_in_100k_points_are_seen_at_every_width(database) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(1, 0.1, 100_000)
    spikes = rng.choice(100_000, 20, replace=False)
    values[spikes] = 10
    broken = np.setdiff1d(rng.choice(100_000, 5, replace=False), spikes)
    values[broken] = math.nan
    run_id = put(database, np.arange(100_000), values, batch=20_000)
    with database.reading() as session:
        for width in (50, 320, 1000, 2500):
            found = reading.read(session, run_id, "s", width=width)
            k = thinning.shift_for(0, 99_999, width)
            assert set(found.step[found.value == 10] >> k) == set(spikes >> k)
            assert sum(n for _, _, n in found.nonfinite) == len(broken)
            assert found.total == 100_000
            assert not found.exact
            assert len(found.value) <= 4 * width + 1


def test_100k_points_are_thinned_within_50_ms(database) -> None:
    values = np.sin(np.arange(100_000) / 300)
    run_id = put(database, np.arange(100_000), values, batch=20_000)
    with database.reading() as session:
        reading.read(session, run_id, "s", width=1000)
        took = []
        for _ in range(9):
            start = time.thread_time()
            reading.read(session, run_id, "s", width=1000)
            took.append(time.thread_time() - start)
    assert min(took) < 0.05


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_bucket_that_covers_a_chunk_is_read_from_its_summary(database, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "SIZE", 64)
    values = np.random.default_rng(1).normal(size=64 * 200)
    run_id = put(database, np.arange(len(values)), values)
    loaded = []
    original = chunks.decode
    monkeypatch.setattr(chunks, "decode", lambda data, count: loaded.append(count) or original(data, count))
    with database.reading() as session:
        found = reading.read(session, run_id, "s", width=20)
    assert len(loaded) < 30
    check(found, np.arange(len(values)), values, 20)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_points_stay_in_their_buckets_when_more_come(database) -> None:
    values = np.random.default_rng(2).normal(size=9000)
    seen: list[set[tuple[int, float]]] = []
    for count in (8200, 8300, 9000):
        run_id = put(database, np.arange(count), values[:count])
        with database.reading() as session:
            found = reading.read(session, run_id, "s", width=200)
        seen.append(
            {(s, v) for s, v in zip(found.step.tolist(), found.value.tolist(), strict=True) if s < 8000}
        )
    assert seen[0] == seen[1] == seen[2]


def test_a_restart_keeps_both_passes_in_the_order_of_coming(database) -> None:
    steps = [*range(100), *range(50, 100)]
    values = [*range(100), *range(1050, 1100)]
    run_id = put(database, steps, values)
    with database.reading() as session:
        found = reading.read(session, run_id, "s")
        assert found.step.tolist() == steps
        assert reading.at(session, run_id, "s", 60) == 1060
        assert reading.at(session, run_id, "s", 49) == 49
        coarse = reading.read(session, run_id, "s", width=10)
        assert coarse.value.max() == 1099
        assert 99 in coarse.value


def test_at_takes_the_nearest_at_or_before(database, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "SIZE", 16)
    steps = np.arange(0, 1000, 10)
    run_id = put(database, steps, steps / 10)
    with database.reading() as session:
        assert reading.at(session, run_id, "s", 555) == 55
        assert reading.at(session, run_id, "s", 550) == 55
        assert reading.at(session, run_id, "s", 0) == 0
        assert reading.at(session, run_id, "s", -1) is None
        assert reading.at(session, run_id, "s", 10**9) == 99
        assert reading.at(session, run_id, "s") == 99
        assert reading.at(session, run_id, "none") is None


def test_nonfinite_values_and_their_last_one_survive(make_run, database) -> None:
    run_id = make_run({"s": [1.0, math.nan, math.inf, -math.inf]})
    with database.reading() as session:
        (info,) = reading.series(session, run_id)
        found = reading.read(session, run_id, "s")
    assert (info.count, info.nonfinite, info.low, info.high) == (4, 3, 1.0, 1.0)
    assert info.last_value == -math.inf
    assert found.nonfinite == [(1, "NaN", 1), (2, "Infinity", 1), (3, "-Infinity", 1)]
    assert (found.shown, found.total, found.exact) == (4, 4, True)


def test_other_axes_are_interpolated(make_run, database) -> None:
    epochs = [step / 10 for step in range(101)]
    run_id = make_run({"progress/epoch": epochs, "s": [float(v) for v in range(101)]})
    with database.reading() as session:
        assert reading.on_axis(session, run_id, [0, 25, 100, 110], "epoch").tolist() == pytest.approx(
            [0, 2.5, 10, 11]
        )
        assert reading.on_axis(session, run_id, [3, 5], "step").tolist() == [3, 5]
        assert reading.on_axis(session, run_id, [0, 7], "time").tolist() == [1.7e9, 1.7e9 + 7]
        assert np.isnan(reading.on_axis(session, run_id, [1], "samples")).all()
        assert reading.at_epoch(session, run_id, "s", 10) == 100
        assert reading.at_epoch(session, run_id, "s", 2.55) == 25
        assert reading.at_epoch(session, run_id, "s", 10.5) is None
        assert reading.step_of_epoch(session, run_id, 1) == 10
        with pytest.raises(BadInput, match="sideways"):
            reading.on_axis(session, run_id, [1], "sideways")


def test_what_is_not_there_is_named(make_run, database) -> None:
    run_id = make_run({"s": [1.0]})
    with database.reading() as session:
        with pytest.raises(NotFound, match="no series 'nope'"):
            reading.read(session, run_id, "nope")
        with pytest.raises(BadInput, match="width"):
            reading.read(session, run_id, "s", width=0)
        assert reading.series(session, "unknown") == []


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_series_of_many_runs_are_one_query(make_run, database) -> None:
    ids = [make_run({"a": [1.0], "b": [2.0]}) for _ in range(5)]
    asked: list[str] = []
    event.listen(database.engine(), "before_cursor_execute", lambda *args: asked.append(args[2]))
    with database.reading() as session:
        found = reading.series_of(session, ids)
    assert {i: [s.name for s in found[i]] for i in ids} == {i: ["a", "b"] for i in ids}
    assert len([q for q in asked if q.startswith("SELECT")]) == 1
