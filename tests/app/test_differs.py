"""What differs: knobs by value and not by spelling, places, runs without a recipe."""

from __future__ import annotations

import pytest

from app import differs
from app.models import Run


def run(recipe=None, environment=None, name="r"):
    return Run(id=name, name=name, recipe=recipe or {}, environment=environment or {})


def test_only_what_differs_is_told_in_the_order_of_knobs():
    a = run({"preset": "old", "disc": {"lr": 1e-4, "clip": 0}, "seed": 3, "feat_weight": 2.0})
    b = run({"preset": "fixed", "disc": {"lr": 1e-3, "clip": 0.0}, "seed": 3, "feat_weight": 10})
    found = differs.between([a, b])
    assert [(k.name, k.values, k.other) for k in found.knobs] == [
        ("disc.lr", ("1e-4", "1e-3"), (False, True)),
        ("feat_weight", ("2", "10"), (False, True)),
    ]
    assert found.total == 4


def test_three_runs_mark_those_that_are_not_like_the_first():
    found = differs.between([run({"a": 1}), run({"a": 2}), run({"a": 1})])
    assert found.knobs[0].other == (False, True, False)


def test_a_knob_that_one_lacks_is_none():
    assert differs.between([run({"a": 1, "b": [2, 3]}), run({"a": 1})]).knobs[0].values == ("2, 3", "none")


def test_places_that_differ_are_told_and_secrets_or_pids_are_not():
    a = run({"a": 1}, {"python": "3.11", "pid": 1, "hostname": "gpu-1", "git_commit": "abc"})
    b = run({"a": 1}, {"python": "3.11", "pid": 2, "hostname": "gpu-2", "git_commit": "abc"})
    assert [p.name for p in differs.between([a, b]).places] == ["hostname"]


@pytest.mark.parametrize(
    ("other", "same"), [({"data": {"root": ""}}, True), ({"data": {"root": "x"}}, False), ({}, None)]
)
def test_whether_the_data_is_the_same(other, same):
    assert differs.between([run({"data": {"root": ""}}), run(other)]).same_data is same


def test_a_run_that_told_no_recipe_is_named():
    assert differs.between([run({"a": 1}), run(name="script")]).missing == ("script",)


def test_changes_against_the_preset():
    mine = run({"disc": {"lr": 1e-3}, "seed": 3, "stranger": 1})
    assert differs.changed(mine, {"disc.lr": 1e-4, "seed": 3}) == (("disc.lr", "1e-3", "1e-4"),)
    assert differs.changed(mine, None) == ()
