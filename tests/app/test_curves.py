"""Smoothing, breaks, scales: what holds for any numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import curves

finite = st.floats(-1e6, 1e6, allow_nan=False)
values = st.lists(st.one_of(finite, st.just(math.nan)), min_size=1, max_size=60).map(np.array)
weights = st.floats(0, 0.999)


@given(values, weights)
def test_smoothing_stays_between_the_extremes_and_keeps_every_gap(y, weight):
    out = curves.ema(y, weight)
    assert out.shape == y.shape
    assert (np.isnan(out) == np.isnan(y)).all()
    if np.isfinite(y).any():
        slack = 1e-6 * (1 + np.nanmax(np.abs(y)))
        assert np.nanmin(out) >= np.nanmin(y) - slack
        assert np.nanmax(out) <= np.nanmax(y) + slack


@given(finite, st.integers(1, 40), weights)
def test_smoothing_has_no_bias_at_the_start(value, count, weight):
    assert curves.ema(np.full(count, value), weight) == pytest.approx(value, rel=1e-6, abs=1e-6)


@given(values)
def test_no_smoothing_gives_the_values_back(y):
    np.testing.assert_array_equal(curves.ema(y, 0), y)


@given(values, values, weights)
def test_smoothing_never_changes_what_is_already_drawn(y, later, weight):
    grown = curves.ema(np.concatenate([y, later]), weight)
    np.testing.assert_array_equal(grown[: len(y)], curves.ema(y, weight))


def test_smoothing_refuses_a_weight_that_would_never_move():
    with pytest.raises(ValueError, match="less than 1, not 1"):
        curves.ema(np.ones(3), 1.0)


@given(st.lists(finite, min_size=1, max_size=60).map(np.array))
def test_running_medians_are_values_between_the_extremes_and_pass_over_a_spike(y):
    out = curves.medians(y)
    assert out.shape == y.shape
    assert y.min() <= out.min() <= out.max() <= y.max()
    if len(y) >= 9 and (y == y[0]).all():
        y[4] = 1e9
        assert (curves.medians(y) == y[0]).all()


def segments(x, y):
    """The polylines that plotly draws: runs of points between NaN."""
    found, now = [], []
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if b != b:
            found.append(now)
            now = []
        else:
            now.append(a)
    return [part for part in [*found, now] if part]


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=50).map(sorted),
    st.lists(st.integers(0, 200).map(lambda n: n + 0.5), max_size=6),
)
def test_no_segment_bridges_a_break_and_no_point_is_lost(steps, breaks):
    x = np.array(steps, dtype=float)
    bx, by = curves.broken(x, np.arange(len(x), dtype=float), breaks)
    parts = segments(bx, by)
    assert [v for part in parts for v in part] == steps
    for part in parts:
        assert not any(part[0] < at < part[-1] for at in breaks)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=60),
    st.lists(st.integers(0, 50).map(lambda n: n + 0.5), max_size=3),
)
def test_no_segment_runs_backwards_and_breaks_hold_in_every_pass(steps, breaks):
    x = np.array(steps, dtype=float)
    bx, by = curves.broken(x, np.ones(len(x)), breaks)
    for part in segments(bx, by):
        assert part == sorted(part)
        assert not any(part[0] < at < part[-1] for at in breaks)
    assert (~np.isnan(by)).sum() == len(steps)


def test_envelope_is_closed_polygons_that_stop_at_breaks():
    x = np.array([0.0, 1, 2, 3, 4, 5])
    px, py = curves.envelope(x, x - 1, x + 1, [2.5])
    parts = np.split(py, np.flatnonzero(np.isnan(py)))
    assert [len(p[~np.isnan(p)]) for p in parts if (~np.isnan(p)).any()] == [6, 6]
    assert px[:6].tolist() == [0, 1, 2, 2, 1, 0]
    assert py[:6].tolist() == [-1, 0, 1, 3, 2, 1]


@given(st.lists(finite, min_size=1, max_size=80), st.lists(st.tuples(finite, finite).map(sorted), max_size=3))
def test_scale_is_never_empty_and_holds_the_measured_band(ys, must):
    low, high = curves.scale([np.array(ys)], must)
    assert low < high
    for a, b in must:
        assert low <= a
        assert b <= high


def test_scale_follows_percentiles_and_takes_in_a_claim_only_if_it_is_near():
    ys = np.concatenate([np.linspace(1, 2, 500), [900.0]])
    low, high = curves.scale([ys])
    assert high < 2.2
    near = curves.scale([ys], may=[(0.5, 1.0)])
    assert near[0] < 0.5
    far = curves.scale([ys], may=[(20.0, 28.0)])
    assert far == (low, high)


def test_one_evaluation_of_an_untrained_network_does_not_set_the_scale():
    assert curves.scale([np.array([-40.0, -0.6, 3.1])])[0] > -2
    assert curves.scale([np.array([1.0, 2.0, 3.0, 4.0])])[0] < 1
    assert curves.scale([np.array([1.0, 1.1, 1.2, 9.0])])[1] < 2
    assert curves.scale([np.array([-40.0, 3.1])])[0] < -40


def test_log_scale_is_in_decades_and_passes_over_zero():
    low, high = curves.scale([np.array([0.0, -1.0, 0.001, 10.0])], log=True)
    assert low == pytest.approx(-3.24)
    assert high == pytest.approx(1.24)


@given(st.lists(st.floats(0, 100), max_size=12))
def test_labels_are_moved_apart_and_keep_their_order(places):
    out = curves.spread(places, 11)
    order = sorted(range(len(places)), key=lambda i: places[i])
    for a, b in itertools.pairwise(order):
        assert out[b] - out[a] >= 11 - 1e-9
    if len(places) == 1:
        assert out == places
    capped = curves.spread(places, 11, 100)
    assert all(b - a >= 11 - 1e-9 for a, b in itertools.pairwise(sorted(capped)))
    assert max(capped, default=0) <= 100


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.9998, "", "2.000"),
        (1.337, "", "1.34"),
        (0.00112, "", ".00112"),
        (6.82, "dB", "6.8"),
        (-3.69, "dB", "−3.7"),
    ],
)
def test_labels_are_short(value, unit, text):
    assert curves.label(value, unit) == text


def test_ranges_in_words():
    assert curves.reach(20, 28) == "20 to 28"
    assert curves.reach(1.27, 1.41) == "1.27 to 1.41"
    assert curves.reach(0.5, 0.8) == "0.5 to 0.8"
    assert curves.reach(100, 1200) == "100 to 1,200"
    assert curves.reach(2.0, 2.0) == "2"


def test_of_few_values_one_far_out_is_left_to_its_caret_and_no_two_are() -> None:
    low, high = curves.scale([np.array([4.37, 0.25, 0.17, 0.13, 0.25])])
    assert high < 0.3, "the evaluation of an untrained network does not set the scale"
    low, high = curves.scale([np.array([0.0, 0.83, 0.5, 0.42, 0.48])])
    assert low < 0, "five values of which two lie apart are all drawn"
    assert high > 0.83
    low, high = curves.scale([np.array([-8.0, 3.0, 3.5, 4.0])])
    assert 2.5 < low < 3
