"""Probes of real, tiny trainings: a frozen D is named wiring, a default-init D at 1e-4 init and learning rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from doctor.findings import Finding
from doctor.probes import reranked
from doctor.rules.disc_stuck import DiscStuck
from doctor.view import RunView
from recipes.compose import Request, build
from recipes.registry import TRAINERS
from tests.trainers.test_blind import _data
from trainers import probing
from trainers.codec import train as codec_train
from trainers.kit import checkpoints, classifier
from trainers.kit.errors import BadInput
from trainers.kit.probe import KINDS
from trainers.kit.runs import carry_out

Trained = Callable[..., Path]
STUCK = {"preset": "old", "disc.init": "default", "disc.lr": "0.0001", "disc.input_gain": "1.0"}


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """trained("codec", {"disc.lr": 1e-4}): the folder of the smallest run, six steps long."""
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(classifier, "FEWEST", 10)
    monkeypatch.setattr(classifier, "MOST", 10)

    def make(trainer: str, patch: dict[str, Any] | None = None, steps: int = 6) -> Path:
        given = {**_data(trainer, tmp_path / "data"), "data.root": str(tmp_path / "data"), **(patch or {})}
        preset = str(given.pop("preset", "fixed"))
        given["trainer.max_steps"] = steps
        recipe = build(trainer, preset, "tiny", given)
        asked = Request(
            trainer, recipe, str(tmp_path / "run"), None, "cpu", given={"preset": preset, **given}
        )
        assert carry_out(asked) == 0
        return tmp_path / "run"

    return make


def stuck() -> Finding:
    suspects = DiscStuck()._suspects(RunView({}))
    return DiscStuck().found("fail", "stuck", (0, 100), 100, suspects=suspects)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("trainer", sorted(TRAINERS))
def test_every_trainer_can_be_probed_and_nothing_of_the_run_changes(trainer: str, trained: Trained) -> None:
    run = trained(trainer)
    before = contents(run)
    found = probing.probe(str(run), KINDS, 20)
    assert contents(run) == before
    assert [p["code"] for p in found["probes"]] == list(KINDS)
    ratio = found["probes"][0]
    assert ratio["verdict"] == "pass", ratio["text"]
    assert ratio["values"]["disc"] > 1e-6
    assert ratio["values"]["gen"] > 1e-7
    assert (found["trainer"], found["step"]) == (trainer, 6)


def test_a_frozen_discriminator_is_named_wiring(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    made = codec_train.adamw

    def lost(params: Any, part: Any) -> torch.optim.Optimizer:
        """D's optimiser holds copies: what a model rebuilt after its optimiser leaves."""
        known = list(params)
        is_disc = hasattr(part, "msd_groups")
        return made([nn.Parameter(p.detach().clone()) for p in known] if is_disc else known, part)

    monkeypatch.setattr(codec_train, "adamw", lost)
    run = trained("codec", STUCK)
    found = probing.probe(str(run), ("ratio", "overfit"), 30)
    assert found["cause"] == "wiring"
    assert found["probes"][0]["values"]["still_share"] == 1.0
    first = reranked(stuck(), found).suspects[0]
    assert first.text.startswith("wiring")
    assert "one step moves D by 0" in first.test


def test_a_default_initialised_discriminator_at_a_small_rate_is_named_so(trained: Trained) -> None:
    found = probing.probe(str(trained("codec", STUCK)), ("ratio", "overfit"), 60)
    assert found["probes"][0]["verdict"] == "pass"
    assert found["cause"] == "training", found["probes"]
    first = reranked(stuck(), found).suspects[0]
    assert first.text.startswith("initialisation and learning rate")
    assert "times the learning rate: it can learn" in first.test


def test_words_that_cannot_be(tmp_path: Path, trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        ([f"run_dir={tmp_path}"], "holds no checkpoint"),
        (["run_dir=x", "kind=deep"], "kind='deep' is none of all, ratio"),
        (["run_dir=x", "steps=0"], "steps='0' is not a whole number"),
        (["deep=1"], "'deep=1' is none of run_dir="),
        (["kind=all"], "probe needs run_dir=DIR"),
    ):
        with pytest.raises(BadInput, match=said):
            probing.main(words)
    run = trained("codec")
    capsys.readouterr()
    assert probing.main([f"run_dir={checkpoints.listed(run)[-1]}", "kind=same", "steps=4"]) == 0
    assert "Real against real" in capsys.readouterr().out
