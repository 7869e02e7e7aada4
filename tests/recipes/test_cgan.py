"""The conditional GAN's recipe: the document's numbers, what each preset changes, and what cannot be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from nashboard import vocabulary
from recipes.bands import claimed_points, library
from recipes.base import BadRecipe, diff, flat
from recipes.cgan import BEST_BY, PHASE_2, Cgan
from recipes.compose import build, presets, sizes

PRESETS = [p.name for p in presets("cgan")]
SHA = "0123456789abcdef" * 4


def cgan(preset: str = "fixed", size: str = "tiny", **patch: Any) -> Cgan:
    made = build("cgan", preset, size, {k.replace("__", "."): v for k, v in patch.items()})
    assert isinstance(made, Cgan)
    return made


def changed(a: str, b: str, size: str = "tiny") -> dict[str, tuple[Any, Any]]:
    found = diff(flat(cgan(a, size)), flat(cgan(b, size)))
    found.pop("preset")
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_at_every_size(preset: str) -> None:
    for size in ("tiny", "small", "paper"):
        made = cgan(preset, size)
        assert (made.preset, made.size) == (preset, size)
    assert sizes("cgan") == ("tiny", "small", "paper")


def test_old_is_the_documents_recipe() -> None:
    old = cgan("old", "small")
    assert (old.loss, old.trainer.n_critic, old.trainer.lr_schedule) == ("hinge", 2, "cosine")
    assert (old.gen.lr, old.disc.lr, old.gen.beta1, old.gen.beta2) == (1e-4, 4e-4, 0.0, 0.999)
    assert (old.gen.base, old.disc.base, old.gen.latent, old.gen.embed) == (256, 64, 128, 64)
    assert (old.gen.attention, old.disc.attention, old.data.batch) == (8, 16, 128)
    assert (old.gen.final_sn, old.gen.final_gain, old.gen.final_relu) == (True, 1.0, False)
    assert (old.disc.noise_std, old.disc.noise_until) == (0.1, 0.5)
    assert old.augment == type(old.augment)()


def test_the_documents_configurations_differ_by_what_it_names() -> None:
    last = {"gen.final_sn": (True, False), "gen.final_gain": (1.0, 0.1)}
    assert changed("old", "run-a") == last
    assert changed("old", "run-b") == last | {
        "gen.lr": (1e-4, 2e-4),
        "disc.base": (64, 32),
        "disc.noise_std": (0.1, 0.15),
        "disc.noise_until": (0.5, 1.0),
        "disc.lr": (4e-4, 2e-4),
        "trainer.n_critic": (2, 1),
        "trainer.lr_schedule": ("cosine", "none"),
    }
    for size in ("tiny", "small", "paper"):
        assert changed("run-b", "fixed", size) == {}
    assert changed("run-a", "capacity-a") == {"disc.base": (64, 32)}
    assert changed("run-a", "capacity-b") == {"gen.base": (256, 512)}
    assert changed("run-a", "capacity-c") == {"gen.base": (256, 384), "disc.base": (64, 48)}
    assert changed("old", "gain-10") == {"gen.final_sn": (True, False), "gen.final_gain": (1.0, 10.0)}


def test_each_rung_of_the_ladder_adds_its_own_knobs() -> None:
    rungs = ["old", *(p for p in PRESETS if p.startswith("ladder-"))]
    assert [changed(a, b) for a, b in pairwise(rungs)] == [
        {"gen.final_sn": (True, False), "gen.final_gain": (1.0, 0.1), "gen.final_relu": (False, True)},
        {"gen.lr": (1e-4, 2e-4), "disc.lr": (4e-4, 2e-4), "trainer.lr_schedule": ("cosine", "none")},
        {
            "disc.noise_std": (0.1, 0.0),
            "augment.translation": (False, True),
            "augment.cutout": (False, True),
        },
        {
            "gen.condition": ("concat", "cbn"),
            "gen.ema": (0.95, 0.99),
            "disc.condition": ("concat", "projection"),
        },
        {"gen.kind": ("document", "big_resnet"), "disc.kind": ("document", "big_resnet")},
    ]


def test_paper_has_studiogans_widths_and_length() -> None:
    for preset in ("old", "fixed", "studiogan"):
        paper = cgan(preset, "paper")
        assert (paper.gen.width, paper.disc.width, paper.gen.latent, paper.gen.embed) == (384, 192, 80, 128)
        assert (paper.trainer.total_steps, paper.score.images, paper.data.batch) == (100_000, 50_000, 64)
    studio = cgan("studiogan", "paper")
    assert (studio.trainer.n_critic, studio.gen.lr, studio.gen.beta1) == (5, 2e-4, 0.5)
    assert (studio.gen.ema, studio.gen.ema_start, studio.data.flip) == (0.9999, 1000, True)


def test_phase_2_is_patches_on_run_b() -> None:
    assert [p["gen.base"] for p in PHASE_2["capacity"]] == [256, 384, 512]
    built = {name: [build("cgan", "run-b", "small", p) for p in patches] for name, patches in PHASE_2.items()}
    rates = [r.gen.lr / r.disc.lr for r in built["lr ratio"] if isinstance(r, Cgan)]
    assert rates == pytest.approx([1.0, 0.5, 0.25])
    critics = [(r.loss, r.trainer.n_critic) for r in built["loss"] if isinstance(r, Cgan)]
    assert critics == [("hinge", 1), ("wasserstein", 5)]
    assert len(built["cosine"]) == 2


def test_steps_cut_a_run_and_leave_its_plan() -> None:
    made = cgan(trainer__max_steps=20)
    assert (made.trainer.total_steps, made.trainer.planned_steps) == (20, 600)


@pytest.mark.parametrize(
    ("patch", "knob", "message"),
    [
        (
            {"gen__kind": "big_resnet", "gen__latent": 30},
            "gen.latent",
            "big_resnet splits z in four equal parts and 30 has none; take 28 or 32",
        ),
        (
            {"score__inception": "w.pth"},
            "score.inception_sha256",
            "weights count with their checksum only; set score.inception and score.inception_sha256, or neither",
        ),
        (
            {"score__inception": "w.pth", "score__inception_sha256": "12"},
            "score.inception_sha256",
            "'12' is no SHA-256: 64 hex digits, as sha256sum prints them",
        ),
        (
            {"trainer__best_by": "eval/fid"},
            "trainer.best_by",
            "'eval/fid' is no series to choose by; take one of eval/fd_classifier, eval/kid_classifier, "
            "eval/precision_classifier, eval/recall_classifier, eval/class_consistency; FID needs "
            "score.inception",
        ),
        ({"loss": "bce"}, "loss", "'bce' is none of hinge, vanilla, least_squares, wasserstein"),
        ({"gen__attention": 4}, "gen.attention", "4 is none of 0, 8 or 16"),
        ({"trainer__n_critic": 0}, "trainer.n_critic", "0 is too small; the least is 1"),
    ],
)
def test_knobs_that_do_not_fit_say_what_to_do(patch: dict[str, Any], knob: str, message: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        cgan(**patch)
    found = {p.knob: p.message for p in caught.value.problems}[knob]
    assert found.replace(" or ", " ").replace(",", "") == message.replace(" or ", " ").replace(",", "")


def test_fid_may_choose_where_there_is_inception() -> None:
    made = cgan(score__inception="a=b,c(1).pth", score__inception_sha256=SHA, trainer__best_by="eval/fid")
    assert made.score.inception == "a=b,c(1).pth"
    assert "eval/fid" in BEST_BY


def test_the_documents_claims_and_logs() -> None:
    claimed = {b.series: (b.low, b.high) for b in library("cgan") if b.origin == "claimed"}
    assert claimed == {
        "eval/fid": (10, 30), "eval/is": (7, 9), "eval/saturation": (0, 0.2), "gen/param_ratio": (0.5, 1.5),
    }  # fmt: skip
    logged = {(p.series, p.x): p.value for p in claimed_points("cgan")}
    assert [logged["loss/disc", e] for e in (1, 50, 100, 200)] == [1.17, 0.90, 0.64, 0.38]
    assert [logged["loss/gen", e] for e in (1, 50, 100, 200)] == [0.48, 1.11, 1.38, 1.40]
    assert [logged["disc/sign.real", e] for e in (1, 50, 100, 200)] == [0.69, 0.92, 0.94, 0.93]
    assert [logged["disc/sign.fake", e] for e in (1, 50, 100, 200)] == [0.82, 0.75, 0.83, 0.95]
    assert all(p.side == "old" and p.note for p in claimed_points("cgan"))


def test_the_published_table() -> None:
    found = {(b.name, b.series): b.low for b in library("cgan") if b.origin == "published" and not b.runs}
    assert found["BigGAN", "eval/fid"] == 4.16
    assert found["StyleGAN2-ADA", "eval/recall"] == 0.69
    assert len({name for name, _ in found}) == 10
    assert all(
        "50,000 images against the training set" in b.note for b in library("cgan") if b.name and not b.runs
    )


def test_every_claimed_series_is_in_the_vocabulary() -> None:
    for band in library("cgan"):
        assert vocabulary.describe(band.series).title != band.series
