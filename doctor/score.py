"""Recall, false alarms and leads with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Z = 1.959964


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson (1927); (0, 1) where nothing was tried."""
    if not of:
        return 0.0, 1.0
    share, part = hits / of, Z * Z / of
    middle = (share + part / 2) / (1 + part)
    half = Z * math.sqrt(share * (1 - share) / of + part / (4 * of)) / (1 + part)
    return max(0.0, middle - half), min(1.0, middle + half)


def rate(hits: int, of: int) -> dict[str, Any]:
    """A share with its interval, as JSON; the share is None where nothing was tried."""
    low, high = wilson(hits, of)
    return {"hits": hits, "of": of, "rate": hits / of if of else None, "low": low, "high": high}


def median_of(values: Sequence[float], draws: int = 2000) -> dict[str, Any]:
    """The median with a percentile bootstrap interval (95 %), always from the same draws."""
    if not values:
        return {"median": None, "low": None, "high": None, "of": 0}
    array = np.asarray(values, float)
    picked = np.random.default_rng(0).integers(0, len(array), (draws, len(array)))
    low, high = np.percentile(np.median(array[picked], axis=1), [2.5, 97.5])
    return {"median": float(np.median(array)), "low": float(low), "high": float(high), "of": len(array)}
