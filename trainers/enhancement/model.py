"""CMGAN's generator (TSCNet) and its metric discriminator.

The generator works on power-compressed spectra ``[B, 2, T, F]`` (real, imaginary): a mask for the magnitude
with the noisy phase, plus a complex residual. F is odd, so that it can be halved and doubled again. Written
from the published architecture (CMGAN, src/models); at its size it has 1.83 M parameters.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from recipes.enhancement import Discriminator as DiscPart
from recipes.enhancement import Generator as GenPart
from trainers.enhancement.conformer import Conformer

TINY = 1e-12  # under the root of magnitudes: the gradient of an exact zero stays finite


def magnitude(spectrum: Tensor) -> Tensor:
    """Magnitudes ``[B, T, F]`` of ``[B, 2, T, F]``."""
    return (spectrum.square().sum(1) + TINY).sqrt()


def _normed(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels, affine=True), nn.PReLU(channels)]


class DilatedDense(nn.Module):
    """Layers of Conv (2, 3), each seeing all before it, with dilations 1, 2, 4, … in time; causal padding."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.ConstantPad2d((1, 1, 2**i, 0), 0.0),
                nn.Conv2d(channels * (i + 1), channels, (2, 3), dilation=(2**i, 1)),
                *_normed(channels),
            )
            for i in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        seen = out = x
        for layer in self.layers:
            out = layer(seen)
            seen = torch.cat([out, seen], 1)
        return out


class SubPixel(nn.Module):
    """Doubles the frequencies: twice the channels, dealt out along F."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, (1, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        wide = self.conv(x)
        batch, channels, frames, bins = wide.shape
        dealt = wide.view(batch, 2, channels // 2, frames, bins).permute(0, 2, 3, 4, 1)
        doubled: Tensor = dealt.reshape(batch, channels // 2, frames, 2 * bins)
        return doubled


class TwoStage(nn.Module):
    """A conformer along time, then one along frequency, each with a skip."""

    def __init__(self, part: GenPart) -> None:
        super().__init__()
        self.time, self.frequency = Conformer(part), Conformer(part)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, frames, bins = x.shape
        along = x.permute(0, 3, 2, 1).reshape(batch * bins, frames, channels)
        along = along + self.time(along)
        across = along.view(batch, bins, frames, channels).transpose(1, 2)
        across = across.reshape(batch * frames, bins, channels)
        across = across + self.frequency(across)
        back: Tensor = across.view(batch, frames, bins, channels).permute(0, 3, 1, 2)
        return back


class Generator(nn.Module):
    """``[B, 2, T, F]`` noisy to ``[B, 2, T, F]`` estimated, both compressed."""

    def __init__(self, part: GenPart) -> None:
        super().__init__()
        width, bins = part.channels, part.n_fft // 2 + 1
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 1),
            *_normed(width),
            DilatedDense(width, part.depth),
            nn.Conv2d(width, width, (1, 3), stride=(1, 2), padding=(0, 1)),
            *_normed(width),
        )
        self.blocks = nn.Sequential(*(TwoStage(part) for _ in range(part.blocks)))
        self.mask = nn.Sequential(
            DilatedDense(width, part.depth),
            SubPixel(width),
            nn.Conv2d(width, 1, (1, 2)),
            *_normed(1),
            nn.Conv2d(1, 1, 1),
        )
        self.slope = nn.Parameter(torch.full((bins,), -0.25))
        self.residual = nn.Sequential(
            DilatedDense(width, part.depth),
            SubPixel(width),
            *_normed(width),
            nn.Conv2d(width, 2, (1, 2)),
        )
        if part.identity:
            for conv, weight, bias in ((self.mask[-1], 0.1, 1.0), (self.residual[-1], 0.1, 0.0)):
                with torch.no_grad():
                    conv.weight.mul_(weight)
                    conv.bias.fill_(bias)

    def forward(self, noisy: Tensor) -> Tensor:
        hidden = self.blocks(self.encoder(torch.cat([magnitude(noisy)[:, None], noisy], 1)))
        mask = self.mask(hidden)
        # a PReLU with a slope a frequency, from -0.25: at first the mask is a bent absolute value
        mask = torch.where(mask >= 0, mask, self.slope * mask)
        estimate: Tensor = mask * noisy + self.residual(hidden)
        return estimate


class LearnableSigmoid(nn.Module):
    """beta × sigmoid(slope × x) with the slope learned."""

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = beta
        self.slope = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.beta * torch.sigmoid(self.slope * x)


class MetricDiscriminator(nn.Module):
    """Predicts (PESQ - 1) / 3.5 of an estimate: magnitudes ``[B, T, F]`` of clean and estimate to ``[B]``.

    Four spectrally normed Conv 4 of stride 2, instance norm, PReLU; the largest value of each channel; two
    linear layers; a sigmoid with a learned slope. 0.18 M parameters at 16 channels.
    """

    def __init__(self, part: DiscPart) -> None:
        super().__init__()
        widths = [2, *(part.channels * 2**i for i in range(4))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            conv = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
            layers += [spectral_norm(conv), *_normed(after)]
        last = widths[-1]
        self.layers = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.head = nn.Sequential(
            spectral_norm(nn.Linear(last, last // 2)),
            nn.Dropout(part.dropout),
            nn.PReLU(last // 2),
            spectral_norm(nn.Linear(last // 2, 1)),
            LearnableSigmoid(),
        )

    def __call__(self, clean: Tensor, estimate: Tensor) -> Tensor:
        score: Tensor = super().__call__(clean, estimate)
        return score

    def forward(self, clean: Tensor, estimate: Tensor) -> Tensor:
        if clean.shape != estimate.shape:
            raise ValueError(f"clean {tuple(clean.shape)} and estimate {tuple(estimate.shape)} differ")
        pair = torch.stack([clean, estimate], 1)
        short = [max(0, 32 - n) for n in pair.shape[-2:]]  # four halvings and a norm need 2 x 2 left
        if any(short):
            pair = F.pad(pair, (0, short[1], 0, short[0]))
        judged: Tensor = self.head(self.layers(pair))[:, 0]
        return judged
