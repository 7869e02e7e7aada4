"""What of the conditional game is probed: images ``[B, 3, 32, 32]`` with their classes."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.cgan.train import Training
from trainers.kit.probe import Pair


class Hook:
    """Both sides carry the classes of the reals, so that only the images tell them apart."""

    def __init__(self, training: Training) -> None:
        self.training, self.game = training, training.game
        self.gen, self.disc = training.net, training.game.bare
        self.optimizer, self.loss = training.game.optimizer, training.game.loss

    @torch.no_grad()
    def draw(self) -> Pair:
        training = self.training
        real, classes = training._real()
        z = torch.randn(len(real), training.recipe.gen.latent).to(real.device)
        return Pair(real, training.gen(z, classes).image.float(), classes)

    def train(self, pair: Pair) -> None:
        self.game.play_disc(pair.real, pair.about, pair.fake, pair.about, detail=False)

    def logits(self, side: Tensor, pair: Pair) -> list[Tensor]:
        return [self.disc(side, pair.about)]
