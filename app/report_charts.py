"""Curves as SVG for the report: drawn once by the server, read with no script, coloured by the page's tokens.

Both sides' curves in the bands that fit them, each side's end value at its end. Every run of a side is a thin line; of
several, their mean is the strong one over the area from the 10 % to the 90 % quantile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from app import curves, words
from app.curves import Curve, Floats
from app.groups import Spread
from app.traces import Axis, Band
from nashboard.vocabulary import Series

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 58, 8, 24
MOST_POINTS = 900
TICKS = 4


@dataclass(frozen=True)
class Line:
    """One side of a chart: its key, its runs' curves, and their spread where there are several."""

    key: str
    curves: tuple[Curve, ...]
    spread: Spread | None = None

    def end(self) -> tuple[float, float] | None:
        """(x, value) at the end of the strong line; None for no points."""
        x, y = self.strong()
        return (float(x[-1]), float(y[-1])) if len(x) else None

    def strong(self) -> tuple[Floats, Floats]:
        """The mean of several runs, the curve of one."""
        if self.spread is not None:
            return self.spread.x, self.spread.mean
        first = next((c for c in self.curves if len(c.x)), None)
        return (first.x, first.y) if first is not None else (np.empty(0), np.empty(0))


class _Plot:
    """Places of numbers on the sheet."""

    def __init__(self, axis: Axis, low: float, high: float, log: bool) -> None:
        self.axis, self.low, self.high, self.log = axis, low, high, log

    def across(self, x: float) -> float:
        return LEFT + self.axis.share(x) * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        if self.log:
            value = math.log10(value) if value > 0 else self.low - 1
        share = (value - self.low) / (self.high - self.low)
        return TOP + (1 - min(max(share, -0.5), 1.5)) * (HEIGHT - TOP - BOTTOM)

    def points(self, x: Floats, y: Floats) -> str:
        return " ".join(
            f"{self.across(a):.1f},{self.down(b):.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)
        )


def chart(
    row: Series, lines: Sequence[Line], bands: Sequence[Band], axis: Axis, *, log: bool, name: str
) -> Markup:
    """The SVG; ``name`` makes its ids unique on the page. Values that are not finite break a line and get a mark."""
    parts = [c.y for line in lines for c in line.curves]
    ends = [(b, b.usual(axis)) for b in bands]
    must = [e for b, e in ends if e is not None and b.origin == "measured"]
    may = [e for b, e in ends if e is not None and b.origin != "measured"]
    low, high = curves.scale(parts, must, may, log=log)
    plot = _Plot(axis, low, high, log)
    told = f"{row.title} over {axis.title}. " + "; ".join(
        f"{line.key} ends at {words.measured(end[1], row.unit)}" for line in lines if (end := line.end())
    )
    clip = f"clip-{name}"
    out = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told)}">',
        f'<clipPath id="{clip}"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{HEIGHT - TOP - BOTTOM}"/></clipPath>',
        *_grid(plot),
        f'<g clip-path="url(#{clip})">',
        *(_band(plot, b) for b in bands),
        *(_side(plot, line) for line in lines),
        "</g>",
        *_ends(plot, lines, row.unit),
        "</svg>",
    ]
    return Markup("\n".join(out))  # numbers, and text that was escaped


def _grid(plot: _Plot) -> list[str]:
    out = []
    for value in _ticks(plot.low, plot.high, plot.log):
        y = plot.down(value)
        out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        out.append(
            f'<text class="tick end" x="{LEFT - 6}" y="{y + 3.5:.1f}">{escape(curves.reach(value, value))}</text>'
        )
    foot = HEIGHT - BOTTOM
    out.append(f'<path class="axis" d="M{LEFT} {foot}H{WIDTH - RIGHT}"/>')
    for value in _steps(plot.axis.low, plot.axis.high):
        x = plot.across(value)
        out.append(f'<path class="axis" d="M{x:.1f} {foot}v4"/>')
        out.append(f'<text class="tick mid" x="{x:.1f}" y="{foot + 15}">{escape(_place(value))}</text>')
    out.append(f'<text class="tick end" x="{WIDTH - 4}" y="{foot + 15}">{escape(plot.axis.title)}</text>')
    return out


def _place(value: float) -> str:
    """A place on the x axis: "2.5", "10", "1,200"."""
    return words.count(round(value)) if value == round(value) else curves.reach(value, value)


def _ticks(low: float, high: float, log: bool) -> list[float]:
    """Values of round numbers on the value axis."""
    if not log:
        return _steps(low, high)
    decades = range(math.ceil(low), math.floor(high) + 1)
    if len(decades) >= 2:
        step = max(1, len(decades) // TICKS)
        return [10.0**d for d in decades][::step]
    return [v for v in _steps(10**low, 10**high) if v > 0]


def _steps(low: float, high: float) -> list[float]:
    wide = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(wide)) if wide > 0 else 1.0
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= wide * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) + 0.0 for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _band(plot: _Plot, band: Band) -> str:
    upper, lower = plot.points(band.x, band.high), plot.points(band.x[::-1], band.low[::-1])
    edges = f'<polyline points="{upper}"/><polyline points="{lower}"/>'
    return f'<g class="b {escape(band.origin)}"><polygon points="{upper} {lower}"/>{edges}</g>'


def _side(plot: _Plot, line: Line) -> str:
    out = [f'<g class="side" data-k="{escape(line.key)}">']
    several = line.spread is not None
    if line.spread is not None:
        s = line.spread
        up, down = plot.points(s.x, s.high), plot.points(s.x[::-1], s.low[::-1])
        out.append(f'<polygon class="spread" points="{up} {down}"/>')
    for c in line.curves:
        x, y = _thinned(c)
        for part in np.split(np.arange(len(x)), np.flatnonzero(np.diff(x) < 0) + 1 if len(x) else []):
            out.append(
                f'<polyline class="{"thin" if several else "strong"}" points="{plot.points(x[part], y[part])}"/>'
            )
        if c.dots and not several:
            out += [
                f'<circle cx="{plot.across(a):.1f}" cy="{plot.down(b):.1f}" r="2.2"/>'
                for a, b in zip(x.tolist(), y.tolist(), strict=True)
            ]
        for n in c.nonfinite[:50]:
            at, foot = plot.across(n.x), HEIGHT - BOTTOM - 7
            out.append(f'<path class="odd" d="M{at - 3:.1f} {foot - 3}l6 6m0 -6l-6 6"/>')
    if line.spread is not None:
        out.append(f'<polyline class="strong" points="{plot.points(line.spread.x, line.spread.mean)}"/>')
    return "".join([*out, "</g>"])


def _thinned(curve: Curve) -> tuple[Floats, Floats]:
    """At most some hundred points: those kept are each bucket's lowest and highest, in their order."""
    x, y = curve.x, curve.y
    if len(x) <= MOST_POINTS:
        return x, y
    keep: set[int] = {0, len(x) - 1}
    for part in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        keep |= {int(part[np.argmin(y[part])]), int(part[np.argmax(y[part])])}
    at = sorted(keep)
    return x[at], y[at]


def shown(curve: Curve) -> int:
    """How many of a curve's points are drawn; those that are no numbers are marked one by one."""
    return len(_thinned(curve)[0]) + sum(n.count for n in curve.nonfinite)


def _ends(plot: _Plot, lines: Sequence[Line], unit: str) -> list[str]:
    """Each side's last value at the right, moved apart where two would lie over one another."""
    found = [(line.key, end[1]) for line in lines if (end := line.end()) is not None]
    top, foot = TOP + 4.0, HEIGHT - BOTTOM - 2.0
    wanted = [min(max(plot.down(value), top), foot) for _, value in found]
    places = curves.spread(wanted, 14.0, foot)
    x = WIDTH - RIGHT + 6
    return [
        f'<text class="end-value" data-k="{escape(key)}" x="{x}" y="{y + 3.5:.1f}">'
        f'<tspan class="end-key">{escape(key)}</tspan> {escape(curves.label(value, unit))}</text>'
        for (key, value), y in zip(found, places, strict=True)
    ]
