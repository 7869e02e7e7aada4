"""The enhancer's presets, one attributed group a rung, and knobs that do not fit each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from nashboard import vocabulary
from recipes.bands import claimed_points, library
from recipes.base import BadRecipe, diff, flat
from recipes.command import command
from recipes.compose import build, presets
from recipes.enhancement import Enhancement

PRESETS = [p.name for p in presets("enhancement")]


def made(preset: str = "fixed", size: str = "tiny", **patch: Any) -> Enhancement:
    recipe = build("enhancement", preset, size, {k.replace("__", "."): v for k, v in patch.items()})
    assert isinstance(recipe, Enhancement)
    return recipe


def changed(a: str, b: str, size: str = "tiny") -> dict[str, tuple[Any, Any]]:
    found = diff(flat(made(a, size)), flat(made(b, size)))
    found.pop("preset")
    return found


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_at_every_size(preset: str, size: str) -> None:
    recipe = made(preset, size)
    assert command(recipe, run_dir="r")[:3] == ["enhancement", f"preset={preset}", f"size={size}"]


def test_each_rung_of_the_ladder_is_one_group() -> None:
    rungs = ["old", *(p for p in PRESETS if p.startswith("ladder-")), "fixed"]
    assert [changed(a, b) for a, b in pairwise(rungs)] == [
        {"data.eval_crop": ("random", "centre")},
        {"time_reference": ("raw", "normalised"), "gen.keep_length": (False, True)},
        {"pesq.failures": ("batch", "item")},
        {"disc.noisy_anchor": (False, True), "disc.replay": (0.0, 0.2)},
        {"trainer.best_by": ("eval/loss", "eval/pesq")},
        {"adv_weight": (0.05, 0.2)},
    ]
    assert changed("old", "ladder-1-eval", "paper") == {"data.eval_crop": ("random", "whole")}


def test_the_documents_two_advices_stand_alone() -> None:
    assert changed("old", "more-gan") == {"adv_weight": (0.05, 0.2)}
    assert changed("old", "no-silent-filter") == {"pesq.failures": ("batch", "keep")}
    said = {p.name: p for p in presets("enhancement")}["no-silent-filter"]
    assert "harmful" in said.title
    assert said.label.startswith("Harmful")


def test_paper_is_cmgan() -> None:
    old = made("old", "paper")
    assert (old.ri_weight, old.mag_weight, old.time_weight, old.adv_weight) == (0.1, 0.9, 0.2, 0.05)
    assert (old.gen.n_fft, old.gen.hop, old.gen.channels, old.gen.blocks, old.gen.norm) == (
        400,
        100,
        64,
        4,
        "batch",
    )
    assert (old.gen.lr, old.disc.lr, old.trainer.lr_every, old.trainer.lr_factor) == (5e-4, 1e-3, 30, 0.5)
    assert (old.data.crop, old.data.rate_hz, old.trainer.max_epochs) == (32000, 16000, 120)
    assert not old.gen.identity


def test_the_best_is_chosen_by_the_pesq_of_the_rate() -> None:
    assert made(data__rate_hz=8000).best_by == "eval/pesq_nb"
    assert made(data__rate_hz=16000).best_by == "eval/pesq_wb"
    assert made("old").best_by == "eval/loss"
    for chosen in ("eval/pesq", "eval/loss", "eval/si_sdr", "eval/stoi"):
        assert vocabulary.describe(made(trainer__best_by=chosen).best_by).better


@pytest.mark.parametrize(
    ("patch", "knob", "says"),
    [
        ({"gen__n_fft": 250}, "gen.n_fft", "250 is no multiple of 4"),
        ({"gen__hop": 200}, "gen.hop", "a hop of 200 leaves gaps between windows of 256; take 128 at most"),
        ({"data__crop": 512, "gen__n_fft": 512}, "data.crop", "shorter than two windows"),
        ({"gen__kernel": 10}, "gen.kernel", "10 is even; take 11"),
        ({"data__slots": 9}, "data.slots", "9 clips cannot be kept of the 8"),
        ({"pesq__failures": "none"}, "pesq.failures", "'none' is none of"),
        ({"pesq__lag": -1}, "pesq.lag", "-1 is too small"),
    ],
)
def test_knobs_that_do_not_fit_say_what_to_do(patch: dict[str, Any], knob: str, says: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        made(**patch)
    assert says in {p.knob: p.message for p in caught.value.problems}[knob]


def test_logged_and_published_figures_are_all_there() -> None:
    assert {(p.series, p.x): p.value for p in claimed_points("enhancement")} == {
        ("eval/pesq_wb", 0): 2.45, ("eval/pesq_wb", 6): 2.64, ("eval/pesq_wb", 14): 2.07,
    }  # fmt: skip
    found = [b for b in library("enhancement") if b.origin == "published"]
    by = {(b.name, b.series): b.low for b in found}
    assert by["CMGAN", "eval/pesq_wb"] == 3.41
    assert by["MetricGAN+", "eval/covl"] == 3.64
    assert by["Noisy speech", "eval/ssnr"] == 1.68
    assert {n for n, _ in by} >= {"SEGAN", "MetricGAN", "DB-AIAT", "CMGAN reproduced (issue 33)"}
    assert all(b.rate_hz == 16000 and "824 whole" in b.note for b in found)
    assert all(b.misfit(made()) for b in found)
    assert not any(b.misfit(made(size="paper")) for b in found)
