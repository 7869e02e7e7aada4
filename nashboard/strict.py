"""Strict JSON: non-finite numbers as strings, text that every file and database takes."""

from __future__ import annotations

import json
import math
from typing import Any

Json = Any
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class BadEvent(ValueError):
    """A line that is no event of ours; the message names the field and the value."""


def spelled(value: Json) -> Json:
    """``value`` with each non-finite float spelled as its string, in lists and dicts as well.

    Text that UTF-8 cannot hold is spelled with visible escapes.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {spelled(str(k)): spelled(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(v) for v in value]
    return value


def storable(value: Json) -> Json:
    """`spelled`, with NUL characters shown as ␀: PostgreSQL takes no text that holds one."""
    if isinstance(value, str):
        return spelled(value.replace("\0", "\u2400"))
    if isinstance(value, dict):
        return {storable(str(k)): storable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [storable(v) for v in value]
    return spelled(value)


def number(value: Json) -> float:
    """A float from JSON; raises `BadEvent` for anything but a number or a spelled non-finite one."""
    if isinstance(value, str) and value in NON_FINITE:
        return NON_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadEvent(f"{value!r:.80} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise BadEvent(f"{brief(value)} is no number that a float can hold") from None


_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(value: Json) -> str:
    """``value`` as strict JSON in UTF-8, non-finite numbers spelled; raises `BadEvent` for what is no JSON.

    A lone surrogate (from a file name that is no UTF-8) is written as its visible escape.
    """
    try:
        text = _JSON.encode(value)
        if not text.isascii():
            text.encode()
        return text
    except (ValueError, TypeError):  # a non-finite number or a surrogate: the usual case pays nothing for it
        try:
            return _JSON.encode(spelled(value))
        except (ValueError, TypeError, RecursionError) as problem:
            raise BadEvent(f"cannot be written as JSON: {problem}") from None


def loads(text: str | bytes) -> Json:
    """The value of strict JSON; raises `BadEvent` for anything else, bare NaN and Infinity included."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except BadEvent:
        raise
    except (ValueError, RecursionError) as problem:
        raise BadEvent(f"not JSON: {problem}") from None


def _no_constant(name: str) -> float:
    raise BadEvent(f'bare {name} is not JSON; write "{name}" in quotes')


def brief(value: Json) -> str:
    """``value`` as text for a message; the text of an int of thousands of digits cannot be made."""
    return (
        f"a number of {value.bit_length()} bits"
        if isinstance(value, int) and value > 2**64
        else f"{value!r:.40}"
    )
