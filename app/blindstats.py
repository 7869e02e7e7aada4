"""The statistics of blind listening tests, in plain Python: exact where a test is exact.

- ABX: one-sided binomial test against guessing, and its power.
- Preference: two-sided sign test, ties left out.
- Ratings: mean with a 95 % interval of Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

ALPHA = 0.05
"""What counts as shown: the chance of being called right by luck alone."""

SCREEN_BELOW, SCREEN_SHARE = 90.0, 0.15
"""ITU-R BS.1534-3, 4.1.2: who rates the hidden reference below 90 in more than 15 % of the trials is screened."""


def upper(right: int, trials: int) -> float:
    """P(at least ``right`` of ``trials`` by guessing between two): exact, as a sum of whole numbers.

    Raises:
        ValueError: for counts that cannot be.
    """
    _counts(right, trials)
    return sum(math.comb(trials, k) for k in range(right, trials + 1)) / 2**trials


def sign_test(first: int, second: int) -> float:
    """Two-sided p of ``first`` against ``second`` preferences under "each as likely"; 1 where there are none."""
    trials = first + second
    _counts(first, trials)
    return min(1.0, 2.0 * upper(max(first, second), trials))


def needed(trials: int, alpha: float = ALPHA) -> int | None:
    """The least number of right answers whose p is at most ``alpha``; None where even all right is not enough."""
    _counts(0, trials)
    tail, limit = 0, alpha * 2**trials
    for right in range(trials, -1, -1):
        tail += math.comb(trials, right)
        if tail > limit:
            return right + 1 if right < trials else None
    return 0


def power(trials: int, chance: float, alpha: float = ALPHA) -> float:
    """P(p <= ``alpha``) for a listener who is right with probability ``chance`` in each of ``trials`` trials.

    Raises:
        ValueError: a chance outside of 0 to 1.
    """
    if not 0.0 <= chance <= 1.0:
        raise ValueError(f"a chance lies between 0 and 1, not {chance!r}")
    least = needed(trials, alpha)
    if least is None:
        return 0.0
    terms = (
        math.comb(trials, k) * chance**k * (1.0 - chance) ** (trials - k) for k in range(least, trials + 1)
    )
    return min(1.0, math.fsum(terms))


def _counts(right: int, trials: int) -> None:
    if not 0 <= right <= trials:
        raise ValueError(f"{right} of {trials} cannot be counted")


@dataclass(frozen=True)
class Ratings:
    """Ratings of one stimulus: ``half`` is the half-width of the mean's 95 % interval, None for one rating alone."""

    count: int
    mean: float
    median: float
    half: float | None


def ratings(values: Sequence[float]) -> Ratings:
    """Mean, median and interval of at least one rating. Raises `ValueError` for none."""
    if not values:
        raise ValueError("there are no ratings")
    count = len(values)
    half = None
    if count > 1:
        half = student(0.975, count - 1) * stdev(values) / math.sqrt(count)
    return Ratings(count, fmean(values), float(median(values)), half)


def screened(hidden: Sequence[float]) -> bool:
    """Whether a listener's ratings of the hidden reference call for post-screening."""
    low = sum(v < SCREEN_BELOW for v in hidden)
    return bool(hidden) and low / len(hidden) > SCREEN_SHARE


def student(share: float, degrees: int) -> float:
    """The quantile of Student's t: the t below which ``share`` of the distribution lies, 0.5 <= share < 1."""
    if not 0.5 <= share < 1.0 or degrees < 1:
        raise ValueError(f"no quantile {share!r} of Student's t with {degrees} degrees of freedom")
    low, high = 0.0, 1.0
    while _below(high, degrees) < share:
        high *= 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        low, high = (middle, high) if _below(middle, degrees) < share else (low, middle)
    return (low + high) / 2.0


def _below(t: float, degrees: int) -> float:
    """The distribution function of Student's t at t >= 0: a finite sum for whole degrees of freedom.

    Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, math.sqrt(degrees))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    if degrees % 2:
        term, total = math.cos(angle), 0.0
        for k in range(1, degrees, 2):
            total += term
            term *= square * (k + 1) / (k + 2)
        return 0.5 + (angle + sine * total) / math.pi
    term, total = 1.0, 0.0
    for k in range(0, degrees, 2):
        total += term
        term *= square * (k + 1) / (k + 2)
    return 0.5 + sine * total / 2.0
