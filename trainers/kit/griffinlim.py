"""From a mel spectrogram back to sound without a network: least squares to bins, then Griffin and Lim's phases."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trainers.kit import dsp

MOMENTUM = 0.99  # Perraudin, Balazs and Søndergaard 2013: the fast variant
UPDATES = 20  # of the multiplicative rule that keeps magnitudes from being negative


def magnitudes(mel: Tensor, filters: Tensor) -> Tensor:
    """Non-negative spectrum ``[bins, frames]`` whose mel magnitudes come near ``mel`` ``[n_mels, frames]``."""
    mel = mel.clamp(min=0)
    bins = (torch.linalg.pinv(filters) @ mel).clamp(min=0) + 1e-7
    wanted, gram = filters.T @ mel, filters.T @ filters
    for _ in range(UPDATES):
        bins = bins * wanted / (gram @ bins).clamp(min=1e-9)
    return bins


@torch.no_grad()
def griffin_lim(spectrum: Tensor, n_fft: int, hop: int, iterations: int, seed: int = 0) -> Tensor:
    """The wave ``[(frames - 1) * hop]`` of magnitudes ``[bins, frames]``; the same for the same ``seed``.

    Global generators of random numbers are not touched.
    """
    frames = spectrum.shape[-1]
    length = max((frames - 1) * hop, 1)
    if length <= n_fft // 2:  # too short to be transformed back and forth: silence of the right length
        return torch.zeros(length, device=spectrum.device)
    random = torch.Generator().manual_seed(seed)
    angle = 2 * math.pi * torch.rand(spectrum.shape, generator=random).to(spectrum.device)
    phase = torch.polar(torch.ones_like(angle), angle)
    before = torch.zeros_like(phase)
    for _ in range(iterations):
        wave = dsp.istft(spectrum * phase, n_fft, hop, length)
        rebuilt = dsp.stft(wave, n_fft, hop)
        ahead = rebuilt - MOMENTUM / (1 + MOMENTUM) * before
        phase, before = ahead / ahead.abs().clamp(min=1e-12), rebuilt
    return dsp.istft(spectrum * phase, n_fft, hop, length)


def invert(
    mel: Tensor, rate_hz: int, n_fft: int, hop: int, iterations: int, *, low: float, high: float
) -> Tensor:
    """The wave of mel magnitudes ``[n_mels, frames]`` made as by `dsp.mel_spectrogram`."""
    mel = mel.float()
    filters = dsp.mel_filters(rate_hz, n_fft, mel.shape[0], mel, low=low, high=high)
    return griffin_lim(magnitudes(mel, filters), n_fft, hop, iterations)
