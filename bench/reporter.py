"""What a reporter call costs the loop: `points` with ten values, against bare json.dumps and write."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from nashboard.media import audio_facts
from nashboard.reporter import Reporter

CALLS, ROUNDS = 1000, 15


def run() -> Iterator[dict[str, Any]]:
    """Yields the cost of a call offline, with an uplink whose server is down, and of an audio sample."""
    values = {f"disc/mpd{n}/sign.real": 0.123456789 * n for n in range(10)}
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "bare.jsonl").open("w") as file:

        def bare(step: int) -> None:
            file.write(json.dumps({"step": step, "values": values}) + "\n")
            file.flush()

        with Reporter(Path(folder) / "offline") as offline:
            cost, baseline = _compared(lambda step: offline.points(step, values), bare)
        yield _figure("reporter.points, 10 values", cost, baseline)
        with contextlib.redirect_stderr(io.StringIO()):  # it says, as it should, that nobody answers
            down = Reporter(Path(folder) / "down", url="http://127.0.0.1:9")
            cost, baseline = _compared(lambda step: down.points(step, values), bare)
            down.finish(timeout=0.0)
        yield _figure("reporter.points, 10 values, server down", cost, baseline)
    wave = [0.25 if n % 100 < 50 else -0.25 for n in range(2 * 44100)]
    spent = _spent(lambda _: audio_facts(wave, 44100), 1) * 1e6
    yield {
        "name": "facts of 2 s of audio at 44.1 kHz, against its duration",
        "value": round(spent / 1e3, 1),
        "unit": "ms",
        "baseline": 2000.0,
        "ratio": round(spent / 2e6, 4),
    }


def _compared(ours: Callable[[int], None], bare: Callable[[int], None]) -> tuple[float, float]:
    """Median µs a call of both, measured in turns, so that a busy machine troubles both alike."""
    costs: list[float] = []
    baselines: list[float] = []
    for _ in range(ROUNDS):
        baselines.append(_spent(bare, CALLS))
        costs.append(_spent(ours, CALLS))
    return median(costs) * 1e6, median(baselines) * 1e6


def _spent(call: Callable[[int], Any], times: int) -> float:
    """Seconds of this thread's processor time a call."""
    begun = time.thread_time()
    for step in range(times):
        call(step)
    return (time.thread_time() - begun) / times


def _figure(name: str, value: float, baseline: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 2),
        "unit": "µs",
        "baseline": round(baseline, 2),
        "ratio": round(value / baseline, 3),
    }
