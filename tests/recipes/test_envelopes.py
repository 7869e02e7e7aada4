from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.band import Band
from recipes.envelopes import measure
from recipes.verdicts import verdict

Runs = list[Mapping[str, tuple[list[float], list[float]]]]


def measured(runs: Runs, **more: Any) -> list[Band]:
    names = [f"run{i}" for i in range(len(runs))]
    values = {
        "trainer": "codec",
        "preset": "fixed",
        "size": "tiny",
        "source": "demo",
        "runs_from": names,
        **more,
    }
    return measure(runs, **values)


def curves(counts: st.SearchStrategy[int]) -> st.SearchStrategy[Runs]:
    value = st.floats(-1e6, 1e6, allow_subnormal=False)
    return counts.flatmap(
        lambda n: st.lists(st.lists(value, min_size=n, max_size=n), min_size=5, max_size=7).map(
            lambda many: [{"loss/disc": ([i / 3 for i in range(n)], ys)} for ys in many]
        )
    )


@given(curves(st.sampled_from([1, 2, 11, 64, 65, 130])))
@settings(max_examples=40, deadline=None)
def test_every_run_lies_inside_the_band_that_it_made(runs: Runs) -> None:
    (band,) = measured(runs)
    assert band.runs == tuple(f"run{i}" for i in range(len(runs)))
    assert (band.origin, band.x, band.preset, band.size) == ("measured", "epoch", "fixed", "tiny")
    for run in runs:
        xs, ys = run["loss/disc"]
        for x, y in zip(xs, ys, strict=True):
            assert verdict(band, [x], [y]).state == "inside"


def test_few_points_give_the_extremes_at_each() -> None:
    runs: Runs = [{"eval/snr": ([0, 1, 2], [0.0, float(i), 10.0 + i])} for i in range(5)]
    (band,) = measured(runs)
    assert band.points == ((0, 0.0, 0.0), (1, 0.0, 4.0), (2, 10.0, 14.0))
    assert band.note == "lowest to highest of 5 runs"


def test_runs_of_unlike_positions_are_read_between_their_points() -> None:
    runs: Runs = [{"eval/snr": ([0, 2], [0.0, 2.0])} for _ in range(4)]
    runs.append({"eval/snr": ([0, 1, 3], [0.0, 5.0, 5.0])})
    (band,) = measured(runs, x="step")
    assert band.points == ((0, 0.0, 0.0), (1, 1.0, 5.0), (2, 2.0, 5.0))
    assert band.x == "step"


def test_the_stretch_is_what_all_runs_share() -> None:
    runs: Runs = [{"eval/snr": ([i, 9 - i], [1.0, 1.0])} for i in range(5)]
    (band,) = measured(runs)
    assert (band.x_from, band.x_to) == (4, 5)
    assert measured([{"eval/snr": ([i], [1.0])} for i in range(5)]) == []


def test_non_finite_values_are_left_out_and_counted() -> None:
    runs: Runs = [{"loss/disc": ([0, 1, 2], [1.0, math.nan, 2.0])} for _ in range(5)]
    (band,) = measured(runs)
    assert band.points == ((0, 1.0, 1.0), (2, 2.0, 2.0))
    assert band.note == "lowest to highest of 5 runs; 5 non-finite values left out"


def test_a_series_that_few_runs_have_gets_no_band() -> None:
    runs: Runs = [{"loss/disc": ([0], [1.0])} for _ in range(5)]
    runs[0] = {**runs[0], "eval/pesq_nb": ([0], [1.0])}
    assert [b.series for b in measured(runs)] == ["loss/disc"]


def test_many_runs_leave_out_the_extremes() -> None:
    runs: Runs = [{"loss/disc": ([0, 1], [float(i), float(i)])} for i in range(21)]
    (band,) = measured(runs)
    assert (band.low, band.high) == (1.0, 19.0)
    assert band.note == "5% to 95% of 21 runs"
    (whole,) = measured(runs, quantile=0.0)
    assert (whole.low, whole.high) == (0.0, 20.0)


@pytest.mark.parametrize(
    ("count", "more", "said"),
    [
        (4, {}, "a measured band needs 5 runs or more, not 4"),
        (5, {"x": "hour"}, "x 'hour' is none of epoch, step"),
        (5, {"runs_from": ["a"]}, "1 names for 5 runs"),
    ],
)
def test_what_makes_no_band_says_why(count: int, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measured([{"loss/disc": ([0], [1.0])}] * count, **more)
