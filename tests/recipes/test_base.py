from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from recipes.base import BadRecipe, diff, flat, flattened, knobs, nested, patched, validated
from recipes.codec import Codec
from recipes.compose import build

Patches = st.SearchStrategy[dict[str, Any]]
RECIPE = build("codec", "old")


def said(patch: dict[str, Any]) -> list[str]:
    with pytest.raises(BadRecipe) as caught:
        patched(RECIPE, patch)
    return [str(p) for p in caught.value.problems]


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_patch_sets_exactly_what_it_names(patches: Patches, data: st.DataObject) -> None:
    patch = data.draw(patches)
    made = patched(RECIPE, patch)
    assert flat(made) == {**flat(RECIPE), **patch}
    changed = diff(flat(RECIPE), flat(made))
    assert {k: b for k, (_, b) in changed.items()} == {k: v for k, v in patch.items() if v != flat(RECIPE)[k]}
    assert patched(made, {k: a for k, (a, _) in changed.items()}) == RECIPE


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_stored_flat_or_nested_a_recipe_comes_back(patches: Patches, data: st.DataObject) -> None:
    made = patched(RECIPE, data.draw(patches))
    assert validated(Codec, flat(made)) == validated(Codec, nested(flat(made))) == made
    assert validated(Codec, made.model_dump(mode="json")) == made


def test_a_recipe_cannot_be_changed_and_shares_no_list() -> None:
    with pytest.raises(ValidationError):
        RECIPE.seed = 3
    flat(RECIPE)["disc.periods"].append(13)
    one, two = build("codec"), build("codec")
    assert one.disc.periods is not two.disc.periods  # type: ignore[attr-defined]
    assert flat(RECIPE)["disc.periods"] == [2, 3, 5, 7, 11]


def test_patches_name_every_problem_at_once() -> None:
    assert said({"disc.lrr": 1, "seed": -1, "disc.lr": "quick"}) == [
        "disc.lrr: there is no knob 'disc.lrr'; did you mean disc.lr?",
        "disc.lr: 'quick' is not a number",
        "seed: -1 is too small; the least is 0",
    ]
    assert said({"seed": -1, "disc.lr": 0}) == [
        "seed: -1 is too small; the least is 0",
        "disc.lr: 0 is too small; it must be more than 0",
    ]


def test_preset_and_size_are_no_knobs_to_turn() -> None:
    assert said({"size": "paper"}) == ["size: size is 'tiny' here; choose another one at the start"]
    assert patched(RECIPE, {"size": "tiny"}) == RECIPE


def test_patches_take_text_of_forms() -> None:
    made = patched(
        Codec(), {"disc.lr": " 3e-4 ", "disc.periods": "2, 3", "trainer.max_steps": "none", "disc.bands": "5"}
    )
    assert (made.disc.lr, made.disc.periods, made.disc.bands) == (3e-4, [2, 3], 5)
    assert made.trainer.max_steps is None


@pytest.mark.parametrize("value", [True, "true", float("nan"), float("inf"), [1], {"a": 1}, None])
def test_what_is_no_number_is_refused(value: Any) -> None:
    assert len(said({"disc.lr": value})) == 1
    assert len(said({"trainer.max_epochs": value})) == 1


def test_nested_patches_are_patches() -> None:
    assert flattened({"disc": {"lr": 1e-3}, "gen.lr": 1e-4}) == {"disc.lr": 1e-3, "gen.lr": 1e-4}
    assert patched(RECIPE, {"disc": {"lr": 1e-3}}) == patched(RECIPE, {"disc.lr": 1e-3})


def test_knobs_are_all_that_a_form_needs() -> None:
    found = {k.name: k for k in knobs(build("codec", "fixed"), RECIPE)}
    assert list(found) == list(flat(RECIPE))
    assert all(k.help and k.title and k.group for k in found.values())
    lr = found["disc.lr"]
    assert (lr.default, lr.value, lr.changed) == (1e-4, 1e-3, True)
    assert (lr.low, lr.low_open, lr.high, lr.high_open) == (0, True, 1, False)
    assert lr.range == "more than 0, at most 1"
    assert found["disc.beta1"].range == "at least 0, less than 1"
    assert not found["gen.lr"].changed
    assert found["data.root"].path
    assert found["trainer.max_steps"].nullable
    assert found["disc.bands"].choices == ("1", "5")
    assert found["disc.periods"].type == "list of int"
    assert found["disc.periods"].range == "each at least 1, at most 64"
    assert found["data.crop"].unit == "samples"
    assert {k.group for k in found.values()} == {
        "Recipe", "Losses", "Data", "Generator", "Quantiser", "Discriminator", "Training",
    }  # fmt: skip


@given(st.dictionaries(st.sampled_from(["a", "b.c", "b.d"]), st.integers()))
def test_flattened_undoes_nested(values: dict[str, int]) -> None:
    assert flattened(nested(values)) == values


def test_a_difference_tells_one_from_true() -> None:
    assert diff({"a": 1, "b": 1}, {"a": True, "b": 1.0}) == {"a": (1, True)}
    assert diff({"a": None}, {}) == {"a": (None, None)}
