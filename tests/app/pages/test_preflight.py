"""The part of the launch page in which preflights stand: its histogram (its states: `tests/app/test_preflights.py`)."""

from __future__ import annotations

from app.pages.preflight import HEIGHT, WIDTH, bars


def test_bars_fill_their_place_and_stand_on_each_other() -> None:
    found = bars({"edges": [0, 1, 2], "train": [3, 1], "eval": [1, 0]})
    assert [round(b.train + b.held) for b in found] == [HEIGHT, HEIGHT // 4]
    assert found[-1].x + found[-1].width < WIDTH
    assert found[0].title == "0–1 s: 3 train, 1 evaluate"


def test_what_is_no_histogram_has_no_bars() -> None:
    assert bars({}) == ()
    assert bars({"edges": [0, 1], "train": [0], "eval": [0]}) == ()
    assert bars({"edges": [0], "train": [1], "eval": [1]}) == ()
