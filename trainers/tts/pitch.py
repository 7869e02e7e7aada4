"""Pitch as FastSpeech2 learns it: a spectrogram by continuous wavelet transform, or a value a phoneme.

As in the paper (after Suni et al. 2013): ten Mexican-hat scales an octave apart from 10 ms on. The hats here have
equal gain, so that their plain sum gives the contour back up to mean and spread; with the paper's weights
(i + 2.5)^(-5/2) the sum is mostly the fastest components, which is another contour.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trainers.kit.f0 import filled

SCALES = 10
TAU = 0.005  # seconds; scale i is 2^(i+1) of it
Floats = NDArray[np.float64]


def contour(hz: Floats) -> Floats:
    """ln F0 over all frames, gaps bridged; all 0 for speech without voice."""
    whole = filled(hz)
    return np.log(whole) if whole.any() else np.zeros_like(whole)


@lru_cache(maxsize=8)
def _bank(frames: int, seconds: float) -> NDArray[np.complex128]:
    """Transfer functions ``[SCALES, bins]`` of the Mexican hats for a contour mirrored to twice its length."""
    omega = 2 * np.pi * np.fft.rfftfreq(2 * frames, seconds)
    scales = TAU * 2.0 ** (np.arange(SCALES) + 1)
    x = omega[None] * scales[:, None]
    return (x**2 * np.exp(-(x**2) / 2)).astype(np.complex128)


def spectrogram(log_f0: Floats, hop_seconds: float) -> tuple[Floats, float, float]:
    """(components ``[frames, SCALES]``, mean, standard deviation) of a continuous contour ``[frames]``.

    The contour is normalised by mean and deviation first; a flat one has components of 0.
    """
    mean, spread = float(log_f0.mean()), float(log_f0.std())
    if spread < 1e-8:
        return np.zeros((len(log_f0), SCALES)), mean, 0.0
    x = (log_f0 - mean) / spread
    mirrored = np.concatenate([x, x[::-1]])
    found = np.fft.irfft(np.fft.rfft(mirrored)[None] * _bank(len(x), hop_seconds), 2 * len(x), axis=1)
    return found[:, : len(x)].T, mean, spread


def rebuilt(components: Tensor, mean: Tensor, spread: Tensor, mask: Tensor) -> Tensor:
    """ln F0 ``[B, T]`` of components ``[B, T, SCALES]``, mean and spread ``[B]``; padding (mask False) is 0."""
    summed = components.sum(-1) * mask
    count = mask.sum(1, keepdim=True).clamp(min=1)
    centred = (summed - summed.sum(1, keepdim=True) / count) * mask
    size = (centred.square().sum(1, keepdim=True) / count).sqrt().clamp(min=1e-5)
    return (centred / size * spread[:, None] + mean[:, None]) * mask


def by_phoneme(values: Floats, durations: NDArray[np.int64], known: NDArray[np.bool_]) -> Floats:
    """Mean of ``values`` ``[frames]`` over each phoneme's known frames; phonemes with none are bridged."""
    ends = np.cumsum(durations)
    starts = ends - durations
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    n = counts[ends] - counts[starts]
    means = (sums[ends] - sums[starts]) / np.maximum(n, 1)
    at = np.flatnonzero(n > 0)
    return np.interp(np.arange(len(durations)), at, means[at]) if len(at) else np.zeros(len(durations))


def outliers_cut(values: Floats, whiskers: float = 1.5) -> Floats:
    """Values inside ``whiskers`` interquartile ranges (ming024's rule for the statistics)."""
    low, high = np.quantile(values, [0.25, 0.75]) if len(values) else (0.0, 0.0)
    reach = whiskers * (high - low)
    return values[(values >= low - reach) & (values <= high + reach)]
