"""Scores with their protocol: the same twice, no side effects, FID only from Inception."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nashboard import journal
from nashboard.reporter import Reporter
from recipes.cgan import Cgan
from recipes.compose import build
from trainers.cgan import evaluate
from trainers.cgan.data import pictures
from trainers.cgan.evaluate import Evaluation, drawn, grid
from trainers.cgan.model import Made
from trainers.kit.losses import adversarial

CPU = torch.device("cpu")


class Painter(nn.Module):
    """A generator that paints one value."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, z: Tensor, classes: Tensor) -> Made:
        pre = torch.full((len(z), 3, 32, 32), self.value)
        return Made(torch.tanh(pre), pre)


class Judge:
    """Says ``real`` to whatever is not of the painter's value."""

    def __init__(self, value: float, kind: str = "hinge") -> None:
        self.value, self.loss = value, adversarial(kind)

    def judged(self, images: Tensor, classes: Tensor) -> Tensor:
        painted = (images - torch.tanh(torch.tensor(self.value))).flatten(1).abs().amax(1) < 1e-6
        return torch.where(painted, -2.0, 1.0)


def recipe(images: Path, **patch: Any) -> Cgan:
    small = {"data.root": str(images), "data.batch": 8, "score.images": 24, "data.slots": 2}
    made = build("cgan", "fixed", "tiny", {**small, **{k.replace("__", "."): v for k, v in patch.items()}})
    assert isinstance(made, Cgan)
    return made


def evaluated(
    made: Cgan, run_dir: Path, value: float, times: int = 1
) -> tuple[Evaluation, list[dict[str, float]]]:
    evaluation = Evaluation(made, pictures(made), CPU)
    net: Any = Painter(value)
    with Reporter(run_dir) as reporter:
        return evaluation, [evaluation(net, net, Judge(value), reporter, step) for step in range(times)]


def test_the_same_weights_measure_the_same_twice(images: Path, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    _, found = evaluated(recipe(images), tmp_path / "run", 0.3, times=2)
    assert found[0] == found[1]
    assert torch.equal(torch.get_rng_state(), state)
    made = [(e.step, e.series) for e in journal.events(tmp_path / "run") if e.kind == "sample_made"]
    assert made == [(0, "reference"), (0, "samples"), (1, "samples")]


def test_what_a_saturated_generator_shows(images: Path, tmp_path: Path) -> None:
    _, (found,) = evaluated(recipe(images), tmp_path / "run", 5.0)
    assert (found["eval/saturation"], found["eval/pure_colour"]) == (1.0, 1.0)
    assert found["eval/tanh_slope"] < 1e-3
    assert found["eval/saturation.real"] < 0.05
    assert found["eval/recall_classifier"] == 0.0
    assert found["eval/class_consistency"] < 0.3


def test_what_d_says_of_training_held_out_and_fake(images: Path, tmp_path: Path) -> None:
    _, (found,) = evaluated(recipe(images), tmp_path / "run", 0.3)
    assert [found[f"eval/disc_acc.{k}"] for k in ("real", "held", "fake")] == [1.0, 1.0, 1.0]
    assert (found["disc/r_t"], found["disc/r_v"]) == (1.0, 0.0)


def test_real_images_score_at_the_floor(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(images, score__reference="held_out")
    evaluation = Evaluation(made, pictures(made), CPU)
    assert evaluation.protocol["floor"] == 0.0
    assert evaluation.protocol["reference"] == "held_out"
    made = recipe(images)
    evaluation = Evaluation(made, pictures(made), CPU)
    assert 0 < evaluation.protocol["floor"] < 5
    assert evaluation.protocol["held_out_accuracy"] > 0.1


def test_features_that_are_not_finite_are_nan_scores(images: Path, tmp_path: Path) -> None:
    _, (found,) = evaluated(recipe(images), tmp_path / "run", float("nan"))
    assert np.isnan(
        [found["eval/fd_classifier"], found["eval/kid_classifier"], found["eval/pre_tanh_std"]]
    ).all()


def test_fid_bears_its_name_from_inception_alone(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def load(path: str, sha256: str, device: torch.device) -> Any:
        asked.append((path, sha256))
        return lambda x: (x.flatten(1)[:, ::400], x.flatten(1)[:, :10])

    monkeypatch.setattr(evaluate, "inception", SimpleNamespace(load=load))
    weights = {"score__inception": "/w.pth", "score__inception_sha256": "AB" * 32}
    evaluation, (found,) = evaluated(
        recipe(images, trainer__best_by="eval/fid", **weights), tmp_path / "run", 0.3
    )
    assert asked == [("/w.pth", "AB" * 32)]
    assert {"eval/fid", "eval/is", "eval/kid", "eval/precision", "eval/recall"} <= set(found)
    assert not any("classifier" in name for name in found)
    assert (evaluation.protocol["extractor"], evaluation.protocol["sha256"]) == ("inception-2015", "ab" * 32)


def test_truncation_and_the_grid() -> None:
    random = torch.Generator().manual_seed(0)
    assert float(drawn((1000,), random, 0.7).abs().max()) <= 0.7
    assert float(drawn((1000,), random).abs().max()) > 2
    picture = grid(torch.stack([torch.full((3, 32, 32), v) for v in (-1.0, 1.0, 0.0)]), columns=2)
    assert picture.shape == (2 * 34 + 2, 2 * 34 + 2, 3)
    assert [int(picture[y, x, 0]) for y, x in ((5, 5), (5, 40), (40, 5), (40, 40))] == [0, 255, 128, 255]
