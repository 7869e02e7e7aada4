"""Histograms of an evaluation: D's logits on real and fake, latents, mel values."""

from __future__ import annotations

import torch
from torch import Tensor

from nashboard import media
from nashboard.reporter import Reporter
from trainers.kit.losses import AdversarialLoss

SHOWN = 10_000  # values of one histogram
BINS = 48


def tell(reporter: Reporter, name: str, step: int, values: Tensor, bins: int = BINS) -> bool:
    """Report how values of any shape lie; False where none is finite, and nothing was reported.

    Of more than `SHOWN` values every n-th is taken, so that the same tensor gives the same histogram.
    """
    flat = values.detach().float().flatten()
    flat = flat[:: max(1, -(-len(flat) // SHOWN))].cpu()
    flat = flat[flat.isfinite()]
    if len(flat):
        reporter.distribution(name, step, *media.histogram(flat.tolist(), bins))
    return bool(len(flat))


@torch.no_grad()
def logits(reporter: Reporter, step: int, game: AdversarialLoss, real: Tensor, fake: Tensor) -> None:
    """``disc/logits.real`` and ``disc/logits.fake``: D's answers to held-out items ``[B, …]`` and what G made of them.

    The answers of all sub-discriminators together; D stays as it is.
    """
    if not len(real):
        return
    judge = game.bare
    training = judge.training
    judge.eval()
    try:
        with game.autocast():
            answers = {side: judge(items)[0] for side, items in (("real", real), ("fake", fake))}
    finally:
        judge.train(training)
    for side, parts in answers.items():
        tell(reporter, f"disc/logits.{side}", step, torch.cat([x.float().flatten() for x in parts]))
