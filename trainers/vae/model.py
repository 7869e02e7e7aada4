"""The AudioVAE: a convolutional variational autoencoder of stereo waves (the Oobleck family of stable audio).

`config` holds the seven numbers that make it, so that a checkpoint can rebuild it alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.vae import Model as Part
from trainers.kit.blocks import Snake, SnakeResidual, conv, down, up

LOGVAR = (-30.0, 20.0)  # what exp() still takes in float32, as in latent diffusion's VAE
MOMENTUM = 0.99


class VaeOut(NamedTuple):
    """``recon`` ``[B, C, T]``; ``z``, ``mean`` and ``logvar`` ``[B, latent_dim, T / hop]``."""

    recon: Tensor
    z: Tensor
    mean: Tensor
    logvar: Tensor


class AudioVAE(nn.Module):
    """Encoder to mean and log variance a frame, decoder back; ``hop`` samples make one latent frame.

    Each block has residual units of all dilations and a stride; channels are ``base_channels`` times its
    multiplier. Training draws z = mean + std × noise, evaluation takes the mean. ``latent_mean`` and
    ``latent_std`` ``[latent_dim]`` follow the latent means seen in training (exponential, 0.99), for
    whatever is trained on the latents later.

    Raises:
        ValueError: for numbers that do not fit each other.
    """

    latent_mean: Tensor
    latent_std: Tensor
    latent_batches: Tensor

    def __init__(
        self,
        in_channels: int = 2,
        base_channels: int = 128,
        channel_mults: Sequence[int] = (1, 2, 4, 8),
        strides: Sequence[int] = (2, 4, 4, 8),
        latent_dim: int = 64,
        kernel_size: int = 7,
        dilations: Sequence[int] = (1, 3, 9),
    ) -> None:
        super().__init__()
        if len(channel_mults) != len(strides):
            raise ValueError(
                f"{len(channel_mults)} channel_mults for {len(strides)} strides; one belongs to each"
            )
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {kernel_size} is even; it must be odd")
        self.config: dict[str, Any] = {
            "in_channels": int(in_channels),
            "base_channels": int(base_channels),
            "channel_mults": [int(m) for m in channel_mults],
            "strides": [int(s) for s in strides],
            "latent_dim": int(latent_dim),
            "kernel_size": int(kernel_size),
            "dilations": [int(d) for d in dilations],
        }
        self.hop = math.prod(strides)
        self.encoder_frozen = False
        widths = [base_channels, *(base_channels * m for m in channel_mults)]
        self.encoder = self._encoder(in_channels, widths, strides, latent_dim, kernel_size, dilations)
        self.decoder = self._decoder(in_channels, widths, strides, latent_dim, kernel_size, dilations)
        self.register_buffer("latent_mean", torch.zeros(latent_dim))
        self.register_buffer("latent_std", torch.ones(latent_dim))
        self.register_buffer("latent_batches", torch.zeros((), dtype=torch.int64))

    @staticmethod
    def _encoder(
        audio: int,
        widths: Sequence[int],
        strides: Sequence[int],
        latent: int,
        kernel: int,
        dilations: Sequence[int],
    ) -> nn.Sequential:
        layers = [conv(audio, widths[0], kernel)]
        for before, after, stride in zip(widths, widths[1:], strides, strict=False):
            layers += [SnakeResidual(before, d, kernel) for d in dilations]
            layers += [Snake(before), down(before, after, stride)]
        return nn.Sequential(*layers, Snake(widths[-1]), conv(widths[-1], 2 * latent, 3))

    @staticmethod
    def _decoder(
        audio: int,
        widths: Sequence[int],
        strides: Sequence[int],
        latent: int,
        kernel: int,
        dilations: Sequence[int],
    ) -> nn.Sequential:
        layers = [conv(latent, widths[-1], kernel)]
        pairs = list(zip(widths, widths[1:], strides, strict=False))
        for after, before, stride in reversed(pairs):
            layers += [Snake(before), up(before, after, stride)]
            layers += [SnakeResidual(after, d, kernel) for d in dilations]
        return nn.Sequential(*layers, Snake(widths[0]), conv(widths[0], audio, kernel, bias=False))

    def __call__(self, wave: Tensor) -> VaeOut:
        out: VaeOut = super().__call__(wave)
        return out

    def forward(self, wave: Tensor) -> VaeOut:
        """A wave ``[B, C, T]`` of any length; it is filled with zeros to whole frames and cut again."""
        if wave.ndim != 3 or wave.shape[1] != self.config["in_channels"]:
            raise ValueError(
                f"a wave of shape {tuple(wave.shape)}; it takes [B, {self.config['in_channels']}, T]"
            )
        mean, logvar = self.encode(wave)
        z = self.reparameterize(mean, logvar)
        if self.training and not self.encoder_frozen:
            self._follow(mean)
        return VaeOut(self.decode(z, wave.shape[-1]), z, mean, logvar)

    def encode(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance ``[B, latent_dim, frames]`` of a wave."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.encoder_frozen):
            mean, logvar = self.encoder(F.pad(wave, (0, -wave.shape[-1] % self.hop))).chunk(2, 1)
        return mean, logvar.clamp(*LOGVAR)

    def reparameterize(self, mean: Tensor, logvar: Tensor) -> Tensor:
        """A draw from the posterior in training, its mean in evaluation."""
        return mean + (logvar / 2).exp() * torch.randn_like(mean) if self.training else mean

    def decode(self, z: Tensor, length: int | None = None) -> Tensor:
        """The wave ``[B, C, length]`` of latents; without a length, whole frames."""
        wave: Tensor = self.decoder(z)
        return wave[..., :length]

    @torch.no_grad()
    def _follow(self, mean: Tensor) -> None:
        """Lets the latent statistics follow a batch of means; the first batches count in full."""
        each = mean.detach().float()
        self.latent_batches += 1
        count = self.latent_batches.to(each.dtype)
        pace = torch.maximum(1 / count, torch.tensor(1 - MOMENTUM, device=each.device))
        self.latent_mean.lerp_(each.mean((0, 2)), pace)
        self.latent_std.lerp_(each.std((0, 2), correction=0), pace)

    @property
    def latent_statistics(self) -> dict[str, Tensor]:
        """``latent_mean`` and ``latent_std``, each ``[latent_dim]``."""
        return {"latent_mean": self.latent_mean, "latent_std": self.latent_std}

    def freeze_encoder(self, frozen: bool = True) -> None:
        """Stops (or lets go on) the encoder's training; latent statistics stand still with it."""
        self.encoder_frozen = frozen
        self.encoder.requires_grad_(not frozen)


def kl_divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL of the posterior from N(0, 1) in nats a dimension ``[latent_dim]``, mean over items and frames."""
    each = 0.5 * (mean.square() + logvar.exp() - 1 - logvar)
    return each.mean((0, 2))


def build_model(part: Part) -> AudioVAE:
    """The model that a recipe's ``model`` describes, its encoder frozen if it says so."""
    net = AudioVAE(
        part.in_channels,
        part.base_channels,
        part.channel_mults,
        part.strides,
        part.latent_dim,
        part.kernel_size,
        part.dilations,
    )
    if part.encoder_frozen:
        net.freeze_encoder()
    return net
