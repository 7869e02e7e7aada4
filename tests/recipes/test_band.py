from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.band import Band, band_from, impossible
from recipes.compose import build


def band(**more: Any) -> Band:
    values = {
        "series": "eval/snr",
        "origin": "measured",
        "source": "five runs",
        "low": 1.0,
        "high": 2.0,
        **more,
    }
    return Band(**values)


RISING = band(points=((0.0, 0.0, 1.0), (2.0, 2.0, 5.0), (4.0, 2.0, 5.0)))


def test_points_give_the_stretch_and_the_extremes() -> None:
    assert (RISING.x_from, RISING.x_to, RISING.low, RISING.high) == (0.0, 4.0, 0.0, 5.0)
    assert RISING.at(1.0) == (1.0, 3.0)
    assert RISING.at(2.0) == (2.0, 5.0)
    assert RISING.at(4.0) == (2.0, 5.0)
    assert RISING.at(4.1) is None
    assert RISING.at(-0.1) is None


def test_an_outline_is_cut_to_what_is_drawn() -> None:
    assert RISING.outline(1.0, 3.0) == [(1.0, 1.0, 3.0), (2.0, 2.0, 5.0), (3.0, 2.0, 5.0)]
    assert RISING.outline(-9.0, 9.0) == list(RISING.points)
    assert RISING.outline(4.5, 9.0) == []
    assert RISING.outline(4.0, 9.0) == [(4.0, 2.0, 5.0)]
    assert band().outline(3.0, 700.0) == [(3.0, 1.0, 2.0), (700.0, 1.0, 2.0)]


@given(st.floats(-1, 5), st.floats(0, 5))
def test_an_outline_is_the_band_itself(start: float, length: float) -> None:
    for x, low, high in RISING.outline(start, start + length):
        assert RISING.at(x) == pytest.approx((low, high))


def test_an_epoch_stands_for_its_stretch() -> None:
    claim = {"origin": "claimed", "source": "a document", "low": 1, "high": 2, "epoch": 5}
    loss, score = band_from({**claim, "series": "loss/disc"}), band_from({**claim, "series": "eval/snr"})
    assert (loss.x, loss.x_from, loss.x_to) == ("epoch", 4.0, 5.0)
    assert (score.x_from, score.x_to) == (4.5, 5.5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"low": 3.0}, "3 to 2 over epoch 0 to inf is no range"),
        ({"low": math.nan}, "low nan is not a number"),
        ({"high": True}, "high True is not a number"),
        ({"x": "hour"}, "x 'hour' is none of epoch, step"),
        ({"origin": "guessed"}, "origin 'guessed' is none of claimed, published, measured"),
        ({"source": ""}, "a band needs a source"),
        ({"series": "/"}, "'/' is no name of a series"),
        ({"lowest": 3}, "there is no 'lowest' in a band"),
        ({"points": [[1, 2]]}, "points must be a list of [x, low, high]"),
        ({"points": [[1, 2, 3], [1, 2, 3]]}, "the points of a band must rise in x"),
        ({"points": [[1, 3, 2]]}, "a point of a band has its low above its high"),
        ({"points": [[1, 2, math.inf]]}, "a point of a band must be three finite numbers"),
    ],
)
def test_what_is_no_band_says_why(values: dict[str, Any], said: str) -> None:
    good = {"series": "eval/snr", "origin": "claimed", "source": "a document", "low": 1.0, "high": 2.0}
    with pytest.raises(ValueError) as caught:
        band_from({**good, **values})
    assert str(caught.value).startswith(said)


def test_a_band_needs_series_origin_and_source() -> None:
    with pytest.raises(ValueError, match="a band needs origin"):
        band_from({"series": "eval/snr"})


def test_a_published_figure_holds_at_its_own_rate() -> None:
    dac = band(origin="published", kbps=8.0, rate_hz=44100, x="step")
    assert dac.misfit(build("codec", "fixed", "paper")) == ""
    assert dac.misfit(build("codec")) == "published at 8 kbps, 44.1 kHz: not this set-up (8 kbps, 8 kHz)"
    assert band(origin="published", kbps=24.0).misfit(build("codec", "old", "small")) == (
        "published at 24 kbps: not this set-up (3.75 kbps, 16 kHz)"
    )
    assert dac.label == "published, 8 kbps"
    assert replace(dac, name="DAC").label == "published, DAC 8 kbps"


def test_a_figure_on_another_scale_holds_nowhere() -> None:
    mel = band(origin="published", kbps=8.0, rate_hz=44100, unlike="another mel distance than ours")
    assert mel.misfit(build("codec", "fixed", "paper")) == (
        "published on another scale: another mel distance than ours"
    )


def test_a_measured_band_holds_at_its_size() -> None:
    tiny = band(size="tiny", runs=("a", "b", "c", "d", "e"))
    assert tiny.misfit(build("codec")) == ""
    assert tiny.misfit(build("codec", "fixed", "small")) == "measured at size tiny: not this set-up (small)"
    assert tiny.label == "measured, 5 runs"
    assert band(origin="claimed").label == "claimed"


def test_as_json_nothing_is_infinite() -> None:
    text = json.dumps(band().to_dict(), allow_nan=False)
    assert json.loads(text)["x_to"] is None
    assert band_from({k: v for k, v in RISING.to_dict().items() if k != "label"}) == RISING


def test_the_ceiling_of_an_amplitude() -> None:
    assert [round(impossible(a), 1) for a in (93, 96, 97, 99)] == [23.1, 28.0, 30.5, 40.0]
    assert impossible(100) == math.inf
    assert impossible(107) == pytest.approx(impossible(93))


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=20), st.floats(-2, 2), st.integers(0, 2**32 - 1))
def test_no_output_beats_the_ceiling(reference: list[float], scale: float, seed: int) -> None:
    output = [scale * v + ((seed >> i) % 3 - 1) for i, v in enumerate(reference)]
    power = sum(v * v for v in reference)
    error = sum((a - b) ** 2 for a, b in zip(reference, output, strict=True))
    if power < 1e-6 or error < 1e-9 * power:
        return
    amplitude = 100 * math.sqrt(sum(v * v for v in output) / power)
    assert 10 * math.log10(power / error) <= impossible(amplitude) + 1e-6
