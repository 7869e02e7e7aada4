"""The conditional GAN's networks: the document's residual pair, and StudioGAN's ``big_resnet``.

The generator takes z ``[B, latent]`` and classes ``[B]`` and returns images ``[B, 3, 32, 32]`` in (-1, 1)
with what went into the tanh; the discriminator takes images and classes and returns logits ``[B]``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.cgan import Cgan, Discriminator, Generator
from trainers.kit import spectral

SIDE = 32
PARTS = 4  # big_resnet splits z: one part for the first layer, one for each block


class Made(NamedTuple):
    """``image`` ``[B, 3, 32, 32]`` is the tanh of ``pre``."""

    image: Tensor
    pre: Tensor


class SelfAttention(nn.Module):
    """SAGAN's: x + γ · attention(x), γ from 0; keys and values from a map of half the side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(channels // 8, 1), max(channels // 2, 1)
        self.query = nn.Conv2d(channels, narrow, 1, bias=False)
        self.key = nn.Conv2d(channels, narrow, 1, bias=False)
        self.value = nn.Conv2d(channels, half, 1, bias=False)
        self.out = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        query = self.query(x).flatten(2)
        key = F.max_pool2d(self.key(x), 2).flatten(2)
        value = F.max_pool2d(self.value(x), 2).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ key, -1)
        seen = (value @ weights.transpose(1, 2)).view(batch, -1, height, width)
        mixed: Tensor = x + self.gamma * self.out(seen)
        return mixed


class Norm(nn.Module):
    """Batch norm; with a condition of so many dimensions its gain is 1 + W c and its shift W' c."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, affine=not condition)
        self.gain = nn.Linear(condition, channels, bias=False) if condition else None
        self.shift = nn.Linear(condition, channels, bias=False) if condition else None

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        plain: Tensor = self.bn(x)
        if self.gain is None or self.shift is None:
            return plain
        return plain * (1 + self.gain(condition))[:, :, None, None] + self.shift(condition)[:, :, None, None]


class Up(nn.Module):
    """Norm, ReLU, twice the side, conv, norm, ReLU, conv; beside it a 1×1 conv where asked for."""

    def __init__(self, before: int, after: int, condition: int, *, skip: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = Norm(before, condition), Norm(after, condition)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1) if skip else None

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        y = F.interpolate(F.relu(self.norm1(x, condition)), scale_factor=2)
        y = self.conv2(F.relu(self.norm2(self.conv1(y), condition)))
        beside = F.interpolate(x, scale_factor=2)
        mixed: Tensor = y + (beside if self.skip is None else self.skip(beside))
        return mixed


class GeneratorNet(nn.Module):
    """What both generators share: three `Up` blocks, attention after one of them, the last layer."""

    def __init__(self, part: Generator, classes: int) -> None:
        super().__init__()
        self.part, width = part, part.width
        big = part.kind == "big_resnet"
        widths = [width] * 4 if big else [width, width, width // 2, width // 4]
        self.embed = nn.Embedding(classes, part.embed)
        chunk = part.latent // PARTS
        first = chunk if big else part.latent + part.embed
        condition = chunk + part.embed if big else first if part.condition == "cbn" else 0
        self.first = nn.Linear(first, widths[0] * 16)
        pairs = list(pairwise(widths))
        self.blocks = nn.ModuleList(Up(a, b, condition, skip=big or a != b) for a, b in pairs)
        place = {8: 1, 16: 2}.get(part.attention, 0)
        self.after = place
        self.attention = SelfAttention(widths[place]) if place else nn.Identity()
        self.final_bn = nn.BatchNorm2d(widths[-1])
        self.final_conv = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def __call__(self, z: Tensor, classes: Tensor) -> Made:
        made: Made = super().__call__(z, classes)
        return made

    def forward(self, z: Tensor, classes: Tensor) -> Made:
        label = self.embed(classes)
        if self.part.kind == "big_resnet":
            first, *rest = z.chunk(PARTS, 1)
            conditions: list[Tensor | None] = [torch.cat([label, part], 1) for part in rest]
        else:
            first = torch.cat([z, label], 1)
            conditions = [first if self.part.condition == "cbn" else None] * len(self.blocks)
        x = self.first(first).view(len(z), -1, 4, 4)
        for i, (block, condition) in enumerate(zip(self.blocks, conditions, strict=True), 1):
            x = block(x, condition)
            if i == self.after:
                x = self.attention(x)
        x = self.final_bn(x)
        pre = self.final_conv(F.relu(x) if self.part.final_relu else x)
        return Made(torch.tanh(pre), pre)


class Down(nn.Module):
    """ReLU, conv, ReLU, conv, half the side where asked for; the first block begins without ReLU."""

    def __init__(self, before: int, after: int, *, down: bool, first: bool = False) -> None:
        super().__init__()
        self.down, self.first = down, first
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1) if down or before != after else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if self.first:  # pooled before the 1×1 conv, as BigGAN does: the same map for a quarter of the work
            beside = F.avg_pool2d(x, 2)
            y = F.avg_pool2d(y, 2)
            return y + (beside if self.skip is None else self.skip(beside))
        beside = x if self.skip is None else self.skip(x)
        return F.avg_pool2d(y + beside, 2) if self.down else y + beside


class DiscriminatorNet(nn.Module):
    """Residual blocks, attention after one of them, ReLU, sum over the map, a linear layer.

    The class enters as a fourth channel (``concat``), or as the inner product of its embedding with the
    summed features (``projection``).
    """

    def __init__(self, part: Discriminator, classes: int) -> None:
        super().__init__()
        self.part, width = part, part.width
        big = part.kind == "big_resnet"
        self.projects = big or part.condition == "projection"
        widths = [width] * 4 if big else [width, 2 * width, 4 * width, 8 * width, 8 * width]
        halves = (True, True, False, False) if big else (True, True, True, False, False)
        if not self.projects:
            self.embed = nn.Embedding(classes, part.embed)
            self.plane = nn.Linear(part.embed, SIDE * SIDE)
        ins = [3 if self.projects else 4, *widths]
        self.blocks = nn.ModuleList(
            Down(a, b, down=down, first=i == 0)
            for i, (a, b, down) in enumerate(zip(ins, widths, halves, strict=False))
        )
        self.after = {16: 1, 8: 2}.get(part.attention, 0)
        self.attention = SelfAttention(widths[self.after - 1]) if self.after else nn.Identity()
        self.out = nn.Linear(widths[-1], 1)
        if self.projects:
            self.project = nn.Embedding(classes, widths[-1])

    def __call__(self, images: Tensor, classes: Tensor) -> Tensor:
        logits: Tensor = super().__call__(images, classes)
        return logits

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        x = images
        if not self.projects:
            x = torch.cat([x, self.plane(self.embed(classes)).view(-1, 1, SIDE, SIDE)], 1)
        for i, block in enumerate(self.blocks, 1):
            x = block(x)
            if i == self.after:
                x = self.attention(x)
        features = F.relu(x).sum((2, 3))
        logits: Tensor = self.out(features)[:, 0]
        if self.projects:
            logits = logits + (self.project(classes) * features).sum(1)
        return logits


def build_generator(recipe: Cgan, classes: int) -> GeneratorNet:
    """Drawn, its last layer scaled by ``gen.final_gain``, then spectrally normalised as the recipe says.

    Under spectral norm the scaling is cancelled: W / σ(W) is the same for W and 0.1 W.
    """
    part = recipe.gen
    net = GeneratorNet(part, classes)
    spectral.draw(net, part.init, part.init_gain)
    with torch.no_grad():
        net.final_conv.weight.mul_(part.final_gain)
    # embeddings of classes stay free: a normalised one could not tell classes further apart than its one σ
    free = {"embed", "final_conv"}
    spectral.normalise(
        net,
        lambda name: part.final_sn if name == "final_conv" else part.spectral_norm and name not in free,
    )
    return net


def build_discriminator(recipe: Cgan, classes: int) -> DiscriminatorNet:
    """Drawn, then spectrally normalised as the recipe says."""
    net = DiscriminatorNet(recipe.disc, classes)
    spectral.draw(net, recipe.disc.init, recipe.disc.init_gain)
    spectral.normalise(net, lambda name: recipe.disc.spectral_norm)
    return net
