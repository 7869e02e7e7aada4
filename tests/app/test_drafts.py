"""Drafts of a launch: read from a form, checked whole, kept over a change of presets, asked of the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import drafts
from app.drafts import Draft, asked, check, fresh, read
from recipes import plan
from recipes.base import flat

SHOWN = ("shown", "codec tiny old fixed")
PAIR = [("trainer", "codec"), ("size", "tiny"), ("preset", "old"), ("preset", "fixed"), SHOWN]


def problems(checked: drafts.Checked) -> dict[str, str]:
    return {p.knob: p.message for _, p in checked.problems}


def test_a_query_without_anything_is_the_pair_at_tiny() -> None:
    draft = read([])
    assert (draft.trainer, draft.presets, draft.size) == ("codec", ("old", "fixed"), "tiny")
    checked = check(draft, [])
    assert checked.problems == ()
    assert set(checked.recipes) == {"old", "fixed"}


def test_a_form_is_read_and_unknown_names_are_passed_over() -> None:
    draft = read(
        [
            *PAIR,
            ("seed", " 3 "),
            ("knob:data.root", "/x"),
            ("knob:disc.lr", "1"),
            ("side:old:disc.lr", "2"),
            ("tags", "a, b,,a "),
            ("nonsense", "x"),
            ("side:broken", "y"),
            ("name", "n\x00m"),
        ]
    )
    assert (draft.seed, draft.root, draft.name) == ("3", "/x", "nm")
    assert draft.typed.both == {"disc.lr": "1"}
    assert draft.typed.sides == {("old", "disc.lr"): "2"}
    assert draft.tag_list == ["a", "b", "a"]
    assert fresh(draft)


def test_no_preset_ticked_is_a_problem_and_not_the_default() -> None:
    draft = read([("trainer", "codec"), ("size", "tiny"), SHOWN])
    assert draft.presets == ()
    assert "no preset is chosen" in problems(check(draft, []))["preset"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    draft = read(
        [
            *PAIR,
            ("seed", "-1"),
            ("knob:disc.lr", "1e33"),
            ("knob:trainer.max_steps", "three"),
            ("knob:gen.lr", ""),
            ("side:old:feat_weight", "-2"),
            ("knob:data.root", "/etc"),
        ]
    )
    checked = check(draft, [Path("/srv/audio")])
    found = problems(checked)
    assert set(found) == {"seed", "disc.lr", "trainer.max_steps", "feat_weight", "data.root"}
    assert "'three' is not a whole number" in found["trainer.max_steps"]
    assert "/srv/audio" in found["data.root"]
    assert [p for p, problem in checked.problems if problem.knob == "feat_weight"] == ["old"]
    assert len(checked.problems) == 5, "what both sides have from one field is said once"
    assert checked.recipes == {}


@pytest.mark.parametrize(
    ("pairs", "knob", "said"),
    [
        ([("trainer", "nonsense")], "trainer", "there is no trainer 'nonsense'; choose one of"),
        ([("size", "huge")], "size", "choose one of tiny, small, paper"),
        ([("preset", "nonsense")], "preset", "there is no preset 'nonsense'; choose one of old"),
        ([("preset", "old"), ("preset", "fixed"), ("preset", "dac-plain")], "preset", "3 presets are chosen"),
        ([("knob:no.such", "1")], "no.such", "there is no knob"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(
    pairs: list[tuple[str, str]], knob: str, said: str
) -> None:
    checked = check(read(pairs), [])
    assert said in problems(checked)[knob]


def test_presets_chosen_anew_keep_what_was_typed_and_nothing_else() -> None:
    sent = [
        ("trainer", "codec"),
        ("size", "small"),
        ("preset", "fixed"),
        SHOWN,
        ("knob:trainer.max_steps", "7"),
        ("knob:disc.stft_channels", "4"),
        ("side:fixed:disc.lr", "2e-4"),
        ("side:old:disc.lr", "9e-4"),
    ]
    draft = read(sent)
    assert not fresh(draft)
    checked = check(draft, [])
    assert checked.draft.typed.both == {"trainer.max_steps": "7"}, "4 was the tiny preset's own value"
    assert checked.draft.typed.sides == {("fixed", "disc.lr"): "2e-4"}
    assert asked(checked)["preset"] == "fixed"


def test_a_pair_is_asked_with_what_is_common_and_what_is_one_sides_own() -> None:
    draft = read(
        [
            *PAIR,
            ("knob:trainer.max_steps", "20"),
            ("knob:adv_weight", "1"),
            ("side:old:disc.lr", "2e-4"),
            ("seed", "3"),
            ("name", "n"),
            ("tags", "a,b"),
            ("project", ""),
        ]
    )
    assert asked(check(draft, [])) == {
        "trainer": "codec",
        "size": "tiny",
        "presets": ["old", "fixed"],
        "patch": {"trainer.max_steps": "20", "seed": "3"},
        "sides": {"old": {"disc.lr": "2e-4"}},
        "name": "n",
        "project": "default",
        "tags": ["a", "b"],
        "device": "auto",
    }


def test_one_preset_is_asked_alone() -> None:
    request = asked(check(Draft(presets=("fixed",)), []))
    assert request["preset"] == "fixed"
    assert "presets" not in request
    assert "sides" not in request


def test_every_size_says_what_it_is() -> None:
    assert all(drafts.size_text("codec", size) for size in ("tiny", "small", "paper"))


def test_seeds_make_a_plan_of_the_pair_with_the_same_data() -> None:
    draft = drafts.read(
        [("preset", "old"), ("preset", "fixed"), ("seed", "5"), ("seeds", "3"), ("knob:data.batch", "4"),
         ("side:fixed:disc.lr", "2e-4")]
    )  # fmt: skip
    checked = drafts.check(draft, [])
    assert (checked.problems, draft.repeats) == ((), 3)
    asked = drafts.planned(checked)
    sheet = plan.of(asked["plan"])
    made = plan.make(sheet)
    assert [(i.preset, i.seed) for i in made.items] == [(p, s) for s in (5, 6, 7) for p in ("old", "fixed")]
    assert [flat(i.recipe)["data.batch"] for i in made.items] == [4] * 6
    assert [flat(i.recipe)["disc.lr"] for i in made.items[:2]] == [1e-4, 2e-4]
    assert sheet.title == "old against fixed, 3 seeds"


@pytest.mark.parametrize("text", ["0", "51", "x", "1.5", "-1", "9" * 50])
def test_a_number_of_seeds_that_is_none(text: str) -> None:
    problems = drafts.check(drafts.read([("preset", "old"), ("seeds", text)]), []).problems
    assert [(p.knob, "no number of seeds" in p.message) for _, p in problems] == [("seeds", True)]
