"""Questions to a recipe before the launch."""

from __future__ import annotations

from typing import Any

import pytest

from doctor.lint import lint

QUIET = {"disc.init": "default", "data.rms": 0.1, "disc.input_gain": 1.0, "disc.lr": 1e-4}
BASE = {"trainer.max_steps": 1000, "data.rate_hz": 16_000}


@pytest.mark.parametrize(
    ("recipe", "trainer", "code", "knob"),
    [
        ({"disc.start": 900}, "codec", "lint-warmup", "disc.start"),
        ({"mel_weight": 0.0}, "codec", "lint-no-mel", "mel_weight"),
        ({"trainer.gamma": 0.99}, "codec", "lint-lr-dies", "trainer.gamma"),
        ({"sched.kind": "cosine"}, "cgan", "lint-lr-dies", "sched.kind"),
        ({"loss": "wgan"}, "cgan", "lint-wgan", "loss"),
        ({"loss": "wasserstein", "gp_weight": 0.0}, "cgan", "lint-wgan", "gp_weight"),
        ({"gen.out_scale": 0.1, "gen.out_spectral_norm": True}, "cgan", "lint-scaled-tanh", "gen.out_scale"),
        ({"data.crop": 2048}, "enhancement", "lint-short-pesq", "data.crop"),
        (QUIET, "codec", "lint-quiet-disc", "disc.init"),
        ({"data.mel_scale": "log1p"}, "tts", "lint-mel-scale", "data.mel_scale"),
        ({"gen.head": "relu"}, "tts", "lint-mel-scale", "gen.head"),
    ],
)  # fmt: skip
def test_a_questionable_knob_is_named(recipe: dict[str, Any], trainer: str, code: str, knob: str) -> None:
    assert [(x.finding.code, x.knob) for x in lint(BASE | recipe, trainer)] == [(code, knob)]


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"mel_weight": 15.0, "disc.start": 100, "trainer.gamma": 0.999},
        {"loss": "wasserstein", "gp_weight": 10.0},
        {"gen.out_scale": 0.1, "gen.out_spectral_norm": False},
        {"data.crop": None, "trainer.max_steps": None},
    ],
)
def test_a_sound_recipe_passes(recipe: dict[str, Any]) -> None:
    assert lint(BASE | recipe, "codec") == []
