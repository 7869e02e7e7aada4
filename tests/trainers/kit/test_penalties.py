"""Gradient penalties against a discriminator whose gradient is known."""

import pytest
import torch
from torch import Tensor

from trainers.kit import penalties

SLOPE = torch.tensor([3.0, 4.0])


def linear(images: Tensor) -> Tensor:
    return images.flatten(1) @ SLOPE


def test_r1_is_the_squared_gradient() -> None:
    assert float(penalties.r1(linear, torch.randn(5, 2))) == pytest.approx(25.0)


def test_the_penalty_holds_the_norm_against_1() -> None:
    found, norm = penalties.gradient_penalty(linear, torch.randn(4, 2), torch.randn(4, 2))
    assert float(found) == pytest.approx(16.0)
    assert float(norm) == pytest.approx(5.0)
    assert (
        float(penalties.gradient_penalty(lambda x: linear(x) / 5, torch.zeros(2, 2), torch.ones(2, 2))[0])
        < 1e-10
    )


def test_it_is_taken_between_real_and_fake() -> None:
    seen: list[Tensor] = []

    def judge(images: Tensor) -> Tensor:
        seen.append(images.detach())
        return images.sum((1, 2, 3))

    real, fake = torch.zeros(64, 1, 2, 2), torch.ones(64, 1, 2, 2)
    penalties.gradient_penalty(judge, real, fake)
    assert 0 < float(seen[0].min()) < float(seen[0].max()) < 1
    assert torch.equal(seen[0].amin((1, 2, 3)), seen[0].amax((1, 2, 3)))  # one place an image


def test_they_train_the_discriminator() -> None:
    net = torch.nn.Linear(4, 1)
    penalties.r1(lambda x: net(x.flatten(1))[:, 0], torch.randn(3, 1, 2, 2)).backward()
    assert net.weight.grad is not None
    assert torch.allclose(net.weight.grad, 2 * net.weight.detach())
