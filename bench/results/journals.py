"""Reading finished journals: series, epochs, and where a row comes from."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nashboard import events, journal


@dataclass
class Log:
    """What a journal says: its start, its series as (steps, values), how it ended.

    ``environments`` has one entry a process that worked on the run: the first, and each that resumed it.
    """

    folder: Path
    start: events.RunStarted
    series: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)
    status: str = ""
    seconds: float = math.nan
    environments: list[dict[str, Any]] = field(default_factory=list)

    def knob(self, name: str) -> Any:
        """The value of a knob that the run was started with, by its dotted name."""
        return self.start.recipe[name]

    @property
    def seed(self) -> int:
        return self.start.seed or 0

    @property
    def last_epoch(self) -> float:
        """The epoch that the run ended in; NaN before the first report."""
        return self.at_epoch("progress/epoch", math.inf)

    @property
    def machine(self) -> str:
        """Cores, architecture and torch of whatever worked on the run: "16 cores x86_64, torch 2.13.0+cpu"."""
        return " then ".join(dict.fromkeys(_machine(e) for e in self.environments))

    def value(self, name: str, epoch: float) -> float:
        """What a page shows for ``epoch``: evaluations at its end, a constant as it is, else the mean over it."""
        values = self.series.get(name, ([], []))[1]
        if len(values) == 1:
            return values[0]
        return self.at_epoch(name, epoch) if name.startswith("eval/") else self.mean_over_epoch(name, epoch)

    def evaluations(self, name: str) -> list[tuple[float, float]]:
        """(epoch, value) of an evaluation series, finite values only, the one before training left out."""
        xs, ys = self.epochs(name)
        return [(x, y) for x, y in zip(xs, ys, strict=True) if x > 0 and math.isfinite(y)]

    def epochs(self, name: str) -> tuple[list[float], list[float]]:
        """(epochs, values) of a series, the epoch interpolated from ``progress/epoch``."""
        steps, values = self.series.get(name, ([], []))
        known, at = self.series.get("progress/epoch", ([], []))
        return [_between(step, known, at) for step in steps], values

    def at_epoch(self, name: str, epoch: float) -> float:
        """The last value at or before the end of ``epoch``; NaN where there is none."""
        xs, ys = self.epochs(name)
        upto = [y for x, y in zip(xs, ys, strict=True) if x <= epoch + 1e-6]
        return upto[-1] if upto else math.nan

    def mean_over_epoch(self, name: str, epoch: float) -> float:
        """The mean of the values reported within the epoch that ends at ``epoch``."""
        xs, ys = self.epochs(name)
        inside = [
            y for x, y in zip(xs, ys, strict=True) if epoch - 1 < x <= epoch + 1e-6 and math.isfinite(y)
        ]
        return sum(inside) / len(inside) if inside else math.nan


def _machine(environment: dict[str, Any]) -> str:
    platform = str(environment.get("platform", ""))
    arch = next((a for a in ("x86_64", "aarch64", "arm64") if a in platform), "unknown processor")
    cores, torch = environment.get("cpus", "?"), environment.get("torch", "unknown")
    return f"{cores} cores {arch}, torch {torch}"


def _between(step: int, steps: list[int], epochs: list[float]) -> float:
    if not steps:
        return math.nan
    if step <= steps[0]:
        return epochs[0]
    for (s0, e0), (s1, e1) in zip(
        zip(steps, epochs, strict=True), zip(steps[1:], epochs[1:], strict=False), strict=False
    ):
        if s0 <= step <= s1:
            return e0 if s1 == s0 else e0 + (e1 - e0) * (step - s0) / (s1 - s0)
    return epochs[-1]


def has_journal(folder: Path) -> bool:
    return (folder / "events.jsonl").is_file()


def ended_well(folder: Path) -> bool:
    """Whether the journal's last line says finished."""
    path = folder / "events.jsonl"
    if not path.is_file():
        return False
    last: dict[str, Any] = {}
    for line in path.read_text("utf-8").splitlines()[-1:]:
        try:
            last = json.loads(line)
        except ValueError:
            return False
    return last.get("kind") == "run_ended" and last.get("status") == "finished"


def read(folder: Path) -> Log:
    """The log of a run folder. Raises FileNotFoundError without a journal."""
    series: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    start = None
    first = last = math.nan
    status = ""
    environments: list[dict[str, Any]] = []
    for event in journal.events(folder / "events.jsonl"):
        first = event.time if math.isnan(first) else first
        last = event.time
        if isinstance(event, events.RunStarted):
            start = start or event
            environments.append(dict(event.environment))
        elif isinstance(event, events.Points):
            for name, value in event.values.items():
                series[name][0].append(event.step)
                series[name][1].append(value)
        elif isinstance(event, events.RunEnded):
            status = event.status
    if start is None:
        raise ValueError(f"{folder}: the journal does not start with run_started")
    return Log(folder, start, dict(series), status, last - first, environments)
