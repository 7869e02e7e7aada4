from __future__ import annotations

import subprocess
import sys

import pytest

from recipes import TRAINERS
from recipes.base import BadRecipe, flat, nested
from recipes.compose import build
from recipes.registry import load


def test_every_trainer_has_its_own_name_and_the_shared_words() -> None:
    assert "codec" in TRAINERS
    for name, cls in TRAINERS.items():
        assert cls.name == name
        assert cls.title
        assert {
            "preset", "size", "seed", "data.root", "data.rate_hz", "trainer.max_steps", "trainer.max_epochs",
            "trainer.steps_per_epoch",
        } <= set(flat(cls()))  # fmt: skip


def test_a_stored_recipe_comes_back() -> None:
    made = build("codec", "old", patch={"seed": 3})
    assert load("codec", nested(flat(made))) == made


def test_unknown_trainer_and_unknown_knob_are_named() -> None:
    with pytest.raises(
        BadRecipe, match="there is no trainer 'codek'; did you mean codec\\?; trainers: codec"
    ):
        load("codek", {})
    with pytest.raises(BadRecipe, match=r"no knob 'disc\.lrr'; did you mean disc\.lr"):
        load("codec", {"disc": {"lrr": 1}})


def test_recipes_load_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, recipes.compose, recipes.command, recipes.bands;"
        "print([m for m in ('torch', 'numpy', 'sqlalchemy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
