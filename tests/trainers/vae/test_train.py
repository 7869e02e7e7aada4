"""A run of the AudioVAE: what it journals, when who plays, that a seed fixes it and a resumed run is the same."""

import math
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from nashboard.reporter import Reporter
from nashboard.vocabulary import describe
from tests.trainers.support import differences, noticed
from trainers.vae import train
from trainers.vae.lightning_module import VAELightningModule

Vae = Callable[..., Any]


def test_journals_what_the_pages_show(vae: Vae) -> None:
    ran = vae({"trainer.max_steps": 6})
    assert (ran.status, ran.err) == (0, "")
    start, last = ran.events[0], ran.events[-1]
    assert (start.trainer, start.preset, start.total_steps) == ("vae", "fixed", 6)
    assert len(start.environment["eval_hash"]) == 64
    assert (last.kind, last.status, last.step) == ("run_ended", "finished", 6)
    sides = [f"eval/{m}.{s}" for m in ("si_sdr", "stft") for s in ("left", "right", "mid", "side")]
    latent = ["eval/kl_per_dim", "eval/active_units", "eval/mu_std", "eval/latent_effect"]
    for name in (
        *("eval/snr", "eval/si_sdr", "eval/mel", "eval/stft", "eval/width_error", "eval/ild_error"),
        *(*sides, *latent, "latent/kl.0", "latent/kl.3"),
    ):
        assert list(ran.series(name)) == [0, 4, 6], name
    for name in (
        *("loss/disc", "loss/gen", "loss/recon", "loss/stft", "loss/kl", "loss/adv", "loss/feat"),
        *("disc/sign_acc", "disc/stft64/loss", "disc/msd2/sign.real", "disc/mpd3/margin", "feat/relative"),
        *("gen/lr", "disc/lr", "gen/grad_norm", "disc/grad_norm", "gen/update_ratio", "speed/steps_per_s"),
    ):
        assert list(ran.series(name)) == [1, 2, 4, 6], name
        assert all(math.isfinite(v) for v in ran.series(name).values()), name
    assert list(ran.series("share/feat")) == [4, 6]
    assert ran.series("weight/adv")[6] == 1.0
    assert ran.series("progress/epoch")[6] == 1.5
    assert ran.series("progress/disc_steps")[6] == 6
    assert [e.step for e in ran.of("checkpoint_saved")] == [4, 6]
    unknown = {n for e in ran.of("points") for n in e.values if describe(n).title == n}
    assert unknown == set()


def test_samples_are_stereo_in_fixed_slots(vae: Vae) -> None:
    ran = vae({"trainer.max_steps": 4, "data.slots": 2})
    made = [(e.step, e.series, e.slot) for e in ran.of("sample_made")]
    slots = sorted({slot for _, _, slot in made})
    expected = [(0, "reference"), (0, "reconstruction"), (4, "reconstruction")]
    assert len(slots) == 2
    assert sorted(made) == sorted((step, series, slot) for step, series in expected for slot in slots)
    for event in ran.of("sample_made"):
        heard, rate = soundfile.read(ran.run_dir / "samples" / f"{event.sha256}.{event.ext}")
        assert (heard.shape[1], rate) == (2, 8000)


@pytest.mark.parametrize("preset", ["fixed", "ladder-5-ema", "ladder-4-balancer"])
def test_ten_and_ten_steps_are_twenty(vae: Vae, preset: str) -> None:
    patch = {
        "model.adversarial.warmup_steps": 5,
        "disc.start": 2,
        "trainer.gamma": 0.99,
        "data.eval_items": 1,
    }
    patch |= {"trainer.steps_per_epoch": 10, "trainer.log_every": 4}
    whole = vae({**patch, "trainer.max_steps": 20}, preset, run="whole")
    half = vae({**patch, "trainer.max_steps": 10}, preset, run="half")
    assert half.state["game"]["steps"] == 8
    rest = vae({**patch, "trainer.max_steps": 20}, preset, run="half", resume=half.run_dir)
    assert (whole.status, half.status, rest.status) == (0, 0, 0), rest.err
    assert differences(whole.run_dir, rest.run_dir, 10) == []
    assert [e.resumed_from for e in rest.of("run_started")] == [None, 10]


LOST = ("model", "optimizer", "game.discriminator", "game.optimizer", "game.steps", "ema", "ema.updates")
LOST += ("crops", "rng")


@pytest.mark.parametrize(
    ("preset", "lost"), [("ladder-5-ema", ("", *LOST)), ("ladder-4-balancer", ("balancer",))]
)
def test_what_a_resume_forgets_shows(
    vae: Vae, monkeypatch: pytest.MonkeyPatch, preset: str, lost: tuple[str, ...]
) -> None:
    def train_to(step: int, run: str, resume: object = None) -> Any:
        plays = {"model.adversarial.warmup_steps": 0, "disc.start": 0, "trainer.max_steps": step}
        return vae(plays, preset, run=run, resume=resume)

    whole, half = train_to(4, "whole"), train_to(2, "half")
    seen = noticed(monkeypatch, train, lost, whole.run_dir, half, partial(train_to, 4))
    assert seen == {part: bool(part) for part in lost}


def test_old_and_fixed_start_from_the_same_model_and_evaluation_set(vae: Vae) -> None:
    old, fixed = (vae({"trainer.max_steps": 1}, preset, run=preset) for preset in ("old", "fixed"))
    assert old.events[0].environment["eval_hash"] == fixed.events[0].environment["eval_hash"]
    first = [[e.sha256 for e in r.of("sample_made") if e.step == 0] for r in (old, fixed)]
    assert first[0] == first[1]
    assert "adversarial weight 0.1, feature matching 10" in old.out
    assert "adversarial weight 1, feature matching 10" in fixed.out


def test_the_warm_up_counts_generator_updates_though_the_discriminator_trains(vae: Vae) -> None:
    patch = {
        "model.adversarial.warmup_steps": 4,
        "disc.start": 0,
        "trainer.log_every": 1,
        "trainer.max_steps": 6,
    }
    ran = vae(patch)
    assert list(ran.series("loss/adv")) == [5, 6]
    assert ran.series("weight/feat") == {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0, 4: 10.0, 5: 10.0, 6: 10.0}
    assert ran.series("progress/disc_steps")[4] == 4
    assert [(e.step, e.name) for e in ran.of("mark") if e.name != "evaluation_set"] == [
        (0, "warm-up"),
        (5, "adversarial"),
    ]
    # the sabotaged twin: Lightning's global_step runs twice as fast, so that the warm-up is halved
    twin = vae({**patch, "model.adversarial.clock": "global_step"}, run="twin")
    assert list(twin.series("loss/adv")) == [3, 4, 5, 6]


def test_without_adversarial_training_the_discriminator_watches(vae: Vae) -> None:
    ran = vae({"trainer.max_steps": 4, "use_adversarial": False})
    assert ran.series("progress/disc_steps")[4] == 0
    assert ran.series("loss/adv") == {}
    assert all(abs(v - 2.0) < 0.1 for v in ran.series("loss/disc").values())
    assert ran.series("weight/adv")[4] == 0.0


def test_a_run_that_ends_in_its_warm_up_says_so(vae: Vae) -> None:
    ran = vae({"trainer.max_steps": 2, "model.adversarial.warmup_steps": 100})
    assert any("never hears the discriminator" in e.text for e in ran.of("note_written"))
    assert list(ran.series("loss/disc")) == [1, 2]


def test_lightnings_limit_shortens_epochs(vae: Vae) -> None:
    ran = vae({"trainer.max_epochs": 2, "trainer.limit_train_batches": 3})
    assert ran.events[-1].step == 6
    assert list(ran.series("eval/snr")) == [0, 3, 6]
    assert ran.series("progress/epoch")[6] == 2


def test_mono_files_of_another_rate_are_taken_and_counted(vae: Vae, sounds: Path) -> None:
    for path in sounds.glob("*.wav"):
        wave, _ = soundfile.read(path)
        soundfile.write(path, np.repeat(wave[:, 0], 2), 16000)
    ran = vae({"trainer.max_steps": 1})
    assert ran.status == 0, ran.err
    assert ran.series("data/mono_doubled") == {0: 6.0}
    assert ran.series("data/resampled") == {0: 6.0}
    assert ran.series("eval/si_sdr.side") == {}
    assert any("eval/si_sdr.side is missing for 2 of 2 clips" in e.text for e in ran.of("note_written"))
    panned = vae({"trainer.max_steps": 1, "data.mono": "pan"}, run="panned")
    assert list(panned.series("eval/si_sdr.side")) == [0, 1]


def test_the_server_can_stop_it_in_the_middle_of_an_epoch(vae: Vae, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([False] * 6)
    monkeypatch.setattr(Reporter, "stop_requested", property(lambda self: next(asked, True)))
    ran = vae({"trainer.max_steps": 1000})
    assert (ran.status, ran.events[-1].status, ran.events[-1].step) == (0, "stopped", 6)
    assert [e.step for e in ran.of("checkpoint_saved")] == [4, 6]
    monkeypatch.undo()
    on = vae({"trainer.max_steps": 8}, resume=ran.run_dir)
    assert (on.events[-1].status, on.events[-1].step) == ("finished", 8)


def test_sigterm_ends_the_step_and_saves(vae: Vae, monkeypatch: pytest.MonkeyPatch) -> None:
    step = VAELightningModule.training_step

    def hit(self: VAELightningModule, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        if self.updates == 2:
            signal.raise_signal(signal.SIGTERM)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(VAELightningModule, "training_step", hit)
    ran = vae({"trainer.max_steps": 100})
    end = ran.events[-1]
    assert (ran.status, end.kind, end.status, end.reason) == (0, "run_ended", "stopped", "SIGTERM received")
    assert end.step == 3
    assert ran.of("checkpoint_saved")[-1].step == 3
    assert max(ran.series("eval/stft")) == 3


def test_a_nan_fails_the_run_after_saving_the_last_good_state(
    vae: Vae, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = VAELightningModule._terms

    def broken(self: VAELightningModule, *args: Any) -> Any:
        found, relative = terms(self, *args)
        return (found | {"feat": found["feat"] * math.nan} if self.updates == 6 else found), relative

    monkeypatch.setattr(VAELightningModule, "_terms", broken)
    ran = vae({"trainer.max_steps": 12, "trainer.log_every": 3})
    assert ran.status == 1
    assert ran.events[-1].reason.startswith("loss/feat became nan at step 7")
    assert max(e.step for e in ran.of("checkpoint_saved")) < 7
    assert all(torch.isfinite(p).all() for p in ran.state["model"].values() if p.is_floating_point())
    assert "Traceback" not in ran.err


def test_bfloat16(vae: Vae) -> None:
    ran = vae({"trainer.max_steps": 2, "trainer.precision": "bf16-mixed"})
    assert ran.status == 0, ran.err
    assert all(t.dtype == torch.float32 for t in ran.state["model"].values() if t.is_floating_point())


def test_without_a_folder_the_demo_is_stereo(
    vae: Vae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainers.kit import demo

    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(demo, "EACH", 1)
    ran = vae({"data.root": "", "trainer.max_steps": 1})
    assert ran.status == 0, ran.err
    assert ran.series("eval/si_sdr.side")[1] == ran.series("eval/si_sdr.side")[1]
    assert ran.series("data/mono_doubled") == {0: 0.0}
    with open(tmp_path / "home/demo/stereo-v1-8000/manifest.csv") as f:
        assert "mixed to stereo" in f.read()
