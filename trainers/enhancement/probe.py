"""What of the metric game is probed: magnitudes ``[B, T, F]`` beside the clean ones; clean scores 1, others 0."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.enhancement.game import Judged
from trainers.enhancement.model import magnitude
from trainers.enhancement.train import Training
from trainers.kit.device import batch_on
from trainers.kit.losses import LeastSquares
from trainers.kit.probe import Pair


class Hook:
    """D predicts a score; here it is asked for the easiest one: the clean signal itself, or not."""

    def __init__(self, training: Training) -> None:
        self.training, self.game = training, training.game
        self.gen, self.disc = training.net, training.game.bare
        self.optimizer, self.loss = training.game.optimizer, LeastSquares()

    @torch.no_grad()
    def draw(self) -> Pair:
        training = self.training
        batch = training.data.crops.next()
        clean, noisy = (batch_on(training.fabric.device, w) for w in (batch.clean, batch.noisy))
        turn = training.objective.turn(training.gen, clean, noisy)
        real = magnitude(turn.clean)
        return Pair(real, magnitude(turn.estimate), real)

    def train(self, pair: Pair) -> None:
        self.game._history.clear()  # what it saw in training is not asked about
        wrong = Judged(pair.about, pair.fake, pair.about.new_zeros(len(pair.about)))
        self.game.train_disc(pair.about, {"est": wrong}, detail=False)

    def logits(self, side: Tensor, pair: Pair) -> list[Tensor]:
        return [self.disc(pair.about, side)]
