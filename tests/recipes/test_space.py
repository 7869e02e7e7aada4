"""The space of a search: bounds from the knob, both ends tried, choices, and what cannot be searched."""

from __future__ import annotations

from typing import Any

import pytest

from recipes import compose, plan, space
from recipes.base import BadRecipe


def axes(knobs: dict[str, Any], **more: Any) -> list[space.Axis]:
    values = {"trainer": "cgan", "search": {"knobs": knobs, "objective": "eval/fd_classifier", **more}}
    sheet = plan.of(values)
    assert sheet.search is not None
    return space.axes(sheet.search, compose.build("cgan"))


def test_bounds_and_choices_come_from_the_knob_where_nothing_is_said() -> None:
    found = {
        a.knob: a
        for a in axes({"gen.scale": {"low": 0.1}, "loss": None, "data.flip": None, "gen.ema_start": None})
    }
    assert (found["gen.scale"].kind, found["gen.scale"].low, found["gen.scale"].high) == ("float", 0.1, 4.0)
    assert found["loss"].choices == ["hinge", "vanilla", "least_squares", "wasserstein"]
    assert found["data.flip"].choices == [True, False]
    assert (found["gen.ema_start"].kind, found["gen.ema_start"].high) == ("int", 1e9)


def test_the_better_direction_is_the_vocabularys_unless_said() -> None:
    def better(**more: Any) -> str:
        sheet = plan.of({"trainer": "cgan", "search": {"knobs": {"loss": None}, **more}})
        assert sheet.search is not None
        return sheet.search.better

    assert better(objective="eval/fd_classifier") == "down"
    assert better(objective="eval/class_consistency") == "up"
    assert better(objective="my/own", direction="maximize") == "up"
    with pytest.raises(BadRecipe, match="say direction"):
        better(objective="my/own")


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"gen.nope": None}, "there is no knob 'gen.nope'"),
        ({"seed": None}, "cannot be searched"),
        ({"data.root": None}, "cannot be searched"),
        ({"gen.lr": {"low": 0.5, "high": 3}}, "the most is 1"),
        ({"gen.lr": {"low": 0.0}}, "must be more than 0"),
        ({"gen.lr": {"low": 0.5, "high": 0.1}}, "low must be below high"),
        ({"gen.beta1": {"low": 0.0, "high": 0.5, "log": True}}, "above 0"),
        ({"trainer.n_critic": {"low": 1.5, "high": 3}}, "whole number"),
        ({"gen.lr": {"low": 0.1, "high": 0.2, "step": 1.0}}, "step 1"),
        ({"loss": {"choices": ["hinge"]}}, "two different choices"),
        ({"loss": {"choices": ["hinge", "hinged"]}}, "none of"),
        ({"loss": {"low": 1.0, "high": 2.0}}, "not both"),
        ({"score.inception_sha256": None}, "is str"),
    ],
)
def test_what_cannot_be_searched(knobs: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRecipe, match=says):
        axes(knobs)


def test_an_optional_whole_number_can_be_searched() -> None:
    (axis,) = axes({"trainer.max_steps": {"low": 10, "high": 90, "step": 20}})
    assert (axis.kind, axis.low, axis.high, axis.step) == ("int", 10, 90, 20)


def test_a_search_takes_no_grid_and_few_trials() -> None:
    one = {"knobs": {"loss": None}, "objective": "eval/fid"}
    with pytest.raises(BadRecipe, match="a search takes one preset"):
        plan.of({"trainer": "cgan", "grid": {"gen.lr": [1e-3]}, "search": one})
    with pytest.raises(BadRecipe, match="the most is 200"):
        plan.of({"trainer": "cgan", "search": {**one, "trials": 201}})
