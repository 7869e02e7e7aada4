"""Measures of an estimate against its reference: two waves ``[T]`` or ``[C, T]``, tensors or arrays.

Unequal shapes raise ValueError: nothing is cut to fit. A measure that is undefined is NaN, a perfect one
Infinity; both are facts and stay so in the journal. PESQ and STOI, which fail in many ways, return a `Score`:
a number, or the reason why there is none.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.kit.losses import MelDistance
from trainers.kit.scores import PESQ_MODES, Reason, Score, pesq_of

__all__ = [
    "PESQ_MODES",
    "Lag",
    "Reason",
    "Score",
    "amplitude",
    "best_lag",
    "ceiling",
    "gain_db",
    "measures",
    "mel_distance",
    "pesq",
    "pesq_ready",
    "si_sdr",
    "snr",
    "stoi",
]
Wave = Any  # Tensor, or an array that torch.as_tensor takes
SILENT = 1e-4  # RMS, -80 dBFS: below it a wave has no speech to judge


def _pair(clean: Wave, estimate: Wave) -> tuple[Tensor, Tensor]:
    x = torch.as_tensor(clean).detach().to("cpu", torch.float64)
    y = torch.as_tensor(estimate).detach().to("cpu", torch.float64)
    if x.shape != y.shape or x.ndim not in (1, 2) or x.shape[-1] == 0:
        raise ValueError(f"waves must be equal, [T] or [C, T], not {tuple(x.shape)} and {tuple(y.shape)}")
    return x, y


def _db(power_ratio: Tensor) -> Tensor:
    return 10 * torch.log10(power_ratio)


def snr(clean: Wave, estimate: Wave) -> float:
    """Signal-to-noise ratio in dB, 10 log10(|x|² / |x - y|²), all channels together."""
    x, y = _pair(clean, estimate)
    return float(_db(x.square().sum() / (x - y).square().sum()))


def si_sdr(clean: Wave, estimate: Wave) -> float:
    """Scale-invariant signal-to-distortion ratio in dB on zero-mean signals (Le Roux et al. 2019).

    The mean over channels; NaN where the reference or the estimate is constant.
    """
    x, y = _pair(clean, estimate)
    x, y = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
    target = (x * y).sum(-1, keepdim=True) / x.square().sum(-1, keepdim=True) * x
    return float(_db(target.square().sum(-1) / (y - target).square().sum(-1)).mean())


def amplitude(clean: Wave, estimate: Wave) -> float:
    """RMS of the estimate over RMS of the reference in per cent; 100 is right."""
    x, y = _pair(clean, estimate)
    return float(100 * y.norm() / x.norm())


def gain_db(clean: Wave, estimate: Wave) -> float:
    """Level of the estimate against the reference in dB; 0 is right, -Infinity for a silent estimate."""
    x, y = _pair(clean, estimate)
    return float(_db(y.square().sum() / x.square().sum()))


def ceiling(amplitude_percent: float) -> float:
    """The highest SNR in dB that this amplitude allows: -20 log10|1 - a|; Infinity at 100 %."""
    off = abs(1 - amplitude_percent / 100)
    return -20 * math.log10(off) if off else math.inf


@lru_cache(maxsize=16)
def _mel(rate_hz: int) -> MelDistance:
    return MelDistance(rate_hz)


@torch.no_grad()
def mel_distance(clean: Wave, estimate: Wave, rate_hz: int) -> float:
    """Mel distance in decades: see `trainers.kit.losses.MelDistance`. Not the measure of DAC's own table."""
    x, y = _pair(clean, estimate)
    return float(_mel(rate_hz)(x.float(), y.float()))


@dataclass(frozen=True)
class Lag:
    """``samples`` by which the estimate comes late, ``correlation`` there (-1 to 1), ``snr`` in dB there."""

    samples: int
    correlation: float
    snr: float


def best_lag(clean: Wave, estimate: Wave, most: int) -> Lag:
    """The shift of at most ``most`` samples either way at which the two are most alike, or most opposed.

    A much better SNR there than at 0 means a delay; a correlation near -1 means turned polarity.
    """
    x, y = _pair(clean, estimate)
    length = x.shape[-1]
    most = min(most, length - 1)
    spectrum = torch.fft.rfft(x, 2 * length).conj() * torch.fft.rfft(y, 2 * length)
    across = torch.fft.irfft(spectrum, 2 * length).reshape(-1, 2 * length).sum(0)
    alike = torch.cat([across[2 * length - most :], across[: most + 1]]) / (x.norm() * y.norm())
    at = int(torch.where(alike.isnan(), 0.0, alike.abs()).argmax())
    late = at - most
    shifted = y[..., max(late, 0) : length + min(late, 0)]
    return Lag(late, float(alike[at]), snr(x[..., max(-late, 0) : length - max(late, 0)], shifted))


def _refused(clean: Wave, estimate: Wave) -> tuple[Tensor, Tensor] | Score:
    """Both waves as ``[C, T]``, or why they cannot be scored."""
    x, y = torch.as_tensor(clean), torch.as_tensor(estimate)
    if x.shape != y.shape:
        return Score(None, Reason.UNEQUAL_LENGTH, f"{tuple(x.shape)} against {tuple(y.shape)} samples")
    if x.numel() == 0:
        return Score(None, Reason.TOO_SHORT, "no samples")
    x, y = _pair(x, y)
    for name, wave in (("reference", x), ("estimate", y)):
        if not bool(wave.isfinite().all()):
            return Score(None, Reason.NON_FINITE, f"the {name} holds NaN or infinite samples")
        rms = float(wave.square().mean().sqrt())
        if rms < SILENT:
            return Score(None, Reason.SILENT, f"the {name} is silent (RMS {rms:.1e})")
    return torch.atleast_2d(x), torch.atleast_2d(y)


def _mean(clean: Tensor, estimate: Tensor, one: Callable[[np.ndarray, np.ndarray], Score]) -> Score:
    """The mean over channels, or the first reason."""
    scores = [one(x.numpy(), y.numpy()) for x, y in zip(clean, estimate, strict=True)]
    failed = next((s for s in scores if s.value is None), None)
    return failed or Score(sum(s.value or 0.0 for s in scores) / len(scores))


def pesq_ready(clean: Wave, estimate: Wave, rate_hz: int) -> tuple[Tensor, Tensor] | Score:
    """Both waves as ``[C, T]`` for PESQ, or why they have none: rate, length, silence, NaN."""
    if rate_hz not in PESQ_MODES:
        return Score(None, Reason.RATE, f"PESQ is defined at 8000 and 16000 Hz, not at {rate_hz}")
    return _refused(clean, estimate)


def pesq(clean: Wave, estimate: Wave, rate_hz: int) -> Score:
    """PESQ in MOS-LQO: narrow band at 8 kHz, wide band at 16 kHz, none at other rates (nothing is resampled).

    It does not hear level: an estimate 20 times too loud scores the same.
    """
    ready = pesq_ready(clean, estimate, rate_hz)
    if isinstance(ready, Score):
        return ready
    return _mean(*ready, lambda x, y: pesq_of(x, y, rate_hz))


def stoi(clean: Wave, estimate: Wave, rate_hz: int) -> Score:
    """Short-time objective intelligibility, about 0 to 1; both are resampled to 10 kHz, as it is defined."""
    ready = _refused(clean, estimate)
    if isinstance(ready, Score):
        return ready
    try:
        import pystoi
    except ImportError:
        return Score(None, Reason.NOT_INSTALLED, "the package pystoi is not installed")

    def one(x: np.ndarray, y: np.ndarray) -> Score:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                return Score(float(pystoi.stoi(x, y, rate_hz)))
            except RuntimeWarning as problem:
                # the package answers 1e-5 where too little speech is left, and only warns
                return Score(None, Reason.TOO_SHORT, str(problem).split(".")[0])
            except ValueError as problem:
                return Score(None, Reason.FAILED, str(problem))

    return _mean(*ready, one)


def measures(clean: Wave, estimate: Wave, rate_hz: int) -> tuple[dict[str, float], dict[str, Score]]:
    """(values by series name, scores that could not be had): all measures of one clip.

    PESQ is left out with its reason where there is none, as ``eval/pesq_nb`` or ``eval/pesq_wb``.
    """
    values = {
        "eval/snr": snr(clean, estimate),
        "eval/si_sdr": si_sdr(clean, estimate),
        "eval/amplitude": amplitude(clean, estimate),
        "eval/gain_db": gain_db(clean, estimate),
        "eval/mel": mel_distance(clean, estimate, rate_hz),
    }
    name = f"eval/pesq_{PESQ_MODES.get(rate_hz, 'wb')}"
    score = pesq(clean, estimate, rate_hz)
    if score.value is None:
        return values, {name: score}
    return values | {name: score.value}, {}
