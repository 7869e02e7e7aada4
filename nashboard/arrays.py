"""Numbers out of whatever holds them: lists, `array.array`, buffers, numpy arrays, torch tensors.

Neither numpy nor torch is imported: tensors are asked for their numpy array or list, arrays for their buffer.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Sequence
from typing import Any, TypeAlias

Shape = tuple[int, ...]
Numbers: TypeAlias = "array[Any] | list[Any]"
FLOATS = frozenset("fd")


def flatten(data: Any) -> tuple[Shape, Numbers]:
    """(shape, numbers in row order). The numbers keep their type: an array's ``typecode`` tells it.

    Raises:
        ValueError: for rows of different lengths.
        TypeError: for what holds no numbers.
    """
    if callable(getattr(data, "detach", None)):  # a tensor: off the graph, off the device
        data = data.detach().cpu()
        if data.is_floating_point():
            data = data.float()  # the buffer protocol knows no bfloat16
        with contextlib.suppress(RuntimeError, TypeError):
            data = data.numpy()
    return _from_buffer(data) or _from_rows(data)


def _from_buffer(data: Any) -> tuple[Shape, Numbers] | None:
    try:
        view = memoryview(data)
    except (TypeError, ValueError):
        return None
    code = view.format.lstrip("<=@|")
    if (
        code not in ("f", "d", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "?")
        or view.format[:1] == ">"
    ):
        return None  # half floats and foreign byte orders go by tolist()
    shape = tuple(view.shape or (1,))
    if code == "?":
        return shape, [value != 0 for value in view.tobytes()]
    numbers: array[Any] = array(code)
    numbers.frombytes(view.tobytes())
    return shape, numbers


def _from_rows(data: Any) -> tuple[Shape, list[Any]]:
    turn = getattr(data, "tolist", None)
    rows = turn() if callable(turn) else data
    if not _is_rows(rows):
        raise TypeError(f"numbers come as a list, an array or a tensor, not as {data!r:.80}")
    shape = [len(rows)]
    while rows and _is_rows(rows[0]):
        lengths = {len(row) if _is_rows(row) else -1 for row in rows}
        if len(lengths) > 1:
            raise ValueError(f"rows of one array have one length, not {sorted(lengths)}")
        rows = [value for row in rows for value in row]
        shape.append(lengths.pop())
    for value in rows:
        if not isinstance(value, int | float):
            rows = [_number(v) for v in rows]
            break
    return tuple(shape), list(rows)


def _is_rows(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{value!r:.80} is not a number") from None
