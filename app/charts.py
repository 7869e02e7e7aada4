"""Charts as plain figure dicts in the product's grammar: what is drawn where, and in which words.

Plain dicts, not ``go.Figure``: 4 ms against 50. Drawn from bottom to top: bands, claimed first and measured
last; the curves; their ends; and in the event lane between plot and x axis what is no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from app import traces
from app.curves import Curve, label, reach, scale, smoothed, spread
from app.groups import Spread
from app.traces import LANE, Axis, Band, Json, Scale, note, upright
from nashboard.vocabulary import Series

HEIGHT, SMALL = 176, 84
ORIGINS = ("claimed", "published", "measured")  # the firmest last, on top
LABELLED = 8  # values beside the ends of more curves would cover the curves
_SMALL_MARGIN = {"l": 30, "r": 8, "t": 6, "b": 18}
_MARGIN = {"l": 44, "r": 48, "t": 16, "b": 34, "pad": 0}
_INK3 = {"size": 11, "color": "--ink-3"}
_AXIS: Json = (
    {"zeroline": False, "showline": False, "gridcolor": "--hair", "gridwidth": 1, "ticks": "", "nticks": 5}
    | {"automargin": False, "separatethousands": True, "title": {"font": _INK3, "standoff": 4}}
    | {"tickfont": {"family": "--mono", "size": 10, "color": "--ink-3"}}
)
_X: Json = (
    {"showgrid": False, "showline": True, "linecolor": "--edge", "linewidth": 1, "ticks": "outside"}
    | {"ticklen": 3, "tickcolor": "--edge", "showspikes": True, "spikemode": "across", "spikethickness": 1}
    | {"spikedash": "solid", "spikecolor": "--edge"}
)
_HOVER = {
    "bgcolor": "--pop",
    "bordercolor": "--line",
    "font": {"family": "--mono", "size": 11, "color": "--ink-1"},
}
_CLEAR = "rgba(0,0,0,0)"
TEMPLATE: Json = {
    "layout": {"font": {"family": "--sans", "size": 11, "color": "--ink-2"}, "margin": _MARGIN}
    | {"paper_bgcolor": _CLEAR, "plot_bgcolor": _CLEAR, "showlegend": False, "hovermode": "x"}
    | {"dragmode": "zoom", "hoverlabel": _HOVER, "xaxis": _AXIS | _X, "yaxis": _AXIS}
}


class _Drawing:
    """One chart under construction: the scale is fixed first, everything else is placed on it."""

    def __init__(self, axis: Axis, scale: Scale, lane: float, *, small: bool, unit: str) -> None:
        self.axis, self.scale, self.lane, self.small, self.unit = axis, scale, lane, small, unit
        self.data: list[Json] = []
        self.shapes: list[Json] = []
        self.notes: list[Json] = []
        # where labels stand and where bands end: (at the right end, share of the height)
        self.taken: list[tuple[bool, float]] = []
        self.edges: list[tuple[str, bool, float]] = []

    def ends(self, curves: Sequence[Curve], weight: float) -> list[Json]:
        """Marks where curves end, and values beside them, kept apart; of many curves the marks alone."""
        last = []
        for curve in curves:
            xs, ys = smoothed(curve, 0.0 if curve.dots else weight)
            if len(xs) and self.axis.holds(float(xs[-1])) and math.isfinite(self.scale.share(float(ys[-1]))):
                inside = min(1.0, max(0.0, self.scale.share(float(ys[-1]))))
                last.append((curve, float(xs[-1]), float(ys[-1]), inside))
        heights = spread([inside * self.scale.plot for _, _, _, inside in last], 11, self.scale.plot)
        found = []
        for (curve, x, y, inside), height in zip(last, heights, strict=True):
            at = self.scale.low + inside * (self.scale.high - self.scale.low)
            found.append(traces.end(curve.key, x, self.scale.value(at), curve.live))
            self.taken.append((self.axis.share(x) > 0.5, height / self.scale.plot))
            if len(last) > LABELLED:
                continue
            side: Json = {"x": x, "y": at, "xanchor": "left", "yanchor": "middle", "xshift": 7}
            side |= {
                "yshift": round(height - inside * self.scale.plot),
                "bgcolor": "--sheet/.78",
                "borderpad": 0,
            }
            self.notes.append(note(label(y, self.unit), "--ink-1", f"run:{curve.key}", mono=True, **side))
        return found

    def now(self, x: float | None) -> None:
        """The accent line at the live end: at the same place in every chart of a page."""
        if x is not None and self.axis.holds(x):
            self.shapes.append(upright(x, "now", {"width": 1, "color": "--accent"}, 0))

    def bands(self, bands: Sequence[Band]) -> None:
        """The bands, the firmest on top and each name once; those off the scale in words, one an origin."""
        named: dict[str, list[Band]] = {}
        off: dict[tuple[str, bool], list[tuple[float, float]]] = {}
        for band in sorted(bands, key=lambda b: ORIGINS.index(b.origin)):
            ends = band.within(self.axis)
            if ends is None:
                continue
            above, below = self.scale.share(ends[0]) >= 1, self.scale.share(ends[1]) <= 0
            if above or below:
                off.setdefault((band.origin, above), []).append(ends)
                continue
            self.data += traces.band(band)
            named.setdefault(band.label, []).append(band)
            for right, end in ((True, -1), (False, 0)):
                if (self.axis.share(float(band.x[end])) > 0.8) == right:
                    for edge in (band.low[end], band.high[end]):
                        self.edges.append((band.label, right, self.scale.share(float(edge))))
        if self.small:
            return
        for same in named.values():
            self._name(same)
        for (origin, above), reaches in off.items():
            self._off(origin, above, min(r[0] for r in reaches), max(r[1] for r in reaches))

    def _off(self, origin: str, above: bool, low: float, high: float) -> None:
        y = 1 if above else self.lane
        rows = sum(n.get("yref") == "paper" and n["y"] == y for n in self.notes)
        corner: Json = {"xref": "paper", "yref": "paper", "x": 1, "y": y, "xanchor": "right"}
        corner |= {"yanchor": "bottom", "yshift": 1 + 11 * rows}
        text = f"{'↑' if above else '↓'} {origin} {reach(low, high)}"
        self.notes.append(note(text, f"--band-{origin}", f"band:{origin}", **corner))

    def _name(self, bands: Sequence[Band]) -> None:
        """The bands' name above or below their outer ends, where it is farthest from other labels."""
        origin, text = bands[0].origin, bands[0].label
        under = origin == "claimed"
        places = ((True, under), (True, not under), (False, not under), (False, under))
        spots = []
        for order, (right, below) in enumerate(places):
            x, low, high = self._end(bands, right)
            value = low if below else high
            at = self.scale.share(value) + (-0.06 if below else 0.06)
            if 0.02 <= at <= 1.02:
                near = [other for side, other in self.taken if side == right]
                near += [edge for name, side, edge in self.edges if side == right and name != text]
                gap = min((abs(at - other) for other in near), default=1.0)
                spots.append((min(gap, 0.09), -order, right, below, x, value, at))
        if not spots:
            return
        _, _, right, below, x, value, at = max(spots)
        self.taken.append((right, at))
        side: Json = {"x": x, "y": self.scale.place(value), "xanchor": "right" if right else "left"}
        side |= {"yanchor": "top", "yshift": -1} if below else {"yanchor": "bottom", "yshift": 1}
        self.notes.append(note(text, f"--band-{origin}", f"band:{origin}", **side))

    def _end(self, bands: Sequence[Band], right: bool) -> tuple[float, float, float]:
        """(x, lowest, highest) at the outermost end of bands of one name."""
        ends = [min(b.x[-1], self.axis.high) if right else max(b.x[0], self.axis.low) for b in bands]
        x = float(max(ends) if right else min(ends))
        here = [b for b in bands if b.x[0] <= x <= b.x[-1]]
        low = min(float(np.interp(x, b.x, b.low)) for b in here)
        return x, low, max(float(np.interp(x, b.x, b.high)) for b in here)

    def phases(self, phases: Sequence[tuple[float, str]]) -> None:
        """Dotted uprights where a phase begins; a label where the one before leaves room."""
        free = -math.inf
        dots = {"width": 1, "color": "--edge", "dash": "1px,3px"}
        for x, words in phases:
            if not self.axis.holds(x):
                continue
            self.shapes.append(upright(x, "mark:phases", dots, self.lane))
            at = self.axis.share(x)
            if self.small or not words or at < free:
                continue
            free = at + 0.025 * len(words)
            side: Json = {"xanchor": "right", "xshift": -1} if at > 0.8 else {"xanchor": "left", "xshift": 1}
            top: Json = {"yref": "paper", "y": 1, "yshift": 1, "yanchor": "bottom"}
            self.notes.append(note(words, "--ink-3", "mark-label:phases", x=x, **top, **side))

    def zero(self, base: str) -> None:
        """The baseline as the line at 0, in its own colour and named."""
        style: Json = {"width": 1.25, "color": traces.colour(base)}
        line: Json = {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": 0, "y1": 0}
        self.shapes.append(line | {"line": style, "layer": "below", "name": f"run:{base}"})
        if not self.small:
            side: Json = {
                "xref": "paper",
                "x": 0,
                "y": 0,
                "xanchor": "left",
                "yanchor": "bottom",
                "yshift": 1,
            }
            self.notes.append(note(f"{base}, the baseline", "--ink-3", f"run:{base}", **side))

    def layout(self, height: int) -> Json:
        """Axes, shapes and notes; ``yaxis2`` is the event lane, there in every chart so that plots align."""
        x: Json = {"range": [self.axis.low, self.axis.high], "anchor": "free", "position": 0}
        if self.axis.name == "time":
            x["type"] = "date"
        else:
            x["hoverformat"] = ",d" if self.axis.name == "step" else ".4~g"
        y: Json = {"domain": [self.lane, 1], "range": [self.scale.low, self.scale.high]}
        if self.scale.log:
            decades = self.scale.high - self.scale.low
            step = math.ceil(decades / 5) if decades > 1.2 else "D2" if decades > 0.5 else "D1"
            y |= {"type": "log", "tickformat": "~g", "dtick": step}
        lane = {"domain": [0, self.lane], "range": [0, 1], "visible": False, "fixedrange": True}
        found: Json = {"height": height, "shapes": self.shapes, "annotations": self.notes}
        if self.small:
            x["nticks"], y["nticks"], found["margin"] = 4, 3, _SMALL_MARGIN
        else:
            x["title"] = {"text": self.axis.title}
        return found | {"xaxis": x, "yaxis": y, "yaxis2": lane}


def figure(
    row: Series,
    curves: Sequence[Curve],
    bands: Sequence[Band] = (),
    *,
    axis: Axis,
    smooth: float = 0.0,
    log: bool = False,
    phases: Sequence[tuple[float, str]] = (),
    logged: Sequence[tuple[float, float, str]] = (),
    now: float | None = None,
    small: bool = False,
    spreads: Sequence[Spread] | None = None,
    zero: str = "",
) -> Json:
    """The chart of one series as a figure dict.

    Args:
        row: the series' row of the vocabulary.
        curves: one a run, in the order of the keys.
        bands: expected ranges on the same axis.
        axis: what x is, and the range to draw; curves may reach beyond it.
        smooth: weight of the moving average, 0 to less than 1; the raw line stays.
        log: value axis in decades; ``layout.meta.unlogged`` counts the values that cannot be on it.
        phases: (x, words) of the marks.
        logged: (x, value, words) that a document says were logged.
        now: where the newest step of a live run lies.
        spreads: groups, drawn in place of the runs' own curves, which stay as thin lines.
        zero: key of the baseline where the curves are differences to it.
    """
    reached = [(band.origin, ends) for band in bands if (ends := band.usual(axis)) is not None]
    firm = [ends for origin, ends in reached if origin == "measured"]
    soft = [ends for origin, ends in reached if origin != "measured"]
    shown = [s.curve() for s in spreads] if spreads is not None else list(curves)
    seen = [c.y[(c.x >= axis.low) & (c.x <= axis.high)] for c in shown]
    if spreads is not None:
        inside = [(s, (s.x >= axis.low) & (s.x <= axis.high)) for s in spreads]
        seen += [part[where] for s, where in inside for part in (s.low, s.high)]
    if zero:
        firm.append((0.0, 0.0))
    elif row.unit == "share" and row.name.startswith("disc/"):
        firm.append((0.35, 1.0))  # accuracies: so that chance and perfection look the same in every chart
    low, high = scale(seen, firm, soft, log=log)
    height = SMALL if small else HEIGHT
    margin = _SMALL_MARGIN if small else _MARGIN
    inner = height - margin["t"] - margin["b"]
    drawing = _Drawing(axis, Scale(low, high, log, inner - LANE), LANE / inner, small=small, unit=row.unit)
    last = [] if small else drawing.ends(shown, 0.0 if spreads is not None else smooth)
    drawing.bands(bands)
    said = [p for p in logged if axis.holds(p[0]) and 0 <= drawing.scale.share(p[1]) <= 1]
    if said:
        drawing.data.append(traces.logged(said))
    rows = 0
    for one in spreads or ():
        drawing.data += traces.members(one)
    for one in spreads or ():
        drawing.data += traces.group(one, small)
    for curve in shown:
        if spreads is None:
            drawing.data += traces.curve(curve, smooth, small, hull=len(curves) <= len(traces.KEYS))
        crosses, words = traces.nonfinite(curve, axis, small)
        carets, values = ([], []) if small else traces.spikes(curve, axis, drawing.scale, rows, row.unit)
        rows += bool(values)
        drawing.data += crosses + carets
        drawing.notes += words + values
    drawing.data += last
    drawing.phases(phases)
    if zero:
        drawing.zero(zero)
    drawing.now(now)
    layout = drawing.layout(height)
    layout["meta"] = {
        "series": row.name,
        "shown": sum(c.shown for c in curves),
        "total": sum(c.total for c in curves),
        "unlogged": sum(int((c.y <= 0).sum()) for c in curves) if log else 0,
        "runs": {c.key: facts(c) for c in shown},
    }
    return {"data": drawing.data, "layout": layout}


def facts(curve: Curve) -> dict[str, Any]:
    """What a page, a screen reader and a test want to know of a curve without decoding it."""
    last = len(curve.y) > 0
    return {
        "run": curve.run,
        "points": curve.total,
        "shown": curve.shown,
        "last": float(curve.y[-1]) if last else None,
        "last_x": float(curve.x[-1]) if last else None,
        "nonfinite": sum(n.count for n in curve.nonfinite),
    }
