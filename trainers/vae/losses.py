"""The adversarial side of the AudioVAE's loss in one object, usable alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from trainers.kit.losses import adversarial, feature_matching, readonly


class AdversarialLossCalculator:
    """Weights, warm-up and terms of the game between a generator and a discriminator.

    The discriminator takes waves ``[B, C, T]`` and gives (logits, features), as those of
    `trainers.vae.discriminator` do. ``warmup_steps`` counts generator updates made so far: the generator hears
    the discriminator from update number ``warmup_steps`` + 1 on.
    """

    def __init__(
        self,
        adversarial_weight: float = 1.0,
        feature_matching_weight: float = 10.0,
        warmup_steps: int = 0,
        *,
        loss: str = "hinge",
    ) -> None:
        for name, value in (
            ("adversarial_weight", adversarial_weight),
            ("feature_matching_weight", feature_matching_weight),
            ("warmup_steps", warmup_steps),
        ):
            if not value >= 0:
                raise ValueError(f"{name} {value!r} is negative")
        self.adversarial_weight, self.feature_matching_weight = adversarial_weight, feature_matching_weight
        self.warmup_steps = warmup_steps
        self.loss = adversarial(loss)

    def is_active(self, global_step: int) -> bool:
        """Whether the generator hears the discriminator after so many generator updates."""
        return global_step >= self.warmup_steps

    def weights(self, global_step: int) -> dict[str, float]:
        """The effective weights ``adv`` and ``feat`` after so many generator updates: 0 in the warm-up."""
        on = float(self.is_active(global_step))
        return {"adv": on * self.adversarial_weight, "feat": on * self.feature_matching_weight}

    def compute_generator_loss(
        self, discriminator: nn.Module, real_audio: Tensor, fake_audio: Tensor, global_step: int
    ) -> dict[str, Tensor]:
        """The generator's terms; the discriminator and its gradients stay untouched.

        Returns:
            ``total`` to add to the generator's loss, ``adversarial`` and ``feature_matching`` unweighted, and
            ``feature_relative`` for reading. In the warm-up all are 0 and the discriminator is not asked.
        """
        _same(real_audio, fake_audio)
        if not self.is_active(global_step):
            names = ("total", "adversarial", "feature_matching", "feature_relative")
            return {name: fake_audio.new_zeros(()) for name in names}
        with readonly(discriminator):
            with torch.no_grad():
                _, real_features = discriminator(real_audio)
            logits, features = discriminator(fake_audio)
        fooled = self.loss.reduce(self.loss.gen(logits))
        feat, relative = feature_matching(real_features, features)
        total = self.adversarial_weight * fooled + self.feature_matching_weight * feat
        return {
            "total": total,
            "adversarial": fooled,
            "feature_matching": feat,
            "feature_relative": relative,
        }

    def compute_discriminator_loss(
        self, discriminator: nn.Module, real_audio: Tensor, fake_audio: Tensor
    ) -> dict[str, Tensor]:
        """The discriminator's loss, means over sub-discriminators; the fake audio is detached here.

        Returns:
            ``total`` to go backward from, its parts ``real`` and ``fake``. A discriminator that answers 0 to
            everything has 2.0 under hinge.
        """
        _same(real_audio, fake_audio)
        logits, _ = discriminator(torch.cat([real_audio, fake_audio.detach()]))
        half = len(real_audio)
        real = self.loss.reduce([self.loss.real(x[:half]).mean() for x in logits])
        fake = self.loss.reduce([self.loss.fake(x[half:]).mean() for x in logits])
        return {"total": real + fake, "real": real, "fake": fake}

    def config(self) -> dict[str, Any]:
        """What it was made with."""
        return {
            "adversarial_weight": self.adversarial_weight,
            "feature_matching_weight": self.feature_matching_weight,
            "warmup_steps": self.warmup_steps,
            "loss": self.loss.kind,
        }


def _same(real: Tensor, fake: Tensor) -> None:
    if real.shape != fake.shape:
        raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)} differ in shape")
