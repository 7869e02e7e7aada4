"""Charts of a log that somebody brought: the series that findings are about, and what wanders in them.

A gap breaks the curve, steps that go back begin it anew under a dotted upright, and values that are no numbers
stand as crosses in the lane; all of it is said in words as well.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app import chunks, thinning, words
from app.charts import TEMPLATE, figure
from app.curves import Curve, NonFinite, broken
from app.traces import Axis
from doctor.findings import Diagnosis
from doctor.view import RunView, Track
from nashboard.vocabulary import Series, describe

WIDTH = 900
MOST = 6
FIRST = ("loss/disc", "loss/gen", "eval/fid", "disc/sign_acc", "eval/inception_score")
SHOWN = 4
WIDE = 10.0
"""A stretch without reports is a gap where it is this many times the usual distance, and 2 % of the log."""


@dataclass(frozen=True)
class Plot:
    """A chart of the page: its figure as JSON, what is said above it, and what wanders in it, in sentences."""

    row: Series
    figure: str
    said: str
    odd: tuple[str, ...]


def template() -> str:
    """The figures' common template, as JSON."""
    return json.dumps(TEMPLATE)


def plots(view: RunView, told: Diagnosis) -> tuple[Plot, ...]:
    """The series of the findings first, worst first, then losses and scores; six at most, on one axis."""
    named = [e.series for f in told.findings for e in f.evidence] + [n for n in FIRST if view.has(n)]
    names = [n for n in dict.fromkeys(named) if view.has(n)][:MOST] or sorted(view.tracks)[:2]
    low, high = view.first_step, view.last_step
    axis = Axis("step", "step", float(low), low + 1.02 * max(high - low, 1))
    return tuple(_plot(view.tracks[n], told, axis) for n in names)


def _plot(track: Track, told: Diagnosis, axis: Axis) -> Plot:
    row = describe(track.name)
    backs, holes = went_back(track), gaps(track)
    uprights = [(float(to), "went back") for _, to in backs[:SHOWN]]
    thin = _thinned(track)
    x = thin.step.astype(float)
    low = high = None
    if not thin.exact and len(x):
        low, high = thin.low[thin.bucket], thin.high[thin.bucket]
    bad = [NonFinite(float(step), what, count) for step, what, count in thin.nonfinite]
    curve = Curve("", "", x, thin.value, low, high, None, bad, thin.shown, thin.total)
    drawn = figure(row, [curve], axis=axis, log=row.log, phases=uprights)
    for trace in drawn["data"]:
        if trace["meta"].get("part") in ("line", "raw") and holes:
            _break(trace, [(a + b) / 2 for a, b in holes])
    drawn["layout"]["meta"]["findings"] = list(_brackets(track.name, told))
    return Plot(row, json.dumps(drawn, allow_nan=False), _said(track), tuple(odd(track, backs, holes)))


def _thinned(track: Track) -> thinning.Thinned:
    points = chunks.columns(track.steps, np.zeros(len(track)), track.values)
    if len(points) <= thinning.EXACT * WIDTH:
        return thinning.exact(points)
    k = thinning.shift_for(int(track.steps.min()), int(track.steps.max()), WIDTH)
    return thinning.thin(np.arange(len(points)), points, k, len(points))


def _break(trace: dict[str, Any], places: Sequence[float]) -> None:
    """Break a trace at places of x, so that no line bridges a gap."""
    x, y = (_unpacked(trace[axis]) for axis in ("x", "y"))
    x, y = broken(x, y, places)
    for name, values in (("x", x), ("y", y)):
        data = base64.b64encode(np.ascontiguousarray(values, "<f8").tobytes()).decode()
        trace[name] = {"dtype": "f8", "bdata": data}


def _unpacked(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    if not isinstance(values, dict):
        return np.asarray(values, np.float64)
    raw = base64.b64decode(values["bdata"])
    return np.frombuffer(raw, np.dtype(f"<{values['dtype']}")).astype(np.float64)


def _brackets(name: str, told: Diagnosis) -> list[dict[str, Any]]:
    return [
        {"key": "A", "run": "", "label": f"F{n}", "from": f.step_from, "to": f.step_to, "step": f.step_from}
        | {"code": f.code, "severity": f.severity, "title": f.title, "open": f.lasting}
        for n, f in enumerate(told.findings, 1)
        if f.severity != "info" and any(e.series == name for e in f.evidence)
    ]


def went_back(track: Track) -> list[tuple[int, int]]:
    """(last step before, step gone back to) of each restart."""
    at = np.flatnonzero(np.diff(track.steps) < 0)
    return [(int(track.steps[i]), int(track.steps[i + 1])) for i in at]


def gaps(track: Track) -> list[tuple[int, int]]:
    """(last step before, first step after) of each long stretch without a report."""
    steps = track.steps
    ahead = np.diff(steps)
    usual = float(np.median(ahead[ahead > 0])) if (ahead > 0).any() else 0.0
    span = float(steps.max() - steps.min()) if len(steps) else 0.0
    at = np.flatnonzero(ahead > max(WIDE * usual, 0.02 * span)) if usual else np.empty(0, np.int64)
    return [(int(steps[i]), int(steps[i + 1])) for i in at]


def odd(track: Track, backs: Sequence[tuple[int, int]], holes: Sequence[tuple[int, int]]) -> list[str]:
    """What wanders in a series, in sentences; nothing for one that is as it should be."""
    found = []
    bad = track.steps[~np.isfinite(track.values)]
    if len(bad):
        kinds = {"NaN": np.isnan(track.values).sum(), "infinite": np.isinf(track.values).sum()}
        said = ", ".join(f"{words.count(int(n))} {kind}" for kind, n in kinds.items() if n)
        found.append(f"Not finite: {said}, first at step {words.count(int(bad[0]))}.")
    if holes:
        some = ", ".join(f"{words.count(a)} to {words.count(b)}" for a, b in holes[:SHOWN])
        more = f" and {words.count(len(holes) - SHOWN)} more" if len(holes) > SHOWN else ""
        found.append(f"No report from step {some}{more}.")
    if backs:
        some = ", ".join(f"from {words.count(a)} to {words.count(b)}" for a, b in backs[:SHOWN])
        more = f" and {words.count(len(backs) - SHOWN)} times more" if len(backs) > SHOWN else ""
        found.append(f"Steps go back {some}{more}: a restart; the later report counts.")
    twice = int((np.diff(track.steps) == 0).sum())
    if twice:
        found.append(f"{words.plural(twice, 'step')} reported twice in a row.")
    return found


def _said(track: Track) -> str:
    finite = track.finite.values
    if not len(finite):
        return "No finite value."
    if len(finite) == 1 or float(finite.min()) == float(finite.max()):
        return f"{words.number(float(finite[-1]))} throughout."
    return f"{words.number(float(finite[0]))} first, {words.number(float(finite[-1]))} last."
