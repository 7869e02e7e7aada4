"""The doctor's cost, and how its figures on published logs move with its thresholds.

``run()`` is a benchmark of ``make bench``; `sensitivity` feeds ``docs/doctor/validation.md``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from app import db, findings, ingest, runs
from app import settings as settings_module
from doctor import truth as truths
from doctor.engine import diagnose
from doctor.rules import critic, disc_runaway, disc_zero, uturn
from doctor.validate import LOSSES
from doctor.view import Facts, RunView, Track
from nashboard.events import Points

BATCH = 5000
LIVE = ("loss/disc", "loss/gen", "disc/sign_acc", "disc/grad_norm")

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
    yield from _after_a_batch()


def _after_a_batch() -> Iterator[dict[str, Any]]:
    """CPU milliseconds from one more batch of 10 steps in the database to its stored diagnosis, in runs of growing length.

    The baseline is the shortest run: the cost must not grow with the run.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings_module.use(settings_module.load(home=Path(folder)).prepared())
        try:
            db.migrate()
            short = 0.0
            for n in (1_000, 100_000, 1_000_000):
                took = _one_more(n)
                short = short or took
                name = f"doctor after one more batch, run of {n} steps"
                yield {
                    "name": name,
                    "value": took,
                    "unit": "CPU ms",
                    "baseline": short,
                    "ratio": took / short,
                }
        finally:
            db.dispose()
            settings_module.use(None)


def _one_more(n: int, rounds: int = 5) -> float:
    """The median over ``rounds`` batches, after a run of ``n`` steps of four series was read once."""
    rng = np.random.default_rng(0)
    with db.transaction() as session:
        run_id = runs.create(session, recipe={"loss": "hinge"}).id
    filed = 0

    def report(steps: int) -> None:
        nonlocal filed
        for start in range(filed, filed + steps, BATCH):
            values = rng.normal(1.0, 0.05, (min(BATCH, filed + steps - start), len(LIVE)))
            events = [
                Points(seq=start + i, time=1.7e9, step=start + i, values=dict(zip(LIVE, row, strict=True)))
                for i, row in enumerate(values.tolist())
            ]
            with db.transaction() as session:
                ingest.apply(session, run_id, events)
        filed += steps

    report(n)
    findings.look(run_id)
    spent = []
    for _ in range(rounds):
        report(10)
        findings.EVERY_S, kept = 0.0, findings.EVERY_S
        start = time.process_time()
        try:
            findings.look(run_id)
        finally:
            findings.EVERY_S = kept
        spent.append((time.process_time() - start) * 1000)
    return float(np.median(spent))
