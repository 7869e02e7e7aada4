from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from recipes import groups
from recipes.bands import library
from recipes.base import BadRecipe, diff, flat
from recipes.compose import build, compose, presets, sizes
from recipes.vae import Vae

PRESETS = [p.name for p in presets("vae")]
ADVERSARIAL = "model.adversarial."
JUDGE = "model.discriminator."


def vae(preset: str = "fixed", size: str = "tiny", **patch: Any) -> Vae:
    made = build("vae", preset, size, {k.replace("__", "."): v for k, v in patch.items()})
    assert isinstance(made, Vae)
    return made


def changed(a: str, b: str, size: str = "paper") -> dict[str, Any]:
    found = diff(flat(vae(a, size)), flat(vae(b, size)))
    found.pop("preset")
    return {name: now for name, (_, now) in found.items()}


def refused(*words: str) -> str:
    with pytest.raises(BadRecipe) as caught:
        compose("vae", words)
    return str(caught.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_at_every_size(preset: str) -> None:
    assert sizes("vae") == ("tiny", "small", "paper")
    for size in sizes("vae"):
        made = vae(preset, size)
        assert made.data.crop % made.model.hop == 0


def test_paper_is_the_documents_model_and_discriminator() -> None:
    made = vae("fixed", "paper").model
    assert (made.in_channels, made.base_channels, made.latent_dim, made.kernel_size) == (2, 128, 64, 7)
    assert (made.channel_mults, made.strides, made.dilations) == ([1, 2, 4, 8], [2, 4, 4, 8], [1, 3, 9])
    judge = made.discriminator
    assert (judge.stft_filters, judge.n_ffts) == (32, [2048, 1024, 512, 256, 128])
    assert (judge.msd_scales, judge.mpd_periods) == ([1, 2, 4], [2, 3, 5, 7, 11])
    assert judge.mpd_channels == [32, 128, 512, 1024, 1024]


def test_the_documents_variants() -> None:
    weight, feat, waits = (
        f"{ADVERSARIAL}{n}" for n in ("adversarial_weight", "feature_matching_weight", "warmup_steps")
    )
    assert changed("fixed", "gradual") == {weight: 0.5, waits: 10000}
    assert changed("fixed", "strong") == {weight: 2.0, feat: 15.0}
    assert changed("fixed", "perceptual") == {weight: 0.5, feat: 20.0}
    assert changed("fixed", "staged") == {weight: 0.5, feat: 15.0, waits: 20000}
    assert changed("fixed", "lightweight") == {
        f"{JUDGE}stft_filters": 16,
        f"{JUDGE}use_msd": False,
        f"{JUDGE}mpd_periods": [2, 3, 5],
    }
    old = vae("old", "paper").model.adversarial
    assert (old.adversarial_weight, old.feature_matching_weight, old.warmup_steps) == (0.1, 10.0, 0)


def test_each_rung_of_the_ladder_adds_its_own_knobs() -> None:
    rungs = ["old", *(p for p in PRESETS if p.startswith("ladder-") and p != "ladder-4-balancer")]
    assert [sorted(changed(a, b)) for a, b in pairwise(rungs)] == [
        [f"{JUDGE}use_mpd", f"{JUDGE}use_msd"],
        ["disc.start", f"{ADVERSARIAL}clock", f"{ADVERSARIAL}warmup_steps"],
        ["stft"],
        [f"{ADVERSARIAL}feature_matching_weight", "recon_weight"],
        ["gen.ema"],
    ]


def test_the_documents_command_lines() -> None:
    short = compose("vae", ["trainer.max_epochs=1", "trainer.limit_train_batches=10"]).recipe
    assert isinstance(short, Vae)
    assert short.trainer.total_steps == 10
    asked = compose(
        "vae", ["model.discriminator.mpd_periods=[2]", "model/discriminator=lightweight", "size=paper"]
    )
    assert asked.given == {
        "size": "paper",
        f"{JUDGE}stft_filters": 16,
        f"{JUDGE}use_msd": False,
        f"{JUDGE}use_mpd": True,
        f"{JUDGE}mpd_periods": [2],
    }
    staged = compose("vae", ["model/adversarial_loss_calculator=staged"]).given
    assert staged[f"{ADVERSARIAL}warmup_steps"] == 120


def test_every_variant_of_a_group_composes() -> None:
    for group in Vae.groups:
        for name in groups.variants(Vae, group):
            assert compose("vae", [f"{group}={name}"]).given, (group, name)


def test_other_spellings_say_the_right_one() -> None:
    for value in ("discriminator/lightweight", "lightweight"):
        said = refused(f"model.discriminator={value}")
        assert said == "model.discriminator is a group, not a knob: write model/discriminator=lightweight"
    assert "write model/discriminator=lightweight" in refused("model/discriminator=discriminator/lightweight")
    assert "variants: fixed, ladder-1-config, lightweight, old" in refused("model/discriminator=heavy")
    path = "src.model.discriminators.EncodecDiscriminator.EnCodecDiscriminator"
    assert "here it is _target_=EnCodecDiscriminator" in refused(f"model.discriminator._target_={path}")
    assert "'os.system' is not registered" in refused("model.discriminator._target_=os.system")


def test_deprecated_words_still_work_and_say_so() -> None:
    with pytest.warns(FutureWarning, match="adversarial_weight is deprecated"):
        given = compose("vae", ["adversarial_weight=0.2"]).given
    assert given == {f"{ADVERSARIAL}adversarial_weight": 0.2}


@pytest.mark.parametrize(
    ("patch", "knob", "says"),
    [
        ({"data.crop": 1000}, "data.crop", "1000 is no multiple of 32"),
        ({"model.strides": [4, 8]}, "model.channel_mults", "3 multipliers for 2 strides"),
        ({"model.kernel_size": 4}, "model.kernel_size", "4 is even"),
        ({"model.in_channels": 1}, "model.discriminator.in_channels", "set both alike"),
        ({f"{JUDGE}msd_channels": [12, 8]}, f"{JUDGE}msd_channels", "3 groups, cannot split 12 into 8"),
        ({f"{JUDGE}mpd_periods": [2, 2]}, f"{JUDGE}mpd_periods", "2 is there twice"),
        ({f"{JUDGE}n_ffts": [2048]}, "data.crop", "shorter than the largest window 2048"),
        ({"trainer.best_by": "eval/mels"}, "trainer.best_by", "no series to choose by"),
    ],
)
def test_knobs_that_do_not_fit_say_what_to_do(patch: dict[str, Any], knob: str, says: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        build("vae", patch=patch)
    assert says in {p.knob: p.message for p in caught.value.problems}[knob]


def test_claims_and_publications_are_about_weights_alone() -> None:
    found = {(b.origin, b.series): (b.low, b.high) for b in library("vae") if b.origin != "measured"}
    assert found == {
        ("claimed", "weight/adv"): (0.1, 2.0),
        ("claimed", "weight/feat"): (2.0, 20.0),
        ("published", "weight/adv"): (0.1, 0.1),
        ("published", "weight/feat"): (5.0, 5.0),
    }
