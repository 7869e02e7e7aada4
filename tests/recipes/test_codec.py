from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from recipes.base import BadRecipe, diff, flat
from recipes.codec import BEST_BY, Codec
from recipes.compose import build, presets, sizes

PRESETS = [p.name for p in presets("codec")]
TRAINING = {"disc.init", "disc.lr", "disc.input_gain"}
TWICE = "is there twice; each value makes one sub-discriminator"
ARCHITECTURE = {"disc.kind", "feat_weight"}


def codec(preset: str = "fixed", size: str = "tiny", **patch: Any) -> Codec:
    made = build("codec", preset, size, {k.replace("__", "."): v for k, v in patch.items()})
    assert isinstance(made, Codec)
    return made


def changed(a: str, b: str, size: str = "tiny") -> dict[str, tuple[Any, Any]]:
    found = diff(flat(codec(a, size)), flat(codec(b, size)))
    found.pop("preset")
    return found


def problems(**patch: Any) -> dict[str, str]:
    with pytest.raises(BadRecipe) as caught:
        codec(**patch)
    return {p.knob: p.message for p in caught.value.problems}


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_at_every_size(preset: str, size: str) -> None:
    made = codec(preset, size)
    assert (made.preset, made.size) == (preset, size)
    assert made.data.crop % made.hop == 0
    assert sizes("codec") == ("tiny", "small", "paper")


def test_the_square_is_architecture_times_training() -> None:
    for size, rate in (("tiny", 1e-3), ("small", 1e-3), ("paper", 1e-4)):
        training = TRAINING if rate != 1e-4 else TRAINING - {"disc.lr"}
        assert set(changed("old", "old-trained", size)) == training
        assert set(changed("dac-plain", "fixed", size)) == training
        assert set(changed("old", "dac-plain", size)) == ARCHITECTURE
        assert set(changed("old-trained", "fixed", size)) == ARCHITECTURE
        assert codec("fixed", size).disc.lr == rate


def test_old_is_the_documents_recipe() -> None:
    old = codec("old")
    assert (old.loss, old.adv_weight, old.feat_weight) == ("hinge", 1.0, 2.0)
    assert (old.recon_weight, old.vq_weight, old.mel_weight) == (0.1, 1.0, 0.0)
    assert (old.disc.kind, old.disc.init, old.disc.lr, old.disc.input_gain) == (
        "msd_grouped",
        "default",
        1e-4,
        1.0,
    )
    assert codec("fixed").feat_weight == 10.0


def test_each_rung_of_the_ladder_adds_its_own_knobs() -> None:
    rungs = ["old", *(p for p in PRESETS if p.startswith("ladder-"))]
    assert len(rungs) == 6
    steps = [changed(a, b) for a, b in pairwise(rungs)]
    assert steps == [
        {"mel_weight": (0.0, 15.0)},
        {"disc.kind": ("msd_grouped", "msd_grouped_mpd")},
        {
            "disc.kind": ("msd_grouped_mpd", "mpd_stft"),
            "disc.stft_input": ("complex_mag", "complex"),
            "disc.bands": (1, 5),
        },
        {"loss": ("hinge", "least_squares"), "gen.clip": (0.0, 1000.0), "disc.clip": (0.0, 10.0)},
        {"quantizer.kind": ("ema", "dac"), "quantizer.dropout": (0.0, 0.5)},
    ]


def test_tiny_is_the_patch_codec_at_eight_kilobits() -> None:
    tiny = codec()
    assert (tiny.gen.kind, tiny.hop, tiny.gen.channels, tiny.gen.latent) == ("patch", 32, 128, 32)
    assert (tiny.quantizer.codebooks, tiny.quantizer.size, tiny.kbps) == (4, 256, 8.0)
    assert (tiny.data.batch, tiny.data.crop, tiny.trainer.steps_per_epoch) == (8, 2048, 60)
    assert (tiny.gen.lr, tiny.trainer.total_steps) == (1e-3, 600)


def test_paper_is_dac() -> None:
    paper = codec(size="paper")
    assert (paper.gen.encoder_dim, paper.gen.decoder_dim, paper.hop) == (64, 1536, 512)
    assert paper.kbps == pytest.approx(7.752, abs=0.001)
    assert paper.disc.mpd_channels == [32, 128, 512, 1024, 1024]
    assert (paper.gen.lr, paper.gen.beta1, paper.gen.beta2) == (1e-4, 0.8, 0.99)
    assert (paper.gen.clip, paper.disc.clip, paper.trainer.gamma) == (1e3, 10.0, 0.999996)
    assert paper.trainer.total_steps == 400_000


def test_steps_go_before_epochs() -> None:
    assert codec(trainer__max_steps=20).trainer.total_steps == 20


@pytest.mark.parametrize(
    ("patch", "knob", "message"),
    [
        ({"data__crop": 2050}, "data.crop", "2050 is no multiple of gen.hop 32; take 2048 or 2080"),
        (
            {"size": "paper", "data__crop": 16897},
            "data.crop",
            "16897 is no multiple of 512, the product of gen.encoder_rates [2, 4, 8, 8]; take 16896 or 17408",
        ),
        (
            {"size": "small", "gen__decoder_rates": [8, 8, 4]},
            "gen.decoder_rates",
            "the decoder makes 256 samples of a frame and the encoder takes 512; both products must be equal",
        ),
        (
            {"gen__hop": 1024, "data__rate_hz": 4000},
            "data.rate_hz",
            "at 4000 Hz a frame of 1024 samples is longer than a quarter of a second; raise the rate or "
            "lower the strides",
        ),
        (
            {"preset": "old", "disc__msd_groups": [2, 8, 32]},
            "disc.msd_groups",
            "3 groups for 5 channels; there must be 4",
        ),
        (
            {"preset": "old", "disc__msd_groups": [4, 8, 32, 128]},
            "disc.msd_groups",
            "4 groups cannot split 2 into 8 channels; a group must divide both",
        ),
        (
            {"preset": "old", "disc__num_scales": 8},
            "disc.num_scales",
            None,
        ),
        (
            {"disc__n_ffts": [4096, 256]},
            "data.crop",
            "a crop of 2048 samples is shorter than the largest window 4096 of disc.n_ffts; make data.crop "
            "at least 4096 or the windows shorter",
        ),
        ({"disc__periods": [2, 3, 2]}, "disc.periods", f"2 {TWICE}"),
        ({"disc__n_ffts": [256, 256]}, "disc.n_ffts", f"256 {TWICE}"),
        (
            {"disc__start": 600},
            "disc.start",
            "the run ends at step 600, so that the discriminator would never train; set disc.start below "
            "that",
        ),
        (
            {"data__slots": 9},
            "data.slots",
            "9 clips cannot be kept of the 8 that are evaluated (data.eval_items)",
        ),
        (
            {"trainer__best_by": "eval/melx"},
            "trainer.best_by",
            "'eval/melx' is no series to choose by; take one of eval/mel, eval/si_sdr, eval/snr, "
            "eval/pesq_nb, eval/pesq_wb",
        ),
        ({"trainer__max_epochs": 0}, "trainer.max_epochs", "0 is too small; the least is 1"),
        ({"disc__periods": []}, "disc.periods", "the list needs 1 values or more, not 0"),
        ({"disc__periods": [2, 99]}, "disc.periods", "value 2 of the list: 99 is too large; the most is 64"),
        ({"loss": "bce"}, "loss", "'bce' is none of hinge, least_squares"),
    ],
)  # fmt: skip
def test_knobs_that_do_not_fit_say_what_to_do(patch: dict[str, Any], knob: str, message: str | None) -> None:
    if message is None:  # eight scales fit where the crop is long enough
        assert codec(**patch, data__crop=4096).disc.num_scales == 8
        assert "at scale 8 a crop of 1024 samples has 8 left" in problems(**patch, data__crop=1024)[knob]
    else:
        assert problems(**patch)[knob] == message


def test_only_the_discriminator_in_use_is_checked() -> None:
    assert codec("fixed", disc__msd_groups=[3, 3, 3, 3]).disc.parts == ("mpd", "stft")
    assert codec("old", disc__n_ffts=[4096], disc__periods=[2, 2]).disc.parts == ("msd",)


def test_what_chooses_the_best_has_a_better_direction() -> None:
    assert "eval/mel" in BEST_BY
    assert "eval/amplitude" not in BEST_BY
