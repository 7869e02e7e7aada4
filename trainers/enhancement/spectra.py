"""Levels and compressed spectra, the way there and back."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.enhancement import Generator as Part
from trainers.enhancement.model import TINY
from trainers.kit import dsp


def scale_of(noisy: Tensor) -> Tensor:
    """What noisy waves ``[B, T]`` are multiplied by for RMS 1, as ``[B, 1]``; 1 for silence (CMGAN: infinity)."""
    rms = noisy.square().mean(-1, keepdim=True).sqrt()
    return torch.where(rms > 1e-8, 1 / rms.clamp(min=1e-8), torch.ones_like(rms))


class Spectra:
    """Hamming windows; magnitudes raised to ``compress``, phases kept; ``[B, 2, frames, bins]``."""

    def __init__(self, part: Part) -> None:
        self.n_fft, self.hop = part.n_fft, part.hop
        self.compress, self.keep_length = part.compress, part.keep_length

    def of(self, wave: Tensor) -> Tensor:
        """The compressed spectrum of waves ``[B, T]``."""
        spectrum = torch.view_as_real(dsp.stft(wave, self.n_fft, self.hop, shape="hamming"))
        bent = spectrum * self._power(spectrum, self.compress)
        return bent.permute(0, 3, 2, 1)

    def wave(self, compressed: Tensor, length: int) -> Tensor:
        """The waves ``[B, length]`` of compressed spectra; fewer samples where ``keep_length`` is off."""
        plain = compressed.permute(0, 3, 2, 1).float()
        plain = plain * self._power(plain, 1 / self.compress)
        if not self.keep_length:
            length = min(length, self.hop * (plain.shape[2] - 1))
        spectrum = torch.view_as_complex(plain.contiguous())
        return dsp.istft(spectrum, self.n_fft, self.hop, length, shape="hamming")

    @staticmethod
    def _power(parts: Tensor, power: float) -> Tensor:
        """What real and imaginary parts are multiplied by so that the magnitude is raised to ``power``."""
        return (parts.square().sum(-1, keepdim=True) + TINY) ** ((power - 1) / 2)
