"""Measuring sound: against the standard's own numbers, and both ways of computing against each other."""

from __future__ import annotations

import math
import sys
import time
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nashboard import loudness


@pytest.fixture(params=["plain", "numpy"])
def facts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`loudness.facts` with numpy loaded and without."""
    if request.param == "plain":
        monkeypatch.delitem(sys.modules, "numpy", raising=False)
    else:
        pytest.importorskip("numpy")
    return loudness.facts


def sine(seconds: float, rate_hz: int, dbfs: float, hz: float = 1000.0) -> array[float]:
    top = 10.0 ** (dbfs / 20.0)
    return array(
        "f", [top * math.sin(2 * math.pi * hz * i / rate_hz) for i in range(round(seconds * rate_hz))]
    )


def test_the_filters_are_the_standards_at_48_khz() -> None:
    shelf, high = loudness.k_weighting(48000)
    assert shelf == pytest.approx(
        (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585), abs=1e-6
    )
    assert high == pytest.approx((1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621), abs=1e-6)


@pytest.mark.parametrize(("rate_hz", "off"), [(48000, 0.05), (16000, 0.1), (8000, 0.15)])
def test_a_sine_at_minus_23_is_minus_23_lufs(facts: Any, rate_hz: int, off: float) -> None:
    tone = sine(2.0, rate_hz, -23.0)
    measured = facts([tone, tone], rate_hz)
    assert measured["lufs"] == pytest.approx(-23.0, abs=off)
    assert facts([tone], rate_hz)["lufs"] == pytest.approx(-26.01, abs=off)
    assert measured["peak_dbfs"] == pytest.approx(-23.0, abs=0.02)
    assert measured["rms_dbfs"] == pytest.approx(-26.01, abs=0.02)
    assert (measured["seconds"], measured["rate_hz"], measured["channels"]) == (2.0, rate_hz, 2)
    assert (measured["clipped_share"], measured["silence_share"], measured["nonfinite"]) == (0.0, 0.0, 0)


def test_quiet_stretches_are_gated_away(facts: Any) -> None:
    rate = 8000
    quiet, loud, silence = sine(3.0, rate, -36.0), sine(9.0, rate, -23.0), array("f", bytes(4 * 2 * rate))
    whole = quiet + loud + quiet + silence
    assert facts([whole, whole], rate)["lufs"] == pytest.approx(-23.0, abs=0.2)
    assert facts([whole], rate)["silence_share"] == pytest.approx(2 / 17, abs=0.002)


def test_rear_channels_of_five_count_more(facts: Any) -> None:
    tone, none = sine(1.0, 8000, -20.0), array("f", bytes(4 * 8000))
    front = facts([tone, none, none, none, none], 8000)["lufs"]
    assert facts([none, none, none, none, tone], 8000)["lufs"] == pytest.approx(front + 1.49, abs=0.02)


def test_overload_is_counted_not_hidden(facts: Any) -> None:
    wave = array("f", [1.8 * math.sin(2 * math.pi * 100 * i / 8000) for i in range(8000)])
    hard = array("f", [max(-1.0, min(1.0, v)) for v in wave])
    true, cut = facts([wave], 8000), facts([hard], 8000)
    assert true["peak_dbfs"] == pytest.approx(5.105, abs=0.01)
    assert true["clipped_share"] == pytest.approx(0.625, abs=0.01)
    assert true["longest_flat"] <= 2
    assert cut["clipped_share"] == true["clipped_share"]
    assert cut["longest_flat"] == 25
    assert cut["peak_dbfs"] == 0.0


def test_silence_has_no_level(facts: Any) -> None:
    measured = facts([array("f", bytes(4 * 8000))], 8000)
    assert measured["peak_dbfs"] == measured["rms_dbfs"] == measured["lufs"] == -math.inf
    assert (measured["longest_flat"], measured["silence_share"], measured["dc"]) == (0, 1.0, 0.0)


def test_a_constant_is_flat_and_has_a_dc(facts: Any) -> None:
    measured = facts([array("f", [0.25] * 1000)], 8000)
    assert (measured["longest_flat"], measured["dc"], measured["lufs"]) == (1000, 0.25, None)


def test_nonfinite_samples_are_counted_and_the_rest_is_measured(facts: Any) -> None:
    wave = sine(1.0, 8000, -6.0)
    for place, value in ((10, math.nan), (20, math.inf), (30, -math.inf)):
        wave[place] = value
    measured = facts([wave], 8000)
    assert measured["nonfinite"] == 3
    assert measured["peak_dbfs"] == pytest.approx(-6.0, abs=0.05)
    assert math.isfinite(measured["lufs"])
    assert facts([array("f", [math.nan] * 10)], 8000)["peak_dbfs"] == -math.inf


@pytest.mark.parametrize(("samples", "rate_hz"), [(1, 48000), (3199, 8000), (9000, 3999)])
def test_where_loudness_is_not_defined_it_is_left_out(facts: Any, samples: int, rate_hz: int) -> None:
    assert facts([array("f", [0.5] * samples)], rate_hz)["lufs"] is None


FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.sampled_from(
    [0.0, 0.5, 0.5, 1.0, -1.0]
)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3), st.lists(FLOATS, min_size=1, max_size=600), st.sampled_from([100, 4000]))
def test_both_ways_measure_the_same(channels: int, samples: list[float], rate_hz: int) -> None:
    np = pytest.importorskip("numpy")
    sound = [array("f", samples[c:] + samples[:c]) for c in range(channels)]
    plain, fast = loudness._plain(sound, rate_hz), loudness._with_numpy(np, sound, rate_hz)
    assert plain[3:8] == fast[3:8]
    assert plain[:2] == pytest.approx(fast[:2], rel=1e-9)
    size = max(plain[1], 1e-30) ** 0.5
    assert plain[2] == pytest.approx(fast[2], abs=1e-9 * size * len(samples))
    assert plain[8] == pytest.approx(fast[8], rel=1e-6, abs=1e-9 * plain[1])


def test_two_seconds_of_stereo_take_less_than_a_third_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    tone = sine(2.0, 44100, -3.0)
    spent = []
    for _ in range(3):
        begun = time.thread_time()
        loudness.facts([tone, tone], 44100)
        spent.append(time.thread_time() - begun)
    assert min(spent) < 0.3
