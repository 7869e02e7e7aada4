"""Numbers, times and sizes in words, and the script's twin of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import words

CASES = json.loads((Path(__file__).parents[1] / "words.json").read_text("utf-8"))
SAYING = {
    "number": words.number,
    "count": words.count,
    "decibel": lambda x: words.measured(x, "dB"),
    "plain": words.measured,
    "duration": words.duration,
    "ago": lambda gap: words.ago(1_800_000_000 - gap, 1_800_000_000),
}


@pytest.mark.parametrize(("kind", "value", "text"), [(k, v, t) for k, rows in CASES.items() for v, t in rows])
def test_the_words_are_those_that_the_script_says_too(kind: str, value: Any, text: str) -> None:
    """The same table is read by tests/js/words.test.mjs."""
    given = float(value) if isinstance(value, str) else value
    assert SAYING[kind](given) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-4, "1e-4"), (0.00025, "2.5e-4"), (0.1, "0.1"), (1.0, "1"), (5, "5"), (None, ""), (True, "true"),
        ([2, 3, 5], "2, 3, 5"), ("kaiming", "kaiming"), (0.999996, "0.999996"), (1e9, "1000000000.0"),
    ],
)  # fmt: skip
def test_a_knob_is_written_as_a_person_types_it(value: object, text: str) -> None:
    assert words.knob(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_knob_of_a_number_reads_back(value: float) -> None:
    assert float(words.knob(value)) == value


def test_ages() -> None:
    now = 1_800_000_000.0
    assert words.ago(None, now) == "never"
    assert words.ago(now - 400 * 86400, now).endswith(" 2025")
    assert words.iso(0.0) == "1970-01-01T00:00:00Z"


def test_sizes_and_plurals() -> None:
    sizes = [0, 512, 84_000, 1_240_000, 999_600_000, 3.2e15]
    assert [words.size(n) for n in sizes] == ["0 B", "512 B", "84 kB", "1.2 MB", "1.0 GB", "3200 TB"]
    assert words.plural(1, "run") == "1 run"
    assert words.plural(1200, "run") == "1,200 runs"
    assert words.plural(2, "entry", "entries") == "2 entries"
    assert words.shell(["python", "data.root=/a b"]) == "python 'data.root=/a b'"
