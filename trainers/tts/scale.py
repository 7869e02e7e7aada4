"""The scales of mel magnitudes that the document compares, and the one in which all of them are measured."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.tts import Mel
from trainers.kit import dsp

BOUND = 50.0  # the document clamps; wide enough to leave every finite log mel alone


class Scale:
    """Mel magnitudes to targets and back, by ``mel.scale``."""

    def __init__(self, mel: Mel) -> None:
        self.kind, self.eps, self.power, self.gain = mel.scale, mel.eps, mel.power, mel.gain

    def forward(self, mel: Tensor) -> Tensor:
        """Targets of magnitudes ``[...]``; digital silence is 0, ln ε and ln ε for the three scales."""
        x = (self.gain * mel) ** self.power
        if self.kind == "log1p":
            return torch.log1p(x)
        if self.kind == "log_eps":
            return torch.log(x + self.eps)
        # not clamp(min=…): it must leave NaN what it is, to be seen
        return torch.log(torch.where(x < self.eps, self.eps, x))

    def inverse(self, target: Tensor) -> Tensor:
        """Magnitudes, not negative; what a network says beyond any sound is held at e^20."""
        target = target.clamp(max=20.0)
        if self.kind == "log1p":
            x = torch.expm1(target)
        else:
            x = target.exp() - (self.eps if self.kind == "log_eps" else 0.0)
        return x.clamp(min=0) ** (1 / self.power) / self.gain

    def floor(self) -> float:
        """The target of digital silence."""
        return float(self.forward(torch.zeros((), dtype=torch.float64)))

    def common(self, target: Tensor) -> Tensor:
        """Targets or predictions in ln(clamp(x, 1e-5)), the space in which recipes are compared."""
        return self.inverse(target).clamp(min=dsp.FLOOR).log()


def clamped(target: Tensor) -> Tensor:
    """The document's way with bad values: infinities are bounded. NaN stays NaN."""
    return target.clamp(-BOUND, BOUND)
