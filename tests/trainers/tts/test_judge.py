"""The mel discriminator: what it sees, and that it learns to tell."""

import torch

from recipes.tts import Discriminator
from trainers.kit.losses import AdversarialLoss
from trainers.tts.judge import MelJudge, stretches


def test_stretches_are_the_same_places_and_hold_no_padding() -> None:
    place = torch.arange(50.0)[None, :, None].expand(3, -1, 2)
    frames = torch.tensor([50, 20, 30])
    real, fake = stretches(place, place + 100, frames, 16)
    assert real.shape == (3, 2, 16)
    assert torch.equal(fake - real, torch.full_like(real, 100))
    assert bool((real.amax((1, 2)) < frames).all())
    assert torch.equal(real.diff(dim=2), torch.ones(3, 2, 15))
    assert stretches(place, place, torch.tensor([50, 7, 30]), 16)[0].shape == (3, 2, 7)


def test_two_parts_and_a_gradient() -> None:
    judge = MelJudge(Discriminator(channels=2), 16)
    mel = torch.randn(2, 16, 20, requires_grad=True)
    logits, features = judge(mel)
    assert len(logits) == len(features) == len(judge.names) == 2
    (grad,) = torch.autograd.grad(sum(x.mean() for x in logits), mel)
    assert float(grad.abs().sum()) > 0


def test_it_learns_to_tell_smooth_from_rough() -> None:
    torch.manual_seed(0)
    judge = MelJudge(Discriminator(channels=4), 16)
    game = AdversarialLoss(judge, torch.optim.Adam(judge.parameters(), 5e-3), "least_squares")
    for _ in range(60):
        rough = torch.randn(4, 16, 24)
        told = game.train_disc(rough, torch.nn.functional.avg_pool1d(rough, 5, 1, 2))
    assert float(told["disc/sign_acc"]) > 0.9
    assert float(told["loss/disc"]) < 0.3
