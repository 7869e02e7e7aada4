"""One turn of the generator, from waves to losses: shared by training, evaluation and diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from recipes.enhancement import Enhancement
from trainers.enhancement.model import magnitude
from trainers.enhancement.spectra import Spectra, scale_of


@dataclass(frozen=True)
class Turn:
    """Compressed spectra ``[B, 2, T, F]``, and waves ``[B, L]`` at the level at which the noisy one has RMS 1.

    ``scale`` ``[B, 1]`` is what the waves were multiplied by; ``reference`` is what the waveform's loss compares
    with: ``target``, or the clean wave as it was read. All waves are as long as what came back.
    """

    noisy: Tensor
    clean: Tensor
    estimate: Tensor
    wave: Tensor
    target: Tensor
    reference: Tensor
    scale: Tensor


class Objective:
    """The reconstruction side of CMGAN's loss; the weights are the caller's."""

    def __init__(self, recipe: Enhancement) -> None:
        self.spectra = Spectra(recipe.gen)
        self.raw = recipe.time_reference == "raw"
        self.weights = {
            "ri": recipe.ri_weight,
            "mag": recipe.mag_weight,
            "time": recipe.time_weight,
            "adv": recipe.adv_weight,
        }

    def turn(self, gen: Callable[[Tensor], Tensor], clean: Tensor, noisy: Tensor) -> Turn:
        """Waves ``[B, L]`` through the generator."""
        scale = scale_of(noisy)
        spectrum, wanted = self.spectra.of(noisy * scale), self.spectra.of(clean * scale)
        # a view: gradients that are asked for here do not run into Fabric's hooks on what it returned
        estimate = gen(spectrum).view_as(spectrum).float()
        wave = self.spectra.wave(estimate, clean.shape[-1])
        length = wave.shape[-1]
        target = (clean * scale)[:, :length]
        reference = clean[:, :length] if self.raw else target
        return Turn(spectrum, wanted, estimate, wave, target, reference, scale)

    def terms(self, turn: Turn) -> dict[str, Tensor]:
        """Raw ``ri`` (both parts' squared errors added), ``mag`` (squared error) and ``time`` (L1)."""
        real_imaginary = 2 * F.mse_loss(turn.estimate, turn.clean)
        return {
            "ri": real_imaginary,
            "mag": F.mse_loss(magnitude(turn.estimate), magnitude(turn.clean)),
            "time": F.l1_loss(turn.wave, turn.reference),
        }
