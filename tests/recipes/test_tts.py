"""FastSpeech2's recipe: presets, the ladder's single steps, rates, refused combinations, bands."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from recipes.bands import claimed_points, library
from recipes.base import BadRecipe, diff, flat
from recipes.compose import build, presets
from recipes.tts import Tts

LADDER = ["old", *sorted(p.name for p in presets("tts") if p.name.startswith("ladder-")), "fixed"]


def tts(preset: str = "fixed", size: str = "tiny", **patch: Any) -> Tts:
    made = build("tts", preset, size, {k.replace("__", "."): v for k, v in patch.items()})
    assert isinstance(made, Tts)
    return made


def problem(preset: str = "fixed", **patch: Any) -> dict[str, str]:
    with pytest.raises(BadRecipe) as caught:
        tts(preset, **patch)
    return {p.knob: p.message for p in caught.value.problems}


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
@pytest.mark.parametrize("preset", [p.name for p in presets("tts")])
def test_every_preset_is_valid_at_every_size(preset: str, size: str) -> None:
    made = tts(preset, size)
    assert (made.preset, made.size) == (preset, size)


def test_a_step_of_the_ladder_changes_what_it_says() -> None:
    steps = {}
    for below, above in pairwise(LADDER):
        changed = diff(flat(tts(below)), flat(tts(above)))
        steps[above] = sorted(set(changed) - {"preset"})
    assert steps == {
        "ladder-1-log": ["gen.allow_unreachable", "mel.gain", "mel.power", "mel.scale"],
        "ladder-2-linear": ["gen.activation", "gen.allow_unreachable"],
        "ladder-3-masks": ["gen.energy", "gen.pitch", "masked"],
        "ladder-4-weights": ["duration_weight", "energy_weight", "pitch_stats_weight", "pitch_weight"],
        "ladder-5-noam": ["gen.clip", "trainer.schedule", "trainer.warmup"],
        "fixed": [],
    }


def test_the_documents_fix_is_what_its_table_says() -> None:
    old, new = tts("old"), tts("document")
    assert (old.mel.scale, old.gen.activation, old.trainer.accumulate) == ("log1p", "relu", 1)
    assert set(old.weights().values()) == {1.0}
    assert (new.mel.scale, new.mel.eps, new.gen.activation, new.trainer.accumulate) == (
        *("log_eps", 1e-9, "none", 4),
    )
    rest = {k: v for k, v in new.weights().items() if k not in ("mel", "postnet")}
    assert (new.mel_weight, set(rest.values())) == (45.0, {1.0})
    assert {"duration", "pitch_spectrogram", "pitch_mean", "pitch_std", "energy"} == set(rest)
    # an epoch sees as much data, in a quarter of the updates
    assert new.trainer.steps_per_epoch * 4 == old.trainer.steps_per_epoch


@pytest.mark.parametrize("scale", ["log_eps", "log_clamp"])
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_a_head_that_cannot_reach_its_targets_is_refused(scale: str, activation: str) -> None:
    told = problem(mel__scale=scale, gen__activation=activation)
    assert "gives no negative value" in told["gen.activation"]
    assert "mel.scale=log1p" in told["gen.activation"]
    assert tts(mel__scale=scale, gen__activation=activation, gen__allow_unreachable=True).blind
    assert not tts("old").blind


def test_schedules() -> None:
    noam = tts(trainer__schedule="noam", trainer__warmup=100).trainer
    assert [noam.rate(s) for s in (1, 50, 100, 400)] == pytest.approx([0.01, 0.5, 1.0, 0.5])
    cosine = tts(trainer__schedule="cosine", trainer__warmup=10, trainer__max_steps=100).trainer
    assert cosine.rate(5) < cosine.rate(10)
    assert [cosine.rate(s) for s in (50, 100)] == pytest.approx([0.5, 0.0])
    assert {tts("old").trainer.rate(s) for s in (1, 10, 500)} == {1.0}


@pytest.mark.parametrize(
    ("patch", "knob"),
    [
        ({"gen__heads": 3}, "gen.heads"),
        ({"gen__kernels": [4, 1]}, "gen.kernels"),
        ({"mel__hop": 600}, "mel.hop"),
        ({"data__rate_hz": 8000}, "mel.high"),
        ({"data__slots": 9}, "data.slots"),
        ({"disc__start": 10**6}, "disc.start"),
        ({"trainer__best_by": "eval/nothing"}, "trainer.best_by"),
        ({"mel__eps": 0.0}, "mel.eps"),
        ({"data__voice": "en us; rm"}, "data.voice"),
    ],
)
def test_what_does_not_fit_is_named(patch: dict[str, Any], knob: str) -> None:
    assert set(problem(**patch)) == {knob}


def test_all_weights_of_zero_are_refused() -> None:
    names = ("mel_weight", "postnet_weight", "duration_weight", "pitch_weight", "energy_weight")
    zeros: dict[str, Any] = dict.fromkeys(names, 0.0)
    assert "nothing to learn" in problem(**zeros)["mel_weight"]


def test_bands_carry_the_documents_claims_and_why_they_are_refuted() -> None:
    bands = {b.series: b for b in library("tts") if b.origin == "claimed"}
    assert (bands["data/target_min"].low, bands["data/target_min"].high) == (-10, 10)
    assert "-20.7" in bands["data/target_min"].note
    assert [(p.series, p.value) for p in claimed_points("tts")] == [("loss/gen", 7.0)]
    assert {b.name for b in library("tts") if b.origin == "published"} == {"FastPitch", "FastSpeech 2"}
