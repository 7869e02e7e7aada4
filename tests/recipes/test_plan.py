"""Plans on paper: grids, lists, seeds, doubles, and what is wrong with one, by item and knob."""

from __future__ import annotations

import json

import pytest

from recipes import compose, plan
from recipes.base import BadRecipe, flat
from recipes.cgan import PHASE_2


def problems(text: str) -> dict[str, str]:
    with pytest.raises(BadRecipe) as bad:
        plan.make(plan.read(text))
    return {p.knob: p.message for p in bad.value.problems}


def test_a_grid_times_seeds_runs_all_settings_of_a_seed_first() -> None:
    sheet = plan.read(
        "trainer: codec\nseeds: [3, 8]\ngrid: {disc.lr: [1e-4, 1e-3], loss: [hinge, least_squares]}"
    )
    made = plan.make(sheet)
    assert plan.size_of(sheet) == len(made.items) == 8
    assert [i.seed for i in made.items] == [3] * 4 + [8] * 4
    assert [i.recipe.seed for i in made.items] == [i.seed for i in made.items]
    assert made.varied == ("disc.lr", "loss")
    assert made.items[1].at == {"disc.lr": 1e-4, "loss": "least_squares"}
    assert flat(made.items[2].recipe)["disc.lr"] == 1e-3
    assert flat(made.items[2].recipe) == {**flat(made.items[6].recipe), "seed": 3}


def test_items_that_are_the_same_recipe_run_once_and_keep_both_titles() -> None:
    made = plan.make(
        plan.read(
            "trainer: cgan\npreset: run-b\nitems:\n"
            "  - {title: width 256, patch: {gen.base: 256}}\n"
            "  - {title: width 384, patch: {gen: {base: 384}}}\n"
            "  - {title: no cosine, patch: {trainer.lr_schedule: none}}\n"
        )
    )
    assert [i.title for i in made.items] == ["width 256 · no cosine", "width 384"]
    assert (made.varied, made.doubles) == (("gen.base",), 1)


def test_a_pair_shares_the_data_of_its_first_preset() -> None:
    text = "trainer: enhancement\npresets: [old, fixed]\nseeds: 2\nsame_data: {same}\npatch: {data.batch: 4}"
    old, fixed = plan.make(plan.read(text.replace("{same}", "true"))).items[:2]
    assert (old.preset, fixed.preset, old.seed, fixed.seed) == ("old", "fixed", 0, 0)
    data = [{k: v for k, v in flat(i.recipe).items() if k.startswith("data.")} for i in (old, fixed)]
    assert data[0] == data[1]
    assert data[0]["data.batch"] == 4


def test_every_shipped_plan_can_be_made_and_every_trainer_has_old_against_fixed() -> None:
    shipped = plan.shipped()
    for one in shipped:
        if one.sheet.search is None:
            made = plan.make(one.sheet)
            assert len(made.items) == plan.size_of(one.sheet), one.name
        assert one.sheet.title, one.name
        assert one.sheet.source, one.name
    names = {one.name for one in shipped}
    assert {f"{t}/old-against-fixed" for t in ("codec", "enhancement", "cgan", "vae", "tts")} <= names
    assert {"cgan/phase-1", "cgan/phase-2", "cgan/phase-3", "codec/two-by-two"} <= names


def test_phase_2_is_the_documents() -> None:
    made = plan.make(plan.shipped_one("cgan/phase-2").sheet)
    mine = [flat(i.recipe) for i in made.items]
    for name, patches in PHASE_2.items():
        for patch in patches:
            assert flat(compose.build("cgan", "run-b", "tiny", patch)) in mine, (name, patch)


def test_a_two_by_two_is_told_by_its_factors() -> None:
    made = plan.make(plan.shipped_one("codec/two-by-two").sheet)
    assert made.varied == ("architecture", "training")
    assert len({tuple(i.at.values()) for i in made.items}) == 4


def test_every_wrong_item_is_named_with_its_knob() -> None:
    found = problems("trainer: codec\ngrid: {disc.lr: [1e-4, 9], disc.nope: [1]}")
    assert "item 2 (fixed, disc.lr=9" in found["disc.lr"]
    assert "the most is 1" in found["disc.lr"]
    assert "there is no knob 'disc.nope'" in found["disc.nope"]


@pytest.mark.parametrize(
    ("text", "knob", "says"),
    [
        ("", "plan", "empty"),
        ("trainer: [", "plan", "broken YAML"),
        ("- a", "plan", "must be names with values"),
        ("trainer: codex", "trainer", "'codex' is none of the trainers codec"),
        ("trainer: codec\nnope: 1", "nope", "there is no such knob"),
        ("trainer: codec\nseeds: 0", "seeds", "0 is no number of seeds"),
        ("trainer: codec\nseeds: [1, 1]", "seeds", "a seed stands twice"),
        ("trainer: codec\nseeds: [-1]", "seeds", "too small"),
        (
            "trainer: codec\nseeds: 50\ngrid: {feat_weight: [1, 2, 3, 4, 5]}",
            "plan",
            "250 runs and the limit is 200",
        ),
        ("trainer: codec\ngrid: {feat_weight: []}", "grid.feat_weight", "no value"),
        ("trainer: codec\npatch: {seed: 3}", "seed", "line of its own"),
        ("trainer: codec\npreset: old\npresets: [old]", "presets", "not both"),
        ("trainer: codec\npreset: nope", "preset", "presets: "),
        ("trainer: codec\nsize: huge", "size", "none of"),
        ("trainer: codec\npatch: &a {x: 1}\nitems: [*a]", "plan", "aliases are not read"),
        ("trainer: codec\ntext: " + "x" * 70_000, "plan", "64 KiB"),
    ],
)
def test_what_is_wrong_with_a_sheet(text: str, knob: str, says: str) -> None:
    found = problems(text)
    assert any(knob == k or k.startswith(f"{knob}.") for k in found), found
    assert says in " ".join(found.values())


def test_json_is_read_as_well() -> None:
    sheet = plan.read(json.dumps({"trainer": "codec", "grid": {"disc.lr": [1e-4]}}))
    assert len(plan.make(sheet).items) == 1


def test_a_shipped_plan_that_is_none_is_named() -> None:
    for name in ("cgan/phase-9", "../x", "codec/../../files", "x/y"):
        with pytest.raises(BadRecipe, match="none of the shipped plans"):
            plan.shipped_one(name)
