"""What of the codec's game is probed: waves ``[B, 1, T]``."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.codec.train import Training
from trainers.kit.device import batch_on
from trainers.kit.probe import Pair


class Hook:
    def __init__(self, training: Training) -> None:
        self.training, self.game = training, training.game
        self.gen, self.disc = training.net, training.game.bare
        self.optimizer, self.loss = training.game.optimizer, training.game.loss

    @torch.no_grad()
    def draw(self) -> Pair:
        real = batch_on(self.training.fabric.device, self.training.data.crops.next())[:, None]
        return Pair(real, self.training.gen(real).wave)

    def train(self, pair: Pair) -> None:
        self.game.train_disc(pair.real, pair.fake, detail=False)

    def logits(self, side: Tensor, pair: Pair) -> list[Tensor]:
        logits: list[Tensor] = self.disc(side)[0]
        return logits
