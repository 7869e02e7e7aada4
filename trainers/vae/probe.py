"""What of the AudioVAE's game is probed: waves ``[B, C, T]``."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.kit.errors import BadInput
from trainers.kit.probe import Pair
from trainers.vae.data import as_channels
from trainers.vae.lightning_module import Stepper
from trainers.vae.train import Training


class Hook:
    def __init__(self, training: Training) -> None:
        module = training.module
        if module.game is None:
            raise BadInput("this recipe has no discriminator to probe")
        self.training, self.game, self.stepper = training, module.game, module.game.optimizer
        self.gen, self.disc, self.loss = module.model, module.game.bare, module.game.loss
        self.optimizer = self.stepper.raw if isinstance(self.stepper, Stepper) else self.stepper
        module.to(training.device)

    @torch.no_grad()
    def draw(self) -> Pair:
        wave = self.training.data.crops.next()
        real = as_channels(wave if wave.ndim == 3 else wave[..., None]).to(self.training.device)
        return Pair(real, self.training.module.model(real).recon)

    def train(self, pair: Pair) -> None:
        # Lightning counts steps and scales gradients, and is not here: the optimiser itself is called
        backward = self.game.backward
        self.game.optimizer, self.game.backward = self.optimizer, torch.Tensor.backward
        try:
            self.game.train_disc(pair.real, pair.fake, detail=False)
        finally:
            self.game.optimizer, self.game.backward = self.stepper, backward

    def logits(self, side: Tensor, pair: Pair) -> list[Tensor]:
        logits: list[Tensor] = self.disc(side)[0]
        return logits
