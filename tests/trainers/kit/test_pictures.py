"""Mels as pictures, and histograms of an evaluation."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from trainers.kit import histograms
from trainers.kit.pictures import mel_picture, wave_picture


def test_a_picture_has_low_bands_below() -> None:
    mel = torch.full((5, 3), -11.52)
    mel[:, 0] = 1.0
    found = mel_picture(mel)
    assert found.shape == (3, 5)
    assert found[2].tolist() == pytest.approx([1] * 5)
    assert found[0].tolist() == pytest.approx([0] * 5)
    assert mel_picture(torch.full((5, 3), 9.0)).min() == 1


def test_a_low_tone_lies_below_a_high_one() -> None:
    t = torch.arange(8000) / 8000
    low, high = (wave_picture(torch.sin(2 * math.pi * f * t), 8000) for f in (200.0, 3000.0))
    assert low.shape[0] == 80
    assert low.sum(1).argmax() > 60
    assert high.sum(1).argmax() < 20


class Told:
    def __init__(self) -> None:
        self.found: dict[str, tuple[int, list[float], list[float]]] = {}

    def distribution(self, name: str, step: int, edges: list[float], counts: list[float]) -> None:
        self.found[name] = (step, list(edges), list(counts))


def test_logits_of_both_sides_over_all_parts_and_d_as_it_was() -> None:
    told: Any = Told()

    class Judge(torch.nn.Module):
        def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            assert not self.training
            return [x.mean(-1), 2 * x[:, :, ::2].mean(-1)], []

    judge = Judge().train()
    import contextlib

    game: Any = SimpleNamespace(bare=judge, autocast=contextlib.nullcontext)
    histograms.logits(told, 7, game, torch.ones(4, 1, 8), -torch.ones(4, 1, 8))
    assert judge.training
    step, edges, counts = told.found["disc/logits.real"]
    assert (step, edges[0], edges[-1], sum(counts)) == (7, 1.0, 2.0, 8)
    assert told.found["disc/logits.fake"][1][0] == -2.0
    histograms.logits(told, 8, game, torch.empty(0, 1, 8), torch.empty(0, 1, 8))
    assert told.found["disc/logits.real"][0] == 7, "nothing to ask D about"


def test_many_values_are_thinned_and_what_is_not_finite_stays_out() -> None:
    told: Any = Told()
    assert histograms.tell(told, "latent/values", 1, torch.randn(100, 1000))
    assert sum(told.found["latent/values"][2]) == 10_000
    assert not histograms.tell(told, "latent/other", 1, torch.full((3,), math.nan))
    assert "latent/other" not in told.found
