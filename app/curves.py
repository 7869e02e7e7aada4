"""Numbers before they are drawn: smoothing, breaks at non-finite values, the scale of the value axis, labels.

Pure numpy, no session and no plotly. A curve's x may jump back (a run resumed from a checkpoint); a break is
put there as at a NaN, so that no line bridges it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app import words

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NonFinite:
    """``count`` values that are no numbers at one place: ``what`` is "NaN", "Infinity" or "-Infinity"."""

    x: float
    what: str
    count: int = 1


@dataclass(frozen=True)
class Curve:
    """One run's series on the chart's axis.

    ``x`` and ``y`` have the same length and hold finite numbers only. Where points were thinned, ``low`` and
    ``high`` are the extremes of the bucket that each point lies in (same length), and ``smoothable`` marks
    the points that smoothing looks at: first and last of each bucket, which are no extremes by choice.
    """

    key: str
    run: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    smoothable: NDArray[np.bool_] | None = None
    nonfinite: Sequence[NonFinite] = field(default_factory=tuple)
    shown: int = 0
    total: int = 0
    live: bool = False
    dots: bool = False


def ema(y: Floats, weight: float) -> Floats:
    """Exponential moving average without the start's bias: the first value is itself.

    ``m_t = weight · m_{t-1} + (1 - weight) · y_t``, divided by ``1 - weight^t``. Shape (n,) → (n,). NaN stays
    NaN and does not enter the average. ``weight`` 0 gives the values back.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"smoothing must be at least 0 and less than 1, not {weight}")
    if weight == 0:
        return np.array(y, dtype=float)
    out = np.empty(len(y))
    mean, bias = 0.0, 1.0
    fresh = 1 - weight
    for i, value in enumerate(np.asarray(y, dtype=float).tolist()):
        if value != value:
            out[i] = value
            continue
        mean = weight * mean + fresh * value
        bias *= weight
        out[i] = mean / (1 - bias)
    return out


def smoothed(curve: Curve, weight: float) -> tuple[Floats, Floats]:
    """(x, y) of the strong line: the EMA over the points that may be smoothed; every point for weight 0."""
    if not weight or curve.smoothable is None:
        return curve.x, ema(curve.y, weight)
    return curve.x[curve.smoothable], ema(curve.y[curve.smoothable], weight)


def medians(y: Floats, width: int = 9) -> Floats:
    """The median of ``width`` values around each, fewer at the ends: one odd value is no trend. (n,)."""
    half = width // 2
    padded = np.concatenate([np.full(half, np.nan), y, np.full(half, np.nan)])
    return np.asarray(np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1))


def broken(x: Floats, y: Floats, breaks: Sequence[float]) -> tuple[Floats, Floats]:
    """The curve with a NaN put in where x jumps back, and in each pass at each x of ``breaks`` inside it.

    Plotly does not draw across NaN, so no segment bridges a break.
    """
    if len(x) == 0:
        return x, y
    starts = [0, *(np.flatnonzero(np.diff(x) < 0) + 1).tolist(), len(x)]
    places = set(starts[1:-1])
    for start, stop in itertools.pairwise(starts):
        for at in breaks:
            place = start + int(np.searchsorted(x[start:stop], at, side="right"))
            if start < place < stop:
                places.add(place)
    inside = sorted(places)
    if not inside:
        return x, y
    return np.insert(x, inside, x[inside]), np.insert(y, inside, np.nan)


def envelope(x: Floats, low: Floats, high: Floats, breaks: Sequence[float]) -> tuple[Floats, Floats]:
    """The outline of the extremes as closed polygons, one a stretch between breaks, with NaN between them."""
    bx, blow = broken(x, low, breaks)
    _, bhigh = broken(x, high, breaks)
    out_x: list[Floats] = []
    out_y: list[Floats] = []
    gap = np.array([np.nan])
    for part in np.split(np.arange(len(bx)), np.flatnonzero(np.isnan(blow))):
        part = part[~np.isnan(blow[part])]
        if len(part) < 2:
            continue
        px = bx[part]
        out_x += [px, px[::-1], gap]
        out_y += [blow[part], bhigh[part][::-1], gap]
    if not out_x:
        return np.empty(0), np.empty(0)
    return np.concatenate(out_x), np.concatenate(out_y)


def scale(
    parts: Sequence[Floats],
    must: Sequence[tuple[float, float]] = (),
    may: Sequence[tuple[float, float]] = (),
    *,
    log: bool = False,
) -> tuple[float, float]:
    """(low, high) of the value axis, in decades on a log axis.

    It follows the 1st to 99th percentile of each curve and the ranges in ``must`` (measured bands). A range
    in ``may`` (claimed, published) is taken in only if the axis grows to two and a half times at most.
    """
    curves = [np.asarray(part, dtype=float) for part in parts]
    curves = [np.log10(c[c > 0]) if log else c[np.isfinite(c)] for c in curves]
    if log:
        must = [(math.log10(a), math.log10(b)) for a, b in must if a > 0 and b > 0]
        may = [(math.log10(a), math.log10(b)) for a, b in may if a > 0 and b > 0]
    ends = [*must, *(_reach(values) for values in curves if len(values))]
    if not ends:
        ends, may = (list(may[:1]), may[1:]) if may else ([(0.0, 1.0)], [])
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    least = 0.3 if log else 0.1 * max(abs(low), abs(high), 1e-12)
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    room = 2.5 * (high - low)
    for a, b in may:
        if max(high, b) - min(low, a) <= room:
            low, high = min(low, a), max(high, b)
    pad = 0.06 * (high - low)
    return low - pad, high + pad


def _reach(values: Floats) -> tuple[float, float]:
    """The 1st to 99th percentile of many values, with the extremes where these lie near.

    Of few values the extremes, but for one that lies more than twice as far out as all others are apart: an
    evaluation of an untrained network says nothing about the scale of the others.
    """
    least, most = float(values.min()), float(values.max())
    if len(values) < 3:
        return least, most
    if len(values) <= 50:
        ordered = np.sort(values)
        second, last = float(ordered[1]), float(ordered[-2])
        if second - least > 2 * (most - second):
            return second, most
        return least, last if most - last > 2 * (last - least) else most
    low, high = (float(v) for v in np.percentile(values, [1, 99]))
    near = 0.35 * (high - low)
    return (least if low - least <= near else low), (most if most - high <= near else high)


def spread(places: Sequence[float], apart: float, top: float = math.inf) -> list[float]:
    """The places moved as little as may be so that any two lie ``apart`` and none above ``top``."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[list[int]] = []
    middles: list[float] = []
    for i in order:
        groups.append([i])
        middles.append(places[i])
        while len(groups) > 1:
            room = apart * (len(groups[-2]) + len(groups[-1])) / 2
            if middles[-1] - middles[-2] >= room:
                break
            joined = groups.pop(-2) + groups.pop()
            groups.append(joined)
            middles[-2:] = [sum(places[j] for j in joined) / len(joined)]
    out = list(places)
    for group, middle in zip(groups, middles, strict=True):
        for rank, i in enumerate(group):
            out[i] = middle + apart * (rank - (len(group) - 1) / 2)
    for i in sorted(range(len(out)), key=lambda i: -out[i]):
        out[i] = min(out[i], top)
        top = out[i] - apart
    return out


def label(value: float, unit: str = "") -> str:
    """A value in a chart's gutter: as short as it can be said, a loss at its dead value as "2.000"."""
    if 1 <= abs(value) < 10 and abs(value - round(value)) < 0.02 and unit not in words.DECIMALS:
        return words.fixed(value, 3)
    text = words.measured(value, unit)
    if 0 < abs(value) < 0.01 and "e" not in text:
        text = text.rstrip("0").replace("0.", ".", 1)
    return text


def reach(low: float, high: float) -> str:
    """A range in words: "1.27 to 1.41"; one number where both ends are the same."""
    ends = [re.sub(r"(\.\d*?)0+$", r"\1", words.number(end)).rstrip(".") for end in (low, high)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
