"""Chunks come back bit for bit, and their summary is true."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app import chunks

VALUES = st.lists(
    st.tuples(
        st.integers(-(2**53), 2**53),
        st.floats(-1e11, 1e11),
        st.floats(allow_nan=True, allow_infinity=True),
    ),
    min_size=1,
    max_size=60,
)


@hypothesis_settings(deadline=None, derandomize=True)
@given(VALUES)
def test_points_come_back_bit_for_bit(rows) -> None:
    points = chunks.columns(*zip(*rows, strict=True))
    for back in (
        chunks.decode(chunks.encode(points), len(points)),
        chunks.from_raw(chunks.raw(points), len(points)),
    ):
        assert back.step.tolist() == points.step.tolist()
        assert back.time.tobytes() == points.time.tobytes()
        assert np.array_equal(back.value, points.value, equal_nan=True)


@hypothesis_settings(deadline=None, derandomize=True)
@given(VALUES)
def test_the_summary_is_that_of_the_points(rows) -> None:
    points = chunks.columns(*zip(*rows, strict=True))
    row = chunks.row(1, 0, points)
    finite = points.value[np.isfinite(points.value)]
    assert row["nonfinite"] == len(points) - len(finite)
    assert row["low"] == (finite.min() if len(finite) else None)
    assert row["high"] == (finite.max() if len(finite) else None)
    if len(finite):
        assert points.value[row["low_at"]] == row["low"]
        assert (points.step[row["high_at"]], points.time[row["high_at"]]) == (
            row["high_step"],
            row["high_time"],
        )
    assert (row["step_low"], row["step_high"]) == (points.step.min(), points.step.max())
    assert row["ordered"] == (points.step.tolist() == sorted(points.step.tolist()))


def test_values_that_a_float32_holds_take_half_the_room() -> None:
    steps, times = np.arange(1024), 1.7e9 + np.arange(1024) / 8
    rough = np.random.default_rng(0).normal(size=1024)
    short = rough.astype(np.float32).astype(float)
    small = len(chunks.encode(chunks.columns(steps, times, short)))
    large = len(chunks.encode(chunks.columns(steps, times, rough)))
    assert small < 0.6 * large
    assert small / 1024 < 5


def test_codes_and_restoring_them() -> None:
    values = np.array([1.0, math.nan, math.inf, -math.inf])
    code = chunks.codes(values)
    assert code.tolist() == [0, 1, 2, 3]
    assert np.array_equal(chunks.restored(np.array([1.0, 0, 0, 0]), code), values, equal_nan=True)


@pytest.mark.parametrize(
    "data", [b"", b"\x09\x00rest", b"\x01\x00not zstd", chunks.encode(chunks.columns([1], [1], [1]))]
)
def test_bytes_that_are_no_chunk_are_named(data: bytes) -> None:
    with pytest.raises(chunks.BadChunk):
        chunks.decode(data, 2)
    with pytest.raises(chunks.BadChunk, match="piece"):
        chunks.from_raw(data, 5)
