"""Factors of a learning rate and falling noise, from the step alone: a resumed run needs no state for them."""

from __future__ import annotations

import math

FLOOR = 0.01  # of the first rate is what a cosine ends at


def cosine(step: float, total: float, floor: float = FLOOR) -> float:
    """From 1 at step 0 to ``floor`` at ``total`` along half a cosine; ``floor`` past it."""
    share = min(max(step / total, 0.0), 1.0) if total > 0 else 1.0
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))


def warmup_cosine(step: float, total: float, warmup: float, floor: float = FLOOR) -> float:
    """Linear up to 1 over ``warmup`` steps, its first step not 0; then a cosine over the rest."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return cosine(step - warmup, total - warmup, floor)


def factor(kind: str, step: float, total: float, warmup: float = 0.0) -> float:
    """The factor at a step, counted from 0: ``none``, ``cosine`` or ``warmup_cosine``."""
    if kind == "none":
        return 1.0
    if kind == "cosine":
        return cosine(step, total)
    if kind == "warmup_cosine":
        return warmup_cosine(step, total, warmup)
    raise ValueError(f"schedule {kind!r} is none of none, cosine, warmup_cosine")


def fading(start: float, step: float, until: float) -> float:
    """From ``start`` at step 0 in a line to 0 at ``until``."""
    return start * max(0.0, 1 - step / until) if until > 0 else 0.0
