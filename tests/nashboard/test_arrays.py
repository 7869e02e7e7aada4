from __future__ import annotations

from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nashboard.arrays import flatten


@given(st.integers(1, 4), st.integers(0, 4), st.integers(1, 3))
def test_shape_and_order_of_nested_lists(height: int, width: int, depth: int) -> None:
    count = iter(range(1000))
    rows = [[[next(count) for _ in range(depth)] for _ in range(width)] for _ in range(height)]
    shape, numbers = flatten(rows)
    assert shape == ((height, width, depth) if width else (height, 0))
    assert list(numbers) == list(range(height * width * depth))


@pytest.mark.parametrize(
    ("data", "shape", "numbers"),
    [
        (array("h", [1, -2]), (2,), array("h", [1, -2])),
        (memoryview(array("d", [0.5])), (1,), array("d", [0.5])),
        (memoryview(bytes(4)).cast("B", (2, 2)), (2, 2), array("B", bytes(4))),
        ((True, 2, 0.5), (3,), [True, 2, 0.5]),
        ([], (0,), []),
    ],
)
def test_numbers_keep_their_type(data: Any, shape: tuple[int, ...], numbers: Any) -> None:
    assert flatten(data) == (shape, numbers)


@pytest.mark.parametrize("data", [None, 5, "text", [None], ["x"], [1, [2]], [[1], 2], {"a": 1}])
def test_what_holds_no_numbers_is_refused(data: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        flatten(data)
