"""What a chart says in one line: inside, above or below what was measured, since when and by how much.

Claims never judge a run; they are said after the verdict and colour nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app import words
from app.curves import Floats, medians
from nashboard.vocabulary import Series
from recipes import bands
from recipes.band import Band

NEAR_DEAD = 0.02
NEAR_CHANCE = 0.03
SPOKEN = 6
"""Of more runs than this a chart's line says which are where, and no longer since when and by how much."""
MANY = 60
"""Series of more points than this are judged by their running median: one noisy step is no verdict."""


@dataclass(frozen=True)
class Said:
    """One run's verdict: ``strong`` is set off, ``rest`` follows it; ``tone`` is "fail", "warn" or ""."""

    rest: str
    strong: str = ""
    tone: str = ""
    state: str = ""


@dataclass(frozen=True)
class Track:
    """A run's series as a verdict sees it: x in epochs or steps, every point, non-finite ones included.

    ``u`` are the same places in the band's unit, where that is another one or begins with a phase; NaN where the band
    does not hold.
    """

    x: Floats
    y: Floats
    unit: str = "epoch"
    nonfinite: int = 0
    live: bool = False
    u: Floats | None = None

    def at(self, x: float) -> str:
        """ "epoch 2.5", "step 1,200"."""
        if self.unit == "step":
            return f"step {words.count(round(x))}"
        return f"epoch {words.fixed(x, 0 if abs(x - round(x)) < 0.05 else 1)}"


def of_run(
    row: Series, track: Track, band: Band | None, claims: Sequence[Band] = (), dead: float | None = None
) -> Said:
    """The verdict on a run's series. ``band`` judges; ``dead`` is the value of a loss that tells nothing."""
    finite = np.isfinite(track.y)
    if not len(track.y):
        return Said("no data yet." if track.live else "no data.", state="none")
    if not finite[-1]:
        return _not_a_number(track, finite)
    x, y = track.x[finite], track.y[finite]
    if row.name == "loss/disc" and dead is not None and (said := _stuck(track, x, y, dead, NEAR_DEAD)):
        said = replace(said, strong=f"stuck at {words.fixed(dead, 3)}") if said.tone else said
    elif row.name == "disc/sign_acc" and (said := _stuck(track, x, y, 0.5, NEAR_CHANCE)):
        said = replace(said, strong="at chance") if said.tone else said
    else:
        u = (
            track.u[finite]
            if track.u is not None
            else x
            if band is not None and band.x == track.unit
            else None
        )
        said = _against(row, track, x, medians(y) if len(y) > MANY else y, band, u)
    beside = [c for c in claims if c.x == track.unit and not c.phase]
    return replace(said, rest=said.rest + _claimed(beside, x[-1], float(y[-1])) + _holes(track, finite))


def _not_a_number(track: Track, finite: Any) -> Said:
    """The newest value is none: since when."""
    kind = words.number(float(track.y[-1]))
    since = int(np.flatnonzero(finite)[-1]) + 1 if finite.any() else 0
    return Said(f"from {track.at(track.x[since])} on.", kind, "fail", "nonfinite")


def _stuck(track: Track, x: Floats, y: Floats, value: float, near: float) -> Said | None:
    """Whether the series ends in a long stretch at ``value``: an epoch, or ten points without epochs."""
    away = np.flatnonzero(np.abs(y - value) >= near)
    start = int(away[-1]) + 1 if len(away) else 0
    if start >= len(y):
        return None
    long = x[-1] - x[start] >= 1 if track.unit == "epoch" else len(y) - start >= 10
    if not long:
        return Said(f"at {words.fixed(value, 3)} so far.", state="young") if start == 0 else None
    return Said(f"since {track.at(x[start])}.", "stuck", "fail", "stuck")


def _against(row: Series, track: Track, x: Floats, y: Floats, band: Band | None, u: Floats | None) -> Said:
    if band is None or u is None:
        return Said(_plain(row, track, x, y), state="plain")
    placed = np.isfinite(u)
    if not placed.any():
        where = f"in {band.phase} " if band.phase else ""
        return Said(f"no value {where}where {band.origin} is known.", state="none")
    found = bands.verdict(band, u[placed].tolist(), y[placed].tolist())
    if found.state == "none" or found.since_x is None:
        return Said(f"{found.text[:1].lower()}{found.text[1:]}.", state="none")
    past = bool(u[placed][-1] > band.x_to) or not placed[-1]
    inside = np.flatnonzero(placed & (u <= band.x_to))
    start = float(x[np.flatnonzero(u == found.since_x)[0]])
    since = f"since {track.at(start)}" if start < x[-1] else f"at {track.at(x[-1])}"
    if past:
        end = band.x_to if u is x else float(x[inside[-1]])
        since = f"up to {track.at(end)}, where the band ends"
    where = f" in {band.phase}" if band.phase else ""
    if found.state == "inside":
        return Said(f"{'was ' if past else ''}inside {band.origin}{where} {since}.", state="inside")
    better = {("above", "up"), ("below", "down")}
    tone = "" if (found.state, row.better) in better or band.origin != "measured" else "warn"
    gap = _gap(row, found.state, found.by, band, min(float(u[inside[-1]]), band.x_to), y)
    strong = f"{'was ' if past else ''}{found.state} {band.origin}{where}"
    return Said(f"{since}, {'' if past else 'now '}by {gap}.", strong, tone, found.state)


def _gap(row: Series, state: str, by: float, band: Band, x: float, y: Floats) -> str:
    """How far outside: in the unit, or as a factor where the series spans decades."""
    limits, value = band.at(x), float(y[-1])
    if row.log and limits is not None and value > 0 and limits[0] > 0:
        factor = value / limits[1] if state == "above" else limits[0] / value
        if factor >= 2:
            return f"a factor of {words.number(float(f'{factor:.2g}'), 2)}"
    unit = f" {row.unit}" if row.unit and row.unit != "share" else ""
    return f"{words.measured(by, row.unit)}{unit}" if by >= 0.05 or not unit else f"less than 0.1{unit}"


def _plain(row: Series, track: Track, x: Floats, y: Floats) -> str:
    """Where nothing is expected: the value, and the best so far where one direction is better."""
    unit = f" {row.unit}" if row.unit and row.unit != "share" else ""
    text = f"{words.measured(float(y[-1]), row.unit)}{unit} at {track.at(x[-1])}"
    if row.better and len(y) > 1:
        best = int(np.argmax(y) if row.better == "up" else np.argmin(y))
        if y[best] != y[-1]:
            text += f", best {words.measured(float(y[best]), row.unit)} at {track.at(x[best])}"
    return f"{text}."


def _claimed(claims: Sequence[Band], x: float, y: float) -> str:
    """Where the claims for this moment lie: the widest of them counts."""
    limits = [found for band in claims if (found := band.at(x)) is not None]
    if not limits:
        return ""
    low, high = min(a for a, _ in limits), max(b for _, b in limits)
    if low <= y <= high:
        return " Inside claimed."
    far = "Far " if max(low - y, y - high) > high - low else ""
    side = "below" if y < low else "above"
    return f" {far}{side} claimed.".replace(f" {side} ", f" {side if far else side.capitalize()} ", 1)


def _holes(track: Track, finite: Any) -> str:
    """How many values were no numbers, and where the last one was."""
    if not track.nonfinite:
        return ""
    where = np.flatnonzero(~finite)
    last = f", last at {track.at(float(track.x[where[-1]]))}" if len(where) else ""
    return f" {words.plural(track.nonfinite, 'value')} not finite{last}."


def _brief(one: Said) -> Said | None:
    """Where a run is and nothing more; None for one that nothing was expected of."""
    if one.strong:
        return Said("", f"{one.strong}.", one.tone, one.state)
    where = re.split(r" since | at (?:epoch|step) |\. ", one.rest)[0].rstrip(".")
    return Said(f"{where}.", state="inside") if one.state == "inside" else None


def chart(said: dict[str, Said], *, named: bool) -> dict[str, Any]:
    """The line of a chart: {text, tone, parts: [{keys, strong, rest, tone, named}]}, equal verdicts joined.

    ``named``: the runs' keys stand before their words; else (one run) the sentence begins with a capital.
    """
    if len(said) > SPOKEN:
        said = {key: brief for key, one in said.items() if (brief := _brief(one)) is not None}
    inside = {
        s.rest.split(" since")[0].rstrip(".") for s in said.values() if s.state == "inside" and not s.strong
    }
    simple = len(said) > 1 and len(inside) == 1 and all(s.state == "inside" for s in said.values())
    if simple and len({s.rest for s in said.values()}) > 1 and not any(". " in s.rest for s in said.values()):
        said = {key: Said(f"{next(iter(inside))}.", state="inside") for key in said}
    joined: dict[Said, list[str]] = {}
    for key, one in said.items():
        joined.setdefault(one, []).append(key)
    parts: list[dict[str, Any]] = []
    for one, keys in joined.items():
        strong, rest = one.strong, one.rest
        if not named:
            strong, rest = (
                (strong[:1].upper() + strong[1:], rest) if strong else ("", rest[:1].upper() + rest[1:])
            )
        parts.append({"keys": keys, "strong": strong, "rest": rest, "tone": one.tone, "named": named})
    tones = {s.tone for s in said.values()}
    tone = "" if named else "fail" if "fail" in tones else "warn" if "warn" in tones else ""
    text = " ".join(
        " ".join(p for p in (", ".join(part["keys"]) if named else "", part["strong"], part["rest"]) if p)
        for part in parts
    )
    return {"text": text, "tone": tone, "parts": parts}
