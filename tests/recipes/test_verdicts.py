from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.band import Band
from recipes.verdicts import at, number, verdict

NAN, INF = math.nan, math.inf


def band(**more: Any) -> Band:
    values = {
        "series": "loss/disc", "origin": "measured", "source": "five runs", "low": 1.0, "high": 2.0,
        "x_from": 0.0, "x_to": 10.0, **more,
    }  # fmt: skip
    return Band(**values)


EPOCHS = band()
STEPS = band(x="step", x_from=0.0, x_to=2000.0)
CLAIM = band(series="eval/snr", origin="claimed", x_from=4.5, x_to=5.5, low=12.0, high=18.0)


@pytest.mark.parametrize(
    ("held", "xs", "ys", "state", "since", "by", "text"),
    [
        (EPOCHS, [], [], "none", None, 0, "No data yet"),
        (EPOCHS, [1, 2], [NAN, NAN], "none", None, 0, "No finite value: NaN at epoch 2"),
        (EPOCHS, [1], [-INF], "none", None, 0, "No finite value: −Inf at epoch 1"),
        (EPOCHS, [1, 2, 3], [3, 1.5, 1.5], "inside", 2, 0, "Inside measured since epoch 2"),
        (EPOCHS, [1, 2, 3], [1.5, 1.5, 1.5], "inside", 1, 0, "Inside measured since epoch 1"),
        (EPOCHS, [0.5, 1.25], [3, 3], "above", 0.5, 1, "Above measured since epoch 0.5, now by 1"),
        (
            STEPS,
            [100, 200, 1200],
            [1.5, 2.3, 2.57],
            "above",
            200,
            0.57,
            "Above measured since step 200, now by 0.57",
        ),
        (
            STEPS,
            [1200, 1300],
            [0.5, 0.25],
            "below",
            1200,
            0.75,
            "Below measured since step 1,200, now by 0.75",
        ),
        (EPOCHS, [1, 2], [1.0, 2.0], "inside", 1, 0, "Inside measured since epoch 1"),
        (EPOCHS, [1, 2, 3], [3, NAN, 3], "above", 1, 1, "Above measured since epoch 1, now by 1"),
        (EPOCHS, [1, 2], [1.5, NAN], "inside", 1, 0, "Inside measured at epoch 1; NaN at epoch 2"),
        (EPOCHS, [1, 11], [1.5, 9], "inside", 1, 0, "Was inside measured at epoch 1, where the band ends"),
        (
            EPOCHS,
            [1, 11],
            [0.5, 1.5],
            "below",
            1,
            0.5,
            "Was below measured by 0.5 at epoch 1, where the band ends",
        ),
        (STEPS, [3000], [1], "none", None, 0, "Begins later: measured from step 0 to 2,000"),
        (CLAIM, [0, 1, 2], [0, 4, 5], "none", None, 0, "Not there yet: claimed for epoch 5"),
        (CLAIM, [0, 5], [0, 6], "below", 5, 6, "Below claimed by 6 dB at epoch 5"),
        (CLAIM, [0, 5, 6], [0, 6, 13], "below", 5, 6, "Was below claimed by 6 dB at epoch 5"),
        (CLAIM, [4, 6], [5, 6], "none", None, 0, "No value there: claimed for epoch 5"),
        (CLAIM, [7, 8], [5, 6], "none", None, 0, "Begins later: claimed for epoch 5"),
    ],
)
def test_words(
    held: Band, xs: list[float], ys: list[float], state: str, since: float, by: float, text: str
) -> None:
    found = verdict(held, xs, ys)
    assert (found.state, found.since_x, found.text) == (state, since, text)
    assert found.by == pytest.approx(by)


def test_an_open_end_is_judged_by_the_newest_value() -> None:
    dac = band(series="eval/si_sdr", origin="published", x="step", low=10.75, high=10.75, x_to=INF)
    found = verdict(dac, [0, 600], [-3.0, 5.75])
    assert found.text == "Below published since step 0, now by 5 dB"


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 positions for 1 values"):
        verdict(EPOCHS, [1, 2], [1])


@given(st.lists(st.tuples(st.floats(-5, 15), st.floats(allow_nan=True, allow_infinity=True)), max_size=30))
def test_whatever_comes_the_last_value_of_the_stretch_decides(rows: list[tuple[float, float]]) -> None:
    rows.sort(key=lambda r: r[0])
    found = verdict(EPOCHS, [x for x, _ in rows], [y for _, y in rows])
    seen = [(x, y) for x, y in rows if 0 <= x <= 10 and math.isfinite(y)]
    assert found.text
    if not seen:
        assert found.state == "none"
        return
    last = seen[-1][1]
    expected = "below" if last < 1 - 1e-8 else "above" if last > 2 + 1e-8 else "inside"
    assert found.state == expected or abs(last - 1) < 1e-8 or abs(last - 2) < 1e-8
    assert found.since_x is not None
    assert (found.by > 0) == (found.state != "inside")


def test_numbers_and_places() -> None:
    assert [number(v) for v in (0, 0.57, 12.34, -1234.5, 1e-6, INF, NAN)] == [
        "0", "0.57", "12.3", "−1,234", "1.00e−6", "Inf", "NaN",
    ]  # fmt: skip
    assert [at("epoch", 3), at("epoch", 2.5), at("step", 1200)] == ["epoch 3", "epoch 2.5", "step 1,200"]
