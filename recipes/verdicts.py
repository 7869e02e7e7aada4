"""A series held against a band, in words: inside, above or below, since when, by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nashboard import vocabulary
from recipes.band import Band

SLACK = 1e-9  # so that a run is inside the envelope that it made, whatever interpolation rounds


@dataclass(frozen=True)
class Verdict:
    """``state`` is inside, above, below or none; ``by`` how far the last value is from the nearest edge."""

    state: str
    since_x: float | None
    by: float
    text: str


def verdict(band: Band, xs: Sequence[float], ys: Sequence[float]) -> Verdict:
    """Where the series ``ys`` over ``xs`` (in the band's unit, rising) lies against the band.

    The last finite value inside the band's stretch decides; ``since_x`` is where that state began. Text of a
    run that has left the stretch is in the past tense.
    """
    if len(xs) != len(ys):
        raise ValueError(f"{len(xs)} positions for {len(ys)} values")
    finite = [
        (float(x), float(y)) for x, y in zip(xs, ys, strict=True) if math.isfinite(y) and math.isfinite(x)
    ]
    if not finite:
        if not len(ys):
            return Verdict("none", None, 0.0, "No data yet")
        return Verdict("none", None, 0.0, f"No finite value: {_word(float(ys[-1]))} at {at(band.x, xs[-1])}")
    inside = [(x, y, limits) for x, y in finite if (limits := band.at(x)) is not None]
    if not inside:
        return Verdict("none", None, 0.0, _elsewhere(band, finite))
    states = [_state(y, *limits) for _, y, limits in inside]
    first = len(states) - 1
    while first and states[first - 1] == states[-1]:
        first -= 1
    x, y, (low, high) = inside[-1]
    state, since = states[-1], inside[first][0]
    by = max(low - y, y - high, 0.0) if state != "inside" else 0.0
    over = finite[-1][0] > band.x_to
    return Verdict(state, since, by, _text(band, state, since, x, by, over) + _broken(band, xs, ys))


def _state(y: float, low: float, high: float) -> str:
    slack = SLACK * max(1.0, abs(y))
    return "below" if y < low - slack else "above" if y > high + slack else "inside"


def _text(band: Band, state: str, since: float, last: float, by: float, over: bool) -> str:
    unit = vocabulary.describe(band.series).unit
    gap = "" if state == "inside" else f" by {number(by)}{f' {unit}' if unit and unit != 'share' else ''}"
    if over:
        end = "" if _one_epoch(band) else ", where the band ends"
        return f"Was {state} {band.origin}{gap} at {at(band.x, last)}{end}"
    if since == last:
        return f"{state.capitalize()} {band.origin}{gap} at {at(band.x, last)}"
    return f"{state.capitalize()} {band.origin} since {at(band.x, since)}{', now' + gap if gap else ''}"


def _elsewhere(band: Band, finite: Sequence[tuple[float, float]]) -> str:
    if _one_epoch(band):
        stretch = f"for {at(band.x, math.floor(band.x_to))}"
    else:
        stretch = f"from {at(band.x, band.x_from)}"
        stretch += f" to {at('', band.x_to).strip()}" if math.isfinite(band.x_to) else ""
    if finite[-1][0] < band.x_from:
        return f"Not there yet: {band.origin} {stretch}"
    if finite[0][0] > band.x_to:
        return f"Begins later: {band.origin} {stretch}"
    return f"No value there: {band.origin} {stretch}"


def _one_epoch(band: Band) -> bool:
    """Whether the band is about a single epoch, as claims are."""
    return band.x == "epoch" and band.x_to - band.x_from == 1


def _broken(band: Band, xs: Sequence[float], ys: Sequence[float]) -> str:
    """What to add where the newest value is no number."""
    return "" if math.isfinite(ys[-1]) else f"; {_word(float(ys[-1]))} at {at(band.x, xs[-1])}"


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Inf" if value > 0 else "−Inf"


def at(axis: str, x: float) -> str:
    """A place on the axis in words: "epoch 3", "epoch 2.5", "step 1,200", "40 % of the run", "64,000 samples"."""
    if axis == "progress":
        return f"{100 * x:,.0f} % of the run"
    if axis == "samples":
        return f"{x:,.0f} samples"
    return f"{axis} {x:,.0f}" if axis == "step" or float(x).is_integer() else f"{axis} {x:,.1f}"


def number(value: float) -> str:
    """Three significant digits at most, thousands with a comma, minus as −."""
    if not math.isfinite(value):
        return _word(value)
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if power < -4 or power >= 15:
        text = f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e")
    else:
        text = f"{value:,.{max(0, 2 - power)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")
