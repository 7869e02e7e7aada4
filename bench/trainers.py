"""Steps a second of each trainer: preset fixed, size tiny, the built-in demo set, one CPU thread."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nashboard import events, journal
from recipes.registry import TRAINERS

STEPS = 24
WARM = 4


def run() -> Iterator[dict[str, Any]]:
    """Yields steps a wall second, from the journal's own times; the baseline is the codec in the same run."""
    baseline = None
    for name in TRAINERS:
        rate = steps_per_s(name)
        baseline = baseline or rate
        yield {
            "name": f"{name}, fixed, tiny: generator steps, against the codec's",
            "value": round(rate, 2),
            "unit": "steps/s",
            "baseline": round(baseline, 2),
            "ratio": round(rate / baseline, 3),
        }


def steps_per_s(name: str) -> float:
    """Of one short run in a process of its own; evaluations at step 0 and last lie outside."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"trainer.max_steps={STEPS}", f"trainer.steps_per_epoch={STEPS}", "trainer.log_every=1"]
        line = [sys.executable, "-m", "trainers", name, "preset=fixed", "size=tiny", "device=cpu", *words]
        done = subprocess.run(
            [*line, f"run_dir={folder}/run"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: the trainer ended with {done.returncode}: {done.stderr[-500:]}")
        times: dict[int, float] = {}
        for event in journal.events(Path(folder) / "run" / "events.jsonl"):
            if isinstance(event, events.Points) and "loss/gen" in event.values:
                times.setdefault(event.step, event.time)
    last = max(s for s in times if s < STEPS)
    return (last - WARM) / (times[last] - times[WARM])
