from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.values import Kind, from_text, kind_of, to_text

INT, FLOAT = Kind("int"), Kind("float")


@given(st.integers(-(10**20), 10**20))
def test_whole_numbers_come_back(value: int) -> None:
    assert from_text(INT, to_text(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back(value: float) -> None:
    assert from_text(FLOAT, to_text(value)) == value


@given(st.lists(st.integers(-99, 99)))
def test_lists_come_back_with_and_without_brackets(value: list[int]) -> None:
    kind = kind_of(list[int])
    assert from_text(kind, to_text(value)) == value
    if value:
        assert from_text(kind, ", ".join(map(str, value))) == value


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    for kind in (INT, FLOAT, Kind("bool"), Kind("list of float"), Kind("choice", (1, 5))):
        with contextlib.suppress(ValueError):
            value = from_text(kind, text)
            assert value is not None
            assert not isinstance(value, float) or not math.isnan(value)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (INT, "1.5", "'1.5' is not a whole number"),
        (INT, "1e3", "'1e3' is not written as a whole number; write 1000"),
        (INT, "0x10", "'0x10' is not a whole number"),
        (INT, "", "no value is given"),
        (INT, "٣", "'٣' is not a whole number"),
        (INT, "1_000", "'1_000' is not a whole number"),
        (FLOAT, "nan", "'nan' is not a number"),
        (FLOAT, "inf", "'inf' is not a number"),
        (FLOAT, "1,5", "'1,5' is not a number"),
        (FLOAT, "true", "'true' is not a number"),
        (Kind("bool"), "yes", "'yes' is neither true nor false"),
        (Kind("choice", ("hinge", "bce")), "wgan", "'wgan' is none of hinge, bce"),
        (Kind("list of int"), "[2,x]", "'x' is not a whole number"),
        (Kind("list of int"), "[2,]", "no value is given"),
    ],
)
def test_what_cannot_be_read_says_why(kind: Kind, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        from_text(kind, text)
    assert str(caught.value) == message


def test_text_stays_as_it_is_and_nothing_is_nothing() -> None:
    assert from_text(Kind("str"), " a, [b] ") == " a, [b] "
    assert from_text(Kind("int", nullable=True), "none") is None
    assert from_text(Kind("int", nullable=True), " ") is None
    assert from_text(Kind("list of int"), "[]") == []
    assert from_text(Kind("bool"), "true") is True
    assert from_text(Kind("choice", (1, 5)), "5") == 5
