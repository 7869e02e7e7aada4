from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.base import BadRecipe, patched
from recipes.command import command, quoted
from recipes.compose import build, compose, presets

Patches = st.SearchStrategy[dict[str, Any]]
PRESETS = [p.name for p in presets("codec")]


@given(data=st.data(), preset=st.sampled_from(PRESETS))
@settings(max_examples=25, deadline=None)
def test_the_command_makes_the_same_recipe(patches: Patches, data: st.DataObject, preset: str) -> None:
    made = patched(build("codec", preset), data.draw(patches))
    words = command(made, run_dir="runs/a b=c", url="http://127.0.0.1:8000", device="cpu")
    found = compose(words[0], words[1:], default_size="paper")
    assert found.recipe == made
    assert (found.run_dir, found.url, found.device) == ("runs/a b=c", "http://127.0.0.1:8000", "cpu")


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_needs_no_knob(preset: str, size: str) -> None:
    made = build("codec", preset, size)
    assert command(made, run_dir="r") == ["codec", f"preset={preset}", f"size={size}", "run_dir=r"]


def test_only_what_differs_is_said() -> None:
    patch = {"seed": 1, "disc.lr": 1e-5, "disc.periods": [2], "data.root": "/a b", "trainer.max_steps": 20}
    made = build("codec", "old", patch=patch)
    assert command(made, run_dir="r", resume="r/checkpoints/last", device="cuda:0") == [
        "codec", "preset=old", "size=tiny", "seed=1", "data.root=/a b", "disc.periods=[2]", "disc.lr=1e-05",
        "trainer.max_steps=20", "run_dir=r", "resume=r/checkpoints/last", "device=cuda:0",
    ]  # fmt: skip


def test_no_word_could_be_left_out() -> None:
    made = build("codec", "old", patch={"seed": 1, "disc.lr": 1e-5, "data.root": "/a", "disc.periods": [3]})
    words = command(made, run_dir="r", device="cpu")
    found = compose(words[0], words[1:])
    for i in range(3, len(words)):
        assert compose(words[0], words[1:i] + words[i + 1 :]) != found


def test_a_preset_that_is_gone_is_named() -> None:
    made = build("codec", "old").model_copy(update={"preset": "mine"})
    with pytest.raises(BadRecipe, match="there is no preset 'mine'"):
        command(made, run_dir="r")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])).filter(lambda t: "${" not in t))
@settings(deadline=None)
def test_quoted_text_comes_back_from_hydra(text: str) -> None:
    override = OverridesParser.create().parse_override(f"a={quoted(text)}")
    assert not override.is_sweep_override()
    assert override.value() == text


def test_quoted_values_keep_their_kind() -> None:
    values = [True, None, 3, 1e-5, -2.5, "true", "3", "null", "eval/mel", [1, 2], ["a b", "c"], ""]
    for value in values:
        read = OverridesParser.create().parse_override(f"a={quoted(value)}").value()
        assert (read, type(read)) == (value, type(value))
