from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nashboard.strict import BadEvent, dumps, loads, number, spelled, storable

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(ANYTHING)
def test_whatever_is_written_is_strict_json_in_utf8(value: Any) -> None:
    text = dumps(value)
    again = json.loads(text.encode(), parse_constant=lambda name: pytest.fail(f"bare {name}"))
    assert again == spelled(value)
    assert spelled(again) == again


@given(ANYTHING)
def test_what_is_storable_holds_nothing_that_a_database_refuses(value: Any) -> None:
    text = json.dumps(storable(value), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()


@given(st.floats())
def test_numbers_come_back(value: float) -> None:
    assert repr(number(spelled(value))) == repr(value)


@pytest.mark.parametrize("value", ["nan", "inf", "", None, True, [1], 10**400])
def test_other_things_are_no_numbers(value: Any) -> None:
    with pytest.raises(BadEvent):
        number(value)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", b"\xff", "[" * 100_000, "1" * 5000])
def test_other_texts_are_no_json(text: str | bytes) -> None:
    with pytest.raises(BadEvent):
        loads(text)


def test_spelling() -> None:
    assert spelled({"a": (math.nan, math.inf), 1: -math.inf}) == {"a": ["NaN", "Infinity"], "1": "-Infinity"}
