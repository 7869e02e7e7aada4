"""Two channels: placing mono between them, their middle and side, and how wide the result sounds.

Waves on disk and in a `Bank` are ``[T, C]``, networks and measures take ``[..., C, T]``.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PLACES = ("double", "pan")
QUIET = 1e-4  # RMS, -80 dBFS: below it a channel, a middle or a side is silent


def place_of(name: str) -> float:
    """Where a name is placed, -1 (left) to 1 (right), by its digest: the same everywhere and for good."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return 2 * number / (2**32 - 1) - 1


def panned(wave: NDArray[Any], place: float) -> NDArray[Any]:
    """A mono wave ``[T]`` as stereo ``[T, 2]`` at a place, its power kept: full left or right is +3 dB there."""
    angle = (place + 1) * math.pi / 4
    gains = np.array([math.cos(angle), math.sin(angle)]) * math.sqrt(2)
    return (wave[:, None] * gains).astype(wave.dtype)


def as_stereo(wave: NDArray[Any], name: str, mono: str = "double") -> NDArray[Any]:
    """``[T, C]`` as ``[T, 2]``: mono is doubled or panned by its name, of more channels the first two stay."""
    if mono not in PLACES:
        raise ValueError(f"mono {mono!r} is none of {', '.join(PLACES)}")
    if wave.shape[1] == 1:
        return panned(wave[:, 0], place_of(name) if mono == "pan" else 0.0)
    return wave[:, :2]


def mid_side(wave: Tensor) -> Tensor:
    """``[..., 2, T]``, left and right, as middle and side: half their sum and half their difference."""
    left, right = wave[..., 0, :], wave[..., 1, :]
    return torch.stack([(left + right) / 2, (left - right) / 2], -2)


def width(wave: Tensor) -> float:
    """RMS of the side over that of middle and side together: 0 is mono, 0.5 unrelated channels, NaN silence."""
    middle, side = mid_side(wave.double()).square().mean(-1).sqrt().flatten().tolist()
    return side / (middle + side) if middle + side > QUIET else math.nan


def level_difference(wave: Tensor) -> float:
    """Left over right in dB (ILD); NaN where either is silent."""
    left, right = wave.double().square().mean(-1).sqrt().flatten().tolist()
    return 20 * math.log10(left / right) if min(left, right) > QUIET else math.nan
