"""Gradient penalties of a discriminator that judges each item by itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Judge = Callable[[Tensor], Tensor]


def _gradient(judge: Judge, images: Tensor) -> Tensor:
    """d(logit of an item)/d(that item), ``[B, …]`` flattened; the graph is kept for the step."""
    images = images.detach().requires_grad_(True)
    (grad,) = torch.autograd.grad(judge(images).sum(), [images], create_graph=True)
    return grad.flatten(1)


def r1(judge: Judge, real: Tensor) -> Tensor:
    """Mean squared gradient norm at real items (Mescheder et al. 2018); its weight is γ/2."""
    return _gradient(judge, real).square().sum(1).mean()


def gradient_penalty(judge: Judge, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """(mean (|gradient| − 1)², mean |gradient|) at points between real and fake (Gulrajani et al. 2017)."""
    mix = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device, dtype=real.dtype)
    norms = _gradient(judge, real.detach() * mix + fake.detach() * (1 - mix)).norm(dim=1)
    return (norms - 1).square().mean(), norms.detach().mean()
