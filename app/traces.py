"""The marks of a chart, each as plotly's plain dict; `app.charts` puts them together.

Colours are token names ("--run-a", "--band-measured/.55" with an opacity) that the page's script resolves.
A trace's ``meta`` and a note's ``name`` say which run, band or phase they belong to, so that the page can
hide them without asking the server again.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.curves import Curve, Floats, broken, envelope, label, smoothed

if TYPE_CHECKING:
    from app.groups import Spread

Json = dict[str, Any]
KEYS = "ABCDEFGH"
LETTERS = "ABCDEFGHIJKLMNOPQSTUVWXYZ"  # R is the reference's
FEW = 1000  # numbers that are sent in full precision
MOST = 100  # runs of one page: each has a key of its own
DASHES = (
    "",
    "6px,2px",
    "2px,2px",
    "8px,3px,2px,3px",
)  # past the eighth key colours come again, dashes differ
SHAPES = ("circle", "diamond", "square", "triangle-up", "triangle-down", "cross", "star-diamond", "pentagon")
LANE = 14  # px between plot and x axis, kept for what happened rather than what was measured
CROSS = {"symbol": "x-thin", "size": 6, "line": {"width": 1.75, "color": "--fail"}}
WORDS = {"NaN": "NaN", "Infinity": "Inf", "-Infinity": "−Inf"}


@dataclass(frozen=True)
class Axis:
    """The x axis of a page's charts: its name, its title and the range to draw."""

    name: str = "step"
    title: str = "step"
    low: float = 0.0
    high: float = 1.0

    def share(self, x: float) -> float:
        """0 at the left end, 1 at the right one."""
        return (x - self.low) / (self.high - self.low)

    def holds(self, x: float) -> bool:
        return self.low <= x <= self.high


@dataclass(frozen=True)
class Band:
    """An expected range on the chart's axis: x, low and high have the same length, x rises."""

    origin: str
    label: str
    x: Floats
    low: Floats
    high: Floats

    def within(self, axis: Axis) -> tuple[float, float] | None:
        """(lowest, highest) of the band in the axis' range; None where it does not reach into it."""
        if self.x[-1] < axis.low or self.x[0] > axis.high:
            return None
        ends = np.clip(np.array([axis.low, axis.high]), self.x[0], self.x[-1])
        seen = (self.x >= axis.low) & (self.x <= axis.high)
        low = np.concatenate([self.low[seen], np.interp(ends, self.x, self.low)])
        high = np.concatenate([self.high[seen], np.interp(ends, self.x, self.high)])
        return float(low.min()), float(high.max())

    def usual(self, axis: Axis) -> tuple[float, float] | None:
        """What the value axis should show of the band: all of it, but for a start that lies far from the rest.

        A network that has not been trained yet is far from everything that comes later.
        """
        whole = self.within(axis)
        if whole is None:
            return None
        grid = np.linspace(max(axis.low, self.x[0]), min(axis.high, self.x[-1]), 64)
        low = float(np.percentile(np.interp(grid, self.x, self.low), 10))
        high = float(np.percentile(np.interp(grid, self.x, self.high), 90))
        near = 0.35 * (high - low)
        return (whole[0] if low - whole[0] <= near else low), (whole[1] if whole[1] - high <= near else high)


@dataclass(frozen=True)
class Scale:
    """The value axis of one chart, in decades where ``log``, and its height in px."""

    low: float
    high: float
    log: bool
    plot: float

    def place(self, value: float) -> float:
        """A value as annotations want it: in decades on a log axis."""
        if not self.log:
            return value
        return math.log10(value) if value > 0 else -math.inf

    def value(self, place: float) -> float:
        return 10**place if self.log else place

    def share(self, value: float) -> float:
        """0 at the bottom of the plot, 1 at its top."""
        return (self.place(value) - self.low) / (self.high - self.low)


def packed(values: Floats, *, exact: bool = False) -> Json:
    """An array as plotly's base64 typed array: a third of the size of a list, and NaN survives.

    Up to `FEW` numbers are float64. More are in 4 bytes each where these hold them: seven digits are more than a
    chart can show, but where a zoom goes deep (``exact``: x) only what loses nothing is shortened.
    """
    kind = "f8"
    values = np.ascontiguousarray(values, dtype="<f8")
    finite = values[np.isfinite(values)]
    if len(values) > FEW and len(finite):
        size = np.abs(finite[finite != 0])
        fits = not len(size) or bool(size.min() > 1e-36 and size.max() < 1e38)
        if exact and len(finite) == len(values) and size.max(initial=0) < 2**31 and not (finite % 1).any():
            kind = "i4"
        elif fits and (not exact or np.array_equal(finite.astype("<f4"), finite)):
            kind = "f4"
    data = values.astype(f"<{kind}").tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(data).decode()}


def key_at(place: int) -> str:
    """The key of the run at a place: A to H, on to Z without R, then A2, B2, …"""
    lap, letter = divmod(place, len(LETTERS))
    return LETTERS[letter] + (str(lap + 1) if lap else "")


def place_of(key: str) -> int | None:
    """The place of a run's key, or of a group's ("1", "2", …); None for what is no key."""
    if key.isdigit():
        return int(key) - 1
    if key[:1] not in LETTERS or not key or (key[1:] and not key[1:].isdigit()):
        return None
    return LETTERS.index(key[0]) + len(LETTERS) * (int(key[1:] or 1) - 1)


def colour(key: str) -> str:
    """The token of a run's key; a log without a key is drawn in ink."""
    place = place_of(key)
    return "--ink-1" if place is None else f"--run-{KEYS[place % len(KEYS)].lower()}"


def symbol(key: str) -> str:
    place = place_of(key)
    return "circle" if place is None else SHAPES[place % len(SHAPES)]


def dash(key: str) -> str:
    """How the line of a key is dashed: "" for A to D."""
    return DASHES[(place_of(key) or 0) // 4 % len(DASHES)]


def line(x: Floats, y: Floats, style: Json, meta: Json, **more: Any) -> Json:
    return (
        {"type": "scatter", "mode": "lines", "x": packed(x, exact=True), "y": packed(y), "line": style}
        | {"meta": meta, "hoverinfo": "skip"}
        | more
    )


def marks(x: Sequence[float], y: Sequence[float], marker: Json, meta: Json, **more: Any) -> Json:
    return (
        {"type": "scatter", "mode": "markers", "x": list(x), "y": list(y), "marker": marker}
        | {"meta": meta, "cliponaxis": False}
        | more
    )


def note(text: str, color: str, name: str, *, mono: bool = False, **place: Any) -> Json:
    """Words on the chart at 10 px; ``name`` is what they belong to: "run:A", "band:claimed", "phase"."""
    font = {"size": 10, "color": color} | ({"family": "--mono"} if mono else {})
    return {"text": text, "showarrow": False, "font": font, "name": name} | place


def upright(x: float, name: str, style: Json, foot: float) -> Json:
    """A line over the full height from ``foot``, below the curves."""
    return {"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": foot, "y1": 1} | {
        "line": style,
        "layer": "below",
        "name": name,
    }


def band(band: Band) -> list[Json]:
    """Measured solid, published hatched, claimed hollow and dashed: lower edge, then upper edge and fill."""
    color, meta = f"--band-{band.origin}", {"band": band.origin}
    if band.origin == "claimed":
        edge: Json = {"width": 1.25, "color": color, "dash": "4px,3px"}
        return [line(band.x, band.low, edge, meta), line(band.x, band.high, edge, meta)]
    edge = {"width": 1, "color": f"{color}/{'.55' if band.origin == 'measured' else '.8'}"}
    fill: Json = {"fill": "tonexty", "fillcolor": f"{color}-fill"}
    if band.origin == "published":
        hatch = {"shape": "/", "size": 5, "solidity": 0.16, "fillmode": "overlay"}
        fill["fillpattern"] = hatch | {"fgcolor": f"{color}/.75", "bgcolor": f"{color}-fill"}
    return [line(band.x, band.low, edge, meta), line(band.x, band.high, edge, meta, **fill)]


def logged(points: Sequence[tuple[float, float, str]]) -> Json:
    """Values that a document says were logged, (x, value, words): hollow marks, joined by nothing."""
    marker = {"symbol": "circle-open", "size": 6, "color": "--band-claimed", "line": {"width": 1.25}}
    hover = {"text": [p[2] for p in points], "hovertemplate": "%{text}<extra></extra>"}
    return marks([p[0] for p in points], [p[1] for p in points], marker, {"band": "claimed"}, **hover)


def members(spread: Spread) -> list[Json]:
    """The runs of a group as thin lines, below what says their mean and spread."""
    key = spread.group.key
    found = []
    for member in spread.members:
        x, y = broken(member.x, member.y, [n.x for n in member.nonfinite])
        thin = {"width": 0.75, "color": f"{colour(key)}/.2"}
        found.append(line(x, y, thin, {"run": key, "part": "raw", "member": member.key}))
    return found


def group(spread: Spread, small: bool) -> list[Json]:
    """A group's 10 % to 90 % band and its mean on top."""
    key = spread.group.key
    color, meta = colour(key), {"run": key}
    edge: Json = {"width": 1, "color": f"{color}/.55"}
    found = [line(spread.x, spread.low, edge, meta | {"part": "low"})]
    fill = {"fill": "tonexty", "fillcolor": f"{color}/.18"}
    found.append(line(spread.x, spread.high, edge, meta | {"part": "high"}, **fill))
    style: Json = {"width": 1.25 if small else 1.75, "color": color} | (
        {"dash": dash(key)} if dash(key) else {}
    )
    mean = line(spread.x, spread.mean, style, meta | {"part": "line"}, hoverinfo="all", name=key)
    mean["hovertemplate"] = f"{key} mean %{{y:.4~g}}<extra></extra>"
    return [*found, mean]


def curve(curve: Curve, weight: float, small: bool, hull: bool = True) -> list[Json]:
    """The envelope of thinned buckets, the raw line under the smoothed one, and the strong line.

    Without ``hull`` the envelope is left out: of many runs it would be a wash; the raw line goes through every
    extreme all the same.
    """
    color, meta = colour(curve.key), {"run": curve.key}
    breaks = [n.x for n in curve.nonfinite]
    found = []
    if hull and curve.low is not None and curve.high is not None:
        x, y = envelope(curve.x, curve.low, curve.high, breaks)
        fill = {"fill": "toself", "fillcolor": f"{color}/.18"}
        found.append(line(x, y, {"width": 0}, meta | {"part": "envelope"}, **fill))
    weight = 0.0 if curve.dots else weight
    if weight and len(curve.x):
        x, y = broken(curve.x, curve.y, breaks)
        found.append(line(x, y, {"width": 0.75, "color": f"{color}/.32"}, meta | {"part": "raw"}))
    x, y = broken(*smoothed(curve, weight), breaks)
    style: Json = {"width": 1.25 if small else 1.5 if curve.dots else 1.75, "color": color}
    if dash(curve.key):
        style["dash"] = dash(curve.key)
    strong = line(x, y, style, meta | {"part": "line"}, hoverinfo="all", name=curve.key, connectgaps=False)
    strong["hovertemplate"] = f"{curve.key} %{{y:.4~g}}<extra></extra>"
    if curve.dots:
        strong |= {
            "mode": "lines+markers",
            "marker": {"size": 5, "symbol": symbol(curve.key), "color": color},
        }
    return [*found, strong]


def nonfinite(curve: Curve, axis: Axis, small: bool) -> tuple[list[Json], list[Json]]:
    """(traces, notes): a red cross in the lane at each NaN or Inf, and how many there are in words."""
    seen = [n for n in curve.nonfinite if axis.holds(n.x)]
    if not seen:
        return [], []
    said = [f"{curve.key} {f'{n.count} × ' if n.count > 1 else ''}{WORDS[n.what]}" for n in seen]
    hover = {"yaxis": "y2", "text": said, "hovertemplate": "%{text}<extra></extra>"}
    meta = {"run": curve.key, "part": "nonfinite"}
    traces = [marks([n.x for n in seen], [0.45] * len(seen), CROSS, meta, **hover)]
    if small:
        return traces, []
    counts = {words: sum(n.count for n in seen if n.what == what) for what, words in WORDS.items()}
    text = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count)
    late = axis.share(seen[-1].x) > 0.7
    side = {"xanchor": "right", "xshift": -6} if late else {"xanchor": "left", "xshift": 6}
    x = seen[0].x if late else seen[-1].x
    at = {"yref": "y2", "y": 0.45, "yanchor": "middle"} | side
    return traces, [note(text, "--fail", f"run:{curve.key}", mono=True, x=x, **at)]


def spikes(
    curve: Curve, axis: Axis, scale: Scale, row: int = 0, unit: str = ""
) -> tuple[list[Json], list[Json]]:
    """(traces, notes): a caret at the edge for each value off the scale; up to three say their value.

    ``row`` counts the curves, so that words of several do not lie on one another.
    """
    inside = (curve.x >= axis.low) & (curve.x <= axis.high)
    share = np.array([scale.share(v) for v in curve.y.tolist()])
    traces, notes = [], []
    for up, off in ((True, share > 1.0001), (False, (share < -0.0001) & np.isfinite(share))):
        where = np.flatnonzero(off & inside)
        where = where[np.argsort(-np.abs(share[where] - 0.5), kind="stable")][:12]
        if not len(where):
            continue
        edge = scale.high if up else scale.low
        marker = {"symbol": "triangle-up" if up else "triangle-down", "size": 7, "color": colour(curve.key)}
        text = [label(v, unit) for v in curve.y[where].tolist()]
        hover = {"text": text, "hovertemplate": f"{curve.key} %{{text}}<extra></extra>"}
        meta = {"run": curve.key, "part": "spike"}
        xs = curve.x[where].tolist()
        traces.append(marks(xs, [scale.value(edge)] * len(xs), marker, meta, **hover))
        said: list[float] = []
        for x, words in zip(xs[:3], text, strict=False):
            if all(abs(axis.share(x) - axis.share(other)) > 0.12 for other in said):
                said.append(x)
                at = {"x": x, "y": edge, "xanchor": "left", "yanchor": "middle", "xshift": 6}
                at["yshift"] = (-10 if up else 10) * row
                notes.append(note(words, "--ink-1", f"run:{curve.key}", mono=True, **at))
    return traces, notes


def end(key: str, x: float, y: float, live: bool) -> Json:
    """The mark in the run's shape where its curve ends; hollow while the run is live."""
    color = colour(key)
    ring = {"width": 2, "color": color} if live else {"width": 1, "color": "--sheet"}
    marker = {"size": 8 if live else 7, "symbol": symbol(key) + ("-open" if live else ""), "color": color}
    return marks([x], [y], marker | {"line": ring}, {"run": key, "part": "end"}, hoverinfo="skip")
