"""The conditional GAN's loop: what a run journals, that a seed fixes it, and that a resumed run is the same run."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from nashboard.vocabulary import describe
from recipes.compose import build
from tests.trainers.support import differences, equal, noticed
from trainers.cgan import train
from trainers.cgan.train import Training
from trainers.kit.schedules import cosine

Cgan = Callable[..., Any]
EVALUATED = (
    *("eval/fd_classifier", "eval/kid_classifier", "eval/precision_classifier", "eval/recall_classifier"),
    *("eval/class_consistency", "eval/saturation", "eval/saturation.real", "eval/pure_colour"),
    *("eval/pure_colour.real", "eval/pre_tanh_std", "eval/tanh_slope", "eval/disc_acc.real"),
    *("eval/disc_acc.held", "eval/disc_acc.fake", "disc/r_t", "disc/r_v", "disc/sigma.max", "gen/sigma.max"),
)
REPORTED = (
    *(
        "loss/disc",
        "loss/gen",
        "loss/adv",
        "disc/sign.real",
        "disc/sign.fake",
        "disc/sign_acc",
        "disc/margin",
    ),
    *("disc/logit_std", "disc/grad_norm", "disc/update_ratio", "disc/lr", "disc/noise_std", "gen/grad_norm"),
    *(
        "gen/update_ratio",
        "gen/lr",
        "gen/output_grad",
        "gen/saturation",
        "gen/pre_tanh_std",
        "gen/tanh_slope",
    ),
    *("gen/ema_distance", "progress/disc_steps", "progress/samples_seen"),
    *("speed/steps_per_s", "speed/data_wait"),
)


def test_journals_what_the_pages_show(cgan: Cgan) -> None:
    ran = cgan("trainer.max_steps=5", preset="old")
    assert ran.status == 0, ran.err
    start, last = ran.events[0], ran.events[-1]
    assert (start["trainer"], start["preset"], start["size"], start["total_steps"]) == (
        "cgan",
        "old",
        "tiny",
        5,
    )
    assert (last["kind"], last["status"], last["step"]) == ("run_ended", "finished", 5)
    facts = start["environment"]
    assert len(facts["eval_hash"]) == 64
    protocol = facts["score_protocol"]
    assert (protocol["extractor"], protocol["fakes"], protocol["real"]) == ("classifier", 24, 24)
    assert (protocol["reference"], protocol["generator"]) == ("train", "average, decay 0.95")
    assert (protocol["batch_norm"], protocol["resized_from"], protocol["floor_images"]) == (
        "running",
        "nothing",
        24,
    )
    assert facts["data"] == "CIFAR-10, binary, 10 classes, 60 images"
    for name in EVALUATED:
        assert list(ran.series(name)) == [0, 4, 5], name
    for name in REPORTED:
        assert list(ran.series(name)) == [1, 2, 4, 5], name
        assert all(math.isfinite(v) for v in ran.series(name).values()), name
    assert list(ran.series("gen/bn_gain")) == [0, 1, 2, 4, 5]
    sizes = {name: ran.series(name) for name in ("gen/parameters", "disc/parameters", "gen/param_ratio")}
    assert sizes["gen/parameters"] == {0: facts["parameters"]["gen"]}
    assert sizes["gen/param_ratio"][0] == facts["parameters"]["gen"] / facts["parameters"]["disc"]
    assert ran.series("progress/disc_steps")[5] == 10
    assert ran.series("progress/samples_seen")[5] == 5 * 2 * 4
    assert ran.series("gen/final_conv/sigma")[0] > 0
    names = {n for e in ran.of("points") for n in e["values"]}
    assert {n for n in names if describe(n).title == n} == set()
    assert not any(n.startswith(("eval/fid", "eval/is")) for n in names)


def test_grids_of_fixed_z_and_classes(cgan: Cgan) -> None:
    ran = cgan("trainer.max_steps=2")
    made = [(e["step"], e["series"], e["slot"], e["media"]) for e in ran.of("sample_made")]
    grid = [("reference", 0), ("samples", 0), ("samples", 2)]
    assert made == [(step, series, "grid", "image") for series, step in grid]
    for event in ran.of("sample_made"):
        assert (ran.run_dir / "samples" / f"{event['sha256']}.png").is_file()
    marks = {e["name"]: e for e in ran.of("mark")}
    assert marks["evaluation_set"]["label"] == ran.events[0]["environment"]["eval_hash"]
    (table,) = ran.of("table")
    assert ["extractor", "classifier"] in table["rows"]


def test_old_and_run_a_start_from_the_same_networks_but_for_the_last_layer(cgan: Cgan) -> None:
    old, run_a = (cgan("trainer.max_steps=1", preset=p, run=p) for p in ("old", "run-a"))
    assert [r.status for r in (old, run_a)] == [0, 0]
    assert old.events[0]["environment"]["eval_hash"] == run_a.events[0]["environment"]["eval_hash"]
    assert old.series("eval/pre_tanh_std")[0] > 5 * run_a.series("eval/pre_tanh_std")[0]
    assert old.series("disc/sigma.max")[0] == run_a.series("disc/sigma.max")[0]


def test_a_seed_fixes_the_run(cgan: Cgan) -> None:
    one, two, other = (
        cgan("trainer.max_steps=2", f"seed={seed}", run=name).state
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert equal(one, two)
    assert not equal(one["gen"], other["gen"])


@pytest.mark.parametrize(("preset", "half_way"), [("fixed", 10), ("ladder-4-projection", 2), ("old", 10)])
def test_a_resumed_run_is_the_same_run(cgan: Cgan, preset: str, half_way: int) -> None:
    more = ("disc.r1_gamma=0.1", "disc.r1_every=3", "data.flip=true", "trainer.lr_schedule=warmup_cosine")
    more += ("trainer.steps_per_epoch=10", f"trainer.log_every={4 if half_way > 4 else 2}")
    whole = cgan(*more, f"trainer.max_steps={2 * half_way}", preset=preset, run="whole")
    half = cgan(*more, f"trainer.max_steps={half_way}", preset=preset, run="half")
    assert half.state["ema"]["updates"] == half_way
    end = f"trainer.max_steps={2 * half_way}"
    rest = cgan(*more, end, preset=preset, run="half", resume=half.run_dir)
    assert (whole.status, half.status, rest.status) == (0, 0, 0), rest.err
    assert differences(whole.run_dir, rest.run_dir, half_way) == []
    assert rest.of("run_started")[1]["resumed_from"] == half_way


LOST = ("gen", "optimizer", "game.discriminator", "game.optimizer", "game.steps", "ema", "ema.updates")
LOST += ("batches", "rng")


def test_what_a_resume_forgets_shows(cgan: Cgan, monkeypatch: pytest.MonkeyPatch) -> None:
    def train_to(step: int, run: str, resume: object = None) -> Any:
        return cgan(f"trainer.max_steps={step}", run=run, resume=resume)

    whole, half = train_to(4, "whole"), train_to(2, "half")
    seen = noticed(monkeypatch, train, ("", *LOST), whole.run_dir, half, partial(train_to, 4))
    assert seen == {"": False, **dict.fromkeys(LOST, True)}


@pytest.mark.parametrize("loss", ["vanilla", "least_squares", "wasserstein"])
def test_every_loss_trains(cgan: Cgan, loss: str) -> None:
    ran = cgan(f"loss={loss}", "trainer.max_steps=2", "disc.r1_gamma=0.1", "disc.r1_every=1", "gen.clip=1")
    assert ran.status == 0, ran.err
    assert all(math.isfinite(v) for v in ran.series("loss/disc").values())
    assert list(ran.series("loss/r1")) == [1, 2]
    assert list(ran.series("loss/gp")) == ([1, 2] if loss == "wasserstein" else [])


@pytest.mark.parametrize("preset", ["ladder-5-width", "gain-10"])
def test_other_networks_train(cgan: Cgan, preset: str) -> None:
    ran = cgan("trainer.max_steps=1", "score.standing=2", "gen.truncation=0.7", preset=preset)
    assert ran.status == 0, ran.err
    assert ran.events[0]["environment"]["score_protocol"]["batch_norm"] == "standing, 2 batches"
    assert (ran.series("eval/saturation")[0] > 0.5) == (preset == "gain-10")


def test_rates_and_noise_follow_the_planned_epochs(cgan: Cgan) -> None:
    ran = cgan("trainer.max_steps=4", "trainer.max_epochs=2", preset="old")
    rate = ran.series("gen/lr")
    assert rate == {1: 1e-4, 2: pytest.approx(1e-4 * cosine(1, 8)), 4: pytest.approx(1e-4 * cosine(3, 8))}
    assert ran.series("disc/lr")[4] == pytest.approx(4 * rate[4])
    assert ran.series("disc/noise_std") == {1: 0.1, 2: pytest.approx(0.075), 4: pytest.approx(0.025)}
    assert [e["step"] for e in ran.of("mark") if e["name"] == "noise_ends"] == [4]


def test_bfloat16(cgan: Cgan) -> None:
    ran = cgan("trainer.max_steps=2", "trainer.precision=bf16-mixed", "disc.r1_gamma=0.1", "disc.r1_every=1")
    assert ran.status == 0, ran.err
    assert all(math.isfinite(v) for e in ran.of("points") for v in e["values"].values())
    assert all(t.dtype == torch.float32 for t in ran.state["gen"].values() if t.is_floating_point())


def test_a_nan_fails_the_run_after_saving_the_last_good_state(
    cgan: Cgan, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainers.cgan.game import ConditionalGame

    play = ConditionalGame.play_gen

    def broken(self: ConditionalGame, *args: Any) -> torch.Tensor:
        return play(self, *args) * (math.nan if self.steps >= 7 else 1.0)

    monkeypatch.setattr(ConditionalGame, "play_gen", broken)
    ran = cgan("trainer.max_steps=12")
    assert ran.status == 1
    assert ran.events[-1]["reason"].startswith("loss/adv became nan at step 7")
    assert max(e["step"] for e in ran.of("checkpoint_saved")) < 7
    assert all(torch.isfinite(t).all() for t in ran.state["gen"].values())
    assert "Traceback" not in ran.err


def test_the_demo_digits_need_no_folder(images: Path, tiny: dict[str, Any]) -> None:
    training = Training(build("cgan", "fixed", "tiny", tiny), "cpu")  # type: ignore[arg-type]
    assert training.facts["data"] == "scikit-learn digits, coloured, 10 classes, 1528 images"
    assert training.evaluation.real_facts["eval/saturation.real"] < 0.01
