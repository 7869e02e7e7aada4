"""The doctor's cost, and how its figures on published logs move with its thresholds.

``run()`` is a benchmark of ``make bench``; `sensitivity` feeds ``docs/doctor/validation.md``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from doctor import truth as truths
from doctor.engine import diagnose
from doctor.rules import critic, disc_runaway, disc_zero, uturn
from doctor.validate import LOSSES
from doctor.view import Facts, RunView, Track

VARIED: tuple[tuple[str, ModuleType, str, tuple[float, ...], bool], ...] = (
    ("disc-zero: median below", disc_zero, "ZERO", (0.025, 0.05, 0.1), True),
    ("disc-runaway: share of the dead value", disc_runaway, "SURE", (0.035, 0.05, 0.07, 0.1, 0.14), True),
    ("critic: usual sign on under", critic, "CHANCE", (0.5, 0.53, 0.56, 0.6), True),
    ("critic: share of what it was", critic, "GONE", (0.001, 0.01, 0.1), True),
    ("u-turn: failure over", uturn, "LOST", (1.4, 1.5, 1.7, 2.0), False),
)


def sensitivity(views: list[RunView]) -> Iterator[tuple[str, float, int, int, int, int]]:
    """(what, value, sick found, sick, false alarms, healthy) for one threshold moved at a time.

    Thresholds of loss rules are judged from the two losses alone, the others with all columns.
    """
    known = [(v, truths.truth(v)) for v in views]
    for what, module, name, values, losses in VARIED:
        kept = getattr(module, name)
        try:
            for value in values:
                setattr(module, name, value)
                sick = well = hits = alarms = 0
                for view, truth in known:
                    tracks = {n: t for n, t in view.tracks.items() if not losses or n in LOSSES}
                    failed = diagnose(RunView(tracks, view.facts)).verdict == "fail"
                    sick, hits = sick + truth.sick, hits + (truth.sick and failed)
                    healthy = truth.state == "healthy"
                    well, alarms = well + healthy, alarms + (healthy and failed)
                yield what, value, hits, sick, alarms, well
        finally:
            setattr(module, name, kept)


def run() -> Iterator[dict[str, Any]]:
    """Milliseconds of a diagnosis of 10,000 and of a million points; the baseline is reading them once."""
    for n in (10_000, 1_000_000):
        rng = np.random.default_rng(0)
        at = np.arange(n) * 10
        names = {"loss/disc": 0.6, "loss/gen": 1.2}
        tracks = {name: Track(name, at, np.abs(rng.normal(level, 0.1, n))) for name, level in names.items()}
        view = RunView(tracks, Facts(adv_loss="hinge"))
        start = time.perf_counter()
        diagnose(view)
        took = time.perf_counter() - start
        start = time.perf_counter()
        for track in tracks.values():
            np.median(track.values)
        once = time.perf_counter() - start
        yield {
            "name": f"doctor diagnosis {n}",
            "value": took * 1000,
            "unit": "ms",
            "baseline": once * 1000,
            "ratio": took / once,
        }
