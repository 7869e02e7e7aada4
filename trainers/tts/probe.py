"""What of the mel discriminator's game is probed: normalised mels ``[B, M, frames]``."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.kit.probe import Pair
from trainers.tts.train import Training


class Hook:
    def __init__(self, training: Training) -> None:
        self.training, self.game = training, training.game
        self.gen, self.disc = training.net, training.game.bare
        self.optimizer, self.loss = training.game.optimizer, training.game.loss

    @torch.no_grad()
    def draw(self) -> Pair:
        batch = self.training.stream.next().to(self.training.fabric.device)
        with self.training.fabric.autocast():
            out = self.training.net(batch.tokens, batch.lengths, batch)
        return Pair(*self.training._pair(out, batch))

    def train(self, pair: Pair) -> None:
        self.game.train_disc(pair.real, pair.fake, detail=False)

    def logits(self, side: Tensor, pair: Pair) -> list[Tensor]:
        logits: list[Tensor] = self.disc(side)[0]
        return logits
