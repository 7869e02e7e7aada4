"""Measures of an estimate against its reference: waves ``[T]`` or ``[C, T]``, tensors or arrays, equal in shape.

Unequal shapes raise ValueError: nothing is cut to fit. A measure that is undefined is NaN, a perfect one
Infinity; both are facts and stay so in the journal. PESQ and STOI, which fail in many ways, return a `Score`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

Wave = Any  # Tensor, or an array that torch.as_tensor takes


def _pair(clean: Wave, estimate: Wave) -> tuple[Tensor, Tensor]:
    x = torch.as_tensor(clean).detach().to("cpu", torch.float64)
    y = torch.as_tensor(estimate).detach().to("cpu", torch.float64)
    if x.shape != y.shape or x.ndim not in (1, 2) or x.shape[-1] == 0:
        raise ValueError(f"waves must be equal, [T] or [C, T], not {tuple(x.shape)} and {tuple(y.shape)}")
    return x, y


def _db(ratio: Tensor) -> float:
    return float(10 * torch.log10(ratio))


def snr(clean: Wave, estimate: Wave) -> float:
    """Signal-to-noise ratio in dB, 10 log10(|x|² / |x - y|²), all channels together."""
    x, y = _pair(clean, estimate)
    return _db(x.square().sum() / (x - y).square().sum())


def si_sdr(clean: Wave, estimate: Wave) -> float:
    """Scale-invariant signal-to-distortion ratio in dB on zero-mean signals (Le Roux et al. 2019).

    The mean over channels; NaN where the reference is constant.
    """
    x, y = _pair(clean, estimate)
    x, y = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
    target = (x * y).sum(-1, keepdim=True) / x.square().sum(-1, keepdim=True) * x
    ratio = target.square().sum(-1) / (y - target).square().sum(-1)
    return float((10 * torch.log10(ratio)).mean())


def amplitude(clean: Wave, estimate: Wave) -> float:
    """RMS of the estimate over RMS of the reference in per cent; 100 is right."""
    x, y = _pair(clean, estimate)
    return float(100 * y.norm() / x.norm())


def gain_db(clean: Wave, estimate: Wave) -> float:
    """Level of the estimate against the reference in dB; 0 is right."""
    return 20 * math.log10(share) if (share := amplitude(clean, estimate) / 100) > 0 else -math.inf
