"""What the tests of recipes share: patches that fit every preset, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from recipes.base import Knob, knobs
from recipes.compose import build

# Knobs that must fit each other are left alone here; tests of conflicts turn them one by one.
BOUND = {
    "preset", "size", "data.crop", "data.slots", "data.eval_items", "data.rate_hz", "gen.kind", "gen.hop",
    "gen.encoder_rates", "gen.decoder_rates", "disc.kind", "disc.num_scales", "disc.msd_channels",
    "disc.msd_groups", "disc.periods", "disc.n_ffts", "disc.start", "trainer.best_by", "trainer.processes",
}  # fmt: skip
FREE = [k for k in knobs(build("codec")) if k.name not in BOUND]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


def values(knob: Knob) -> st.SearchStrategy[Any]:
    """Values in the range of a knob."""
    low, high = knob.low or 0, knob.high or 0
    if knob.choices:
        return st.sampled_from(knob.choices if knob.name != "disc.bands" else (1, 5))
    if knob.type == "int":
        numbers: st.SearchStrategy[Any] = st.integers(int(low), int(high))
        return st.none() | numbers if knob.nullable else numbers
    if knob.type == "float":
        return st.floats(
            low, high, exclude_min=knob.low_open, exclude_max=knob.high_open, allow_subnormal=False
        )
    if knob.type == "list of int":
        return st.lists(st.integers(1, 8192), min_size=2, max_size=8)
    return TEXT


@pytest.fixture(scope="session")
def patches() -> st.SearchStrategy[dict[str, Any]]:
    """Patches of up to eight knobs that fit every preset at size tiny."""
    return st.lists(st.sampled_from(FREE), max_size=8, unique_by=lambda k: k.name).flatmap(
        lambda chosen: st.fixed_dictionaries({k.name: values(k) for k in chosen})
    )


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """``own("mine.yaml", text)`` writes a preset of a person's own into the folder that is offered."""
    monkeypatch.setenv("NASHBOARD_PRESETS", str(tmp_path))

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write
