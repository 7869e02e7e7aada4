"""Short-time spectra and mel filters in plain torch, with buffers cached per device.

Windows and filters are made outside inference mode, so that one first used in an evaluation can be used in
training later. Spectra are always computed in float32 or better: there is no FFT in bfloat16.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

FLOOR = 1e-5  # DAC's clamp of magnitudes before the logarithm


WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}


@lru_cache(maxsize=128)
def _window(name: str, n: int, device: str, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        return WINDOWS[name](n, periodic=True, dtype=torch.float64).to(device, dtype)


def hann(n: int, like: Tensor) -> Tensor:
    """The periodic Hann window of ``n`` samples, on the device and in the type of ``like``."""
    return window(n, like)


def window(n: int, like: Tensor, name: str = "hann") -> Tensor:
    """The periodic window (``hann`` or ``hamming``) of ``n`` samples, as `hann` gives it."""
    return _window(name, n, str(like.device), like.dtype)


def _plain(wave: Tensor) -> Tensor:
    return wave if wave.dtype == torch.float64 else wave.float()


def stft(wave: Tensor, n_fft: int, hop: int, *, normalized: bool = False, shape: str = "hann") -> Tensor:
    """Complex spectrum ``[..., n_fft // 2 + 1, T // hop + 1]`` of a wave ``[..., T]``.

    Window of ``n_fft`` samples (``shape`` hann or hamming), frames centred, edges reflected. A wave too short
    to be reflected is first filled with zeros to ``n_fft // 2 + 1`` samples. ``normalized`` divides by
    ``sqrt(n_fft)``.
    """
    *batch, length = wave.shape
    with torch.autocast(wave.device.type, enabled=False):
        flat = _plain(wave).reshape(-1, length)
        if length <= n_fft // 2:
            flat = F.pad(flat, (0, n_fft // 2 + 1 - length))
        spectrum = torch.stft(
            flat,
            n_fft,
            hop,
            window=window(n_fft, flat, shape),
            center=True,
            normalized=normalized,
            return_complex=True,
        )
    return spectrum.reshape(*batch, *spectrum.shape[-2:])


def istft(
    spectrum: Tensor, n_fft: int, hop: int, length: int, *, normalized: bool = False, shape: str = "hann"
) -> Tensor:
    """The wave ``[..., length]`` of a spectrum made by `stft`; ``length`` keeps its tail."""
    *batch, bins, frames = spectrum.shape
    with torch.autocast(spectrum.device.type, enabled=False):
        flat = spectrum.reshape(-1, bins, frames)
        wave = torch.istft(
            flat,
            n_fft,
            hop,
            window=window(n_fft, flat.real, shape),
            center=True,
            normalized=normalized,
            length=length,
        )
    return wave.reshape(*batch, length)


def hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's mel: linear to 1 kHz (15 mels), logarithmic above (27 steps to 6.4 times the frequency)."""
    step = torch.log(torch.tensor(6.4, dtype=hz.dtype)) / 27
    return torch.where(hz < 1000, hz * 3 / 200, 15 + torch.log(hz.clamp(min=1) / 1000) / step)


def mel_to_hz(mel: Tensor) -> Tensor:
    """The inverse of `hz_to_mel`."""
    step = torch.log(torch.tensor(6.4, dtype=mel.dtype)) / 27
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) * step))


@lru_cache(maxsize=128)
def _filters(
    rate_hz: int, n_fft: int, n_mels: int, low: float, high: float, device: str, dtype: torch.dtype
) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        bins = torch.linspace(0, rate_hz / 2, n_fft // 2 + 1, dtype=torch.float64)
        ends = hz_to_mel(torch.tensor([low, high], dtype=torch.float64))
        edges = mel_to_hz(torch.linspace(float(ends[0]), float(ends[1]), n_mels + 2, dtype=torch.float64))
        left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
        rising = (bins - left) / (centre - left)
        falling = (right - bins) / (right - centre)
        area = 2 / (right - left)
        return (torch.minimum(rising, falling).clamp(min=0) * area).to(device, dtype)


def mel_filters(
    rate_hz: int, n_fft: int, n_mels: int, like: Tensor, *, low: float = 0.0, high: float | None = None
) -> Tensor:
    """Triangular mel filters ``[n_mels, n_fft // 2 + 1]`` of equal area (Slaney's scale and norm).

    Where mels lie closer than bins, some rows are all zero: such a filter hears nothing. `heard` finds them.
    """
    top = rate_hz / 2 if high is None else high
    if not 0 <= low < top <= rate_hz / 2:
        raise ValueError(f"mel range {low:g} to {top:g} Hz does not fit a rate of {rate_hz} Hz")
    return _filters(rate_hz, n_fft, n_mels, float(low), float(top), str(like.device), like.dtype)


def heard(filters: Tensor) -> Tensor:
    """Which mel filters ``[n_mels]`` contain at least one bin."""
    return filters.sum(1) > 0


def mel_spectrogram(
    wave: Tensor,
    rate_hz: int,
    n_fft: int,
    hop: int,
    n_mels: int,
    *,
    low: float = 0.0,
    high: float | None = None,
) -> Tensor:
    """Mel magnitudes ``[..., n_mels, frames]`` of a wave ``[..., T]``; linear, not in dB."""
    magnitude = stft(wave, n_fft, hop).abs()
    filters = mel_filters(rate_hz, n_fft, n_mels, magnitude, low=low, high=high)
    with torch.autocast(wave.device.type, enabled=False):
        return filters @ magnitude
