"""The codec's generators: a patch codec that a CPU trains in seconds, and DAC's encoder and decoder.

Both take a wave ``[B, 1, T]`` of any length and return one of the same length. Lengths that are no multiple
of the hop are filled with zeros at the end and cut again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.codec import Codec
from trainers.kit.blocks import Snake, SnakeResidual, conv, down, padded, up
from trainers.kit.processes import SOLO, Team
from trainers.kit.quantize import ResidualVQ, build_quantizer


class CodecOut(NamedTuple):  # Fabric's hooks walk through tuples, not through frozen dataclasses
    """``wave`` ``[B, 1, T]`` rebuilt, scalar ``vq_loss``, ``codes`` ``[B, stages, frames]``."""

    wave: Tensor
    vq_loss: Tensor
    codes: Tensor


class CodecModel(nn.Module):
    """Encoder, residual quantiser, decoder; ``hop`` samples make one frame of codes."""

    def __init__(self, encoder: nn.Module, quantizer: ResidualVQ, decoder: nn.Module, hop: int) -> None:
        super().__init__()
        self.encoder, self.quantizer, self.decoder, self.hop = encoder, quantizer, decoder, hop

    def __call__(self, wave: Tensor) -> CodecOut:
        out: CodecOut = super().__call__(wave)
        return out

    def forward(self, wave: Tensor) -> CodecOut:
        length = wave.shape[-1]
        coded = self.quantizer(self.encoder(F.pad(wave, (0, -length % self.hop))))
        return CodecOut(self.decoder(coded.z)[..., :length], coded.loss, coded.codes)

    @torch.no_grad()
    def latent(self, wave: Tensor) -> Tensor:
        """What the quantiser is given, ``[B, latent, frames]``."""
        found: Tensor = self.encoder(F.pad(wave, (0, -wave.shape[-1] % self.hop)))
        return found

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """Codes ``[B, stages, frames]`` of a wave."""
        return self.quantizer(self.encoder(F.pad(wave, (0, -wave.shape[-1] % self.hop)))).codes

    @torch.no_grad()
    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """The wave ``[B, 1, length]`` of codes; without a length, whole frames."""
        wave: Tensor = self.decoder(self.quantizer.decode(codes))
        return wave[..., :length]


class PatchResidual(nn.Module):
    """x + Conv1(ELU(Conv3 dilated(ELU(x))))."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.narrow = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = x + self.narrow(F.elu(self.wide(F.elu(x))))
        return mixed


def _patch_parts(channels: int, hop: int, latent: int) -> tuple[nn.Module, nn.Module]:
    """Encoder (patches of two hops, three residual blocks, a narrow latent) and its mirror, the decoder."""
    padding, odd = padded(2 * hop, hop)
    encoder = nn.Sequential(
        nn.Conv1d(1, channels, 2 * hop, stride=hop, padding=padding),
        *(PatchResidual(channels, d) for d in (1, 2, 4)),
        nn.Conv1d(channels, latent, 1),
    )
    decoder = nn.Sequential(
        nn.Conv1d(latent, channels, 1),
        *(PatchResidual(channels, d) for d in (4, 2, 1)),
        nn.ConvTranspose1d(channels, 1, 2 * hop, stride=hop, padding=padding, output_padding=odd),
    )
    return encoder, decoder


def _dac_encoder(width: int, rates: Sequence[int], latent: int) -> nn.Module:
    layers = [conv(1, width, 7)]
    for rate in rates:
        layers += [*(SnakeResidual(width, d) for d in (1, 3, 9)), Snake(width), down(width, 2 * width, rate)]
        width *= 2
    return nn.Sequential(*layers, Snake(width), conv(width, latent, 3))


def _dac_decoder(width: int, rates: Sequence[int], latent: int) -> nn.Module:
    layers = [conv(latent, width, 7)]
    for rate in rates:
        layers += [Snake(width), up(width, width // 2, rate)]
        width //= 2
        layers += [SnakeResidual(width, d) for d in (1, 3, 9)]
    return nn.Sequential(*layers, Snake(width), conv(width, 1, 7), nn.Tanh())


def nominal_kbps(recipe: Codec) -> float:
    """Bit rate of the codes in kbit/s, before any entropy coding."""
    return recipe.kbps


def build_generator(recipe: Codec, *, team: Team = SOLO) -> CodecModel:
    """The codec that a recipe describes; DAC's latent is as wide as its encoder ends.

    The processes of a ``team`` share its codebooks: see `kit.quantize.EmaResidualVQ`.

    Raises:
        ValueError: where the decoder's channels cannot be halved at each of its strides.
    """
    gen, hop = recipe.gen, recipe.hop
    latent = gen.latent if gen.kind == "patch" else gen.encoder_dim * 2 ** len(gen.encoder_rates)
    quantizer = build_quantizer(recipe.quantizer, latent, team=team)
    if gen.kind == "patch":
        encoder, decoder = _patch_parts(gen.channels, hop, latent)
        return CodecModel(encoder, quantizer, decoder, hop)
    halvings = 2 ** len(gen.decoder_rates)
    if gen.decoder_dim % halvings:
        raise ValueError(f"gen.decoder_dim {gen.decoder_dim} cannot be halved {len(gen.decoder_rates)} times")
    encoder = _dac_encoder(gen.encoder_dim, gen.encoder_rates, latent)
    return CodecModel(encoder, quantizer, _dac_decoder(gen.decoder_dim, gen.decoder_rates, latent), hop)
