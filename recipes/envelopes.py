"""Measured bands: the envelope of reference runs."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from recipes.band import AXES, Band

Xs = Sequence[float]
FEW = 64  # up to so many points a run is followed point by point, past it in as many windows
MANY_RUNS = 20


def measure(
    runs: Sequence[Mapping[str, tuple[Xs, Xs]]],
    x: str = "epoch",
    *,
    trainer: str,
    preset: str,
    size: str,
    source: str,
    runs_from: Sequence[str],
    quantile: float | None = None,
    least: int = 5,
    quantiles: tuple[float, float] | None = None,
    phase: str = "",
) -> list[Band]:
    """One measured band a series: the envelope over runs on a common grid.

    Args:
        runs: for each run {series: (xs, ys)}, xs rising in epochs or steps.
        runs_from: the ids of the runs, in the same order.
        quantile: share of runs left out at either side; by default none below 20 runs, 5 % from there on.
        least: fewest runs that make a band. A series that fewer runs have gets none.
        quantiles: (low, high) over the runs, in place of ``quantile``.
        phase: the phase that xs are counted in.

    A series of few points is interpolated at every x that some run has; one of many is cut into windows, in
    which each run's lowest and highest value count, so that the noise of a run belongs to the envelope.
    Non-finite values are left out and counted in the note. Raises ValueError for fewer runs than ``least``.
    """
    if x not in AXES:
        raise ValueError(f"x {x!r} is none of {', '.join(AXES)}")
    if len(runs) < least:
        raise ValueError(f"a measured band needs {least} runs or more, not {len(runs)}")
    if len(runs_from) != len(runs):
        raise ValueError(f"{len(runs_from)} names for {len(runs)} runs")
    if quantiles is not None and not 0 <= quantiles[0] < quantiles[1] <= 1:
        raise ValueError(f"quantiles {quantiles[0]:g} and {quantiles[1]:g} must rise from 0 to 1")
    found = []
    for series in dict.fromkeys(name for run in runs for name in run):
        having = [(name, run[series]) for name, run in zip(runs_from, runs, strict=True) if series in run]
        curves = [_finite(*curve) for _, curve in having]
        lost = sum(len(curve[0]) for _, curve in having) - sum(len(c) for c in curves)
        curves = [c for c in curves if c]
        if len(curves) < least:
            continue
        cut = quantile if quantile is not None else 0.05 if len(curves) >= MANY_RUNS else 0.0
        ends = quantiles if quantiles is not None else (cut, 1 - cut)
        points = _envelope(curves, *ends)
        if not points:
            continue
        how = "lowest to highest" if ends == (0, 1) else f"{100 * ends[0]:g}% to {100 * ends[1]:g}%"
        note = f"{how} of {len(curves)} runs" + (f"; {lost} non-finite values left out" if lost else "")
        found.append(
            Band(
                series=series,
                origin="measured",
                source=source,
                x=x,
                points=points,
                note=note,
                trainer=trainer,
                preset=preset,
                size=size,
                runs=tuple(name for name, _ in having),
                phase=phase,
            )
        )
    return found


Curve = list[tuple[float, float]]


def _finite(xs: Xs, ys: Xs) -> Curve:
    return [
        (float(a), float(b)) for a, b in zip(xs, ys, strict=True) if math.isfinite(a) and math.isfinite(b)
    ]


def _envelope(curves: list[Curve], least: float, most: float) -> tuple[tuple[float, float, float], ...]:
    """(x, low, high) over the stretch that all runs share."""
    start, end = max(c[0][0] for c in curves), min(c[-1][0] for c in curves)
    if start > end:
        return ()
    if max(len(c) for c in curves) <= FEW:
        grid = sorted({x for c in curves for x, _ in c if start <= x <= end})
        reach = [[(y, y) for y in (_interpolated(c, x) for c in curves)] for x in grid]
    else:
        step = (end - start) / FEW
        grid = [start + i * step for i in range(FEW)] + [end]
        # Windows reach to the next grid points, so that the straight lines between hold what lies there.
        reach = [[_extremes(c, x - step, x + step) for c in curves] for x in grid]
    points = []
    for x, spans in zip(grid, reach, strict=True):
        low = _quantile([low for low, _ in spans], least)
        high = _quantile([high for _, high in spans], most)
        points.append((x, _rounded(low, ROUND_FLOOR), _rounded(high, ROUND_CEILING)))
    return tuple(p for i, p in enumerate(points) if i == 0 or p[0] > points[i - 1][0])


def _interpolated(curve: Curve, x: float) -> float:
    i = bisect_left(curve, x, key=lambda p: p[0])
    if i == 0 or curve[i][0] == x:
        return curve[i][1]
    (x0, y0), (x1, y1) = curve[i - 1], curve[i]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _extremes(curve: Curve, low: float, high: float) -> tuple[float, float]:
    """Lowest and highest value of a run in a window, the values at its two edges among them."""
    low, high = max(low, curve[0][0]), min(high, curve[-1][0])
    first, last = bisect_left(curve, low, key=lambda p: p[0]), bisect_right(curve, high, key=lambda p: p[0])
    values = [y for _, y in curve[first:last]] + [_interpolated(curve, low), _interpolated(curve, high)]
    return min(values), max(values)


def _quantile(values: list[float], share: float) -> float:
    """Linear between order statistics."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _rounded(value: float, how: str) -> float:
    """Six significant digits, downwards or upwards, so that what made the band stays in it."""
    exact = Decimal(repr(value))
    unit = Decimal(1).scaleb(exact.adjusted() - 5) if exact else Decimal(1)
    return float(exact.quantize(unit, rounding=how))
