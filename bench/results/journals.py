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
    """What a journal says: its start, its series as (steps, values), how it ended."""

    folder: Path
    start: events.RunStarted
    series: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)
    status: str = ""
    seconds: float = math.nan

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
    for event in journal.events(folder / "events.jsonl"):
        first = event.time if math.isnan(first) else first
        last = event.time
        if isinstance(event, events.RunStarted):
            start = start or event
        elif isinstance(event, events.Points):
            for name, value in event.values.items():
                series[name][0].append(event.step)
                series[name][1].append(value)
        elif isinstance(event, events.RunEnded):
            status = event.status
    if start is None:
        raise ValueError(f"{folder}: the journal does not start with run_started")
    return Log(folder, start, dict(series), status, last - first)
