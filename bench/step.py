"""The reporter's share of a training step: CPU time of one tiny codec run, in turns with and without reporting.

Within one process the reporter is switched on and off every few steps, the uplink's thread and a live server
included, so that a busy machine troubles both alike. Every step reports (log_every=1), which is the worst case.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

STEPS, BLOCK, WARM = 144, 6, 12


class Switched:
    """A reporter that hears nothing in every second block of steps."""

    def __init__(self, real: Any) -> None:
        self._real, self.on, self.spent = real, True, 0.0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)
        if not callable(call):
            return call

        def heard(*args: Any, **more: Any) -> Any:
            if not self.on:
                return None
            began = time.thread_time()
            try:
                return call(*args, **more)
            finally:
                self.spent += time.thread_time() - began

        return heard


def run() -> Iterator[dict[str, Any]]:
    """Yields the interleaved difference and the directly accounted share, both in per cent of a step's CPU time."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from bench.serving import served
    from nashboard.reporter import Reporter
    from recipes.base import flat
    from recipes.compose import build
    from trainers.codec.train import Training
    from trainers.kit.checkpoints import Checkpoint, Keeper
    from trainers.kit.loop import Loop
    from trainers.kit.signals import Signals

    knobs = {"trainer.max_steps": STEPS, "trainer.steps_per_epoch": STEPS, "trainer.log_every": 1}
    recipe = build("codec", preset="fixed", size="tiny", patch={**knobs, "trainer.threads": 1})
    on: list[float] = []
    off: list[float] = []
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "home") as url:
        training = Training(recipe, "cpu")  # type: ignore[arg-type]
        reporter = Reporter(Path(folder) / "run", url=url, trainer="codec", recipe=flat(recipe))
        switched = Switched(reporter)

        class Timed(Loop):
            """Switches the reporter between steps and takes the process's CPU time of each."""

            def steps(self) -> Iterator[int]:
                last = None
                for step in super().steps():
                    now = time.process_time()
                    if last is not None and step > WARM:
                        (on if switched.on else off).append(now - last)
                    switched.on = step // BLOCK % 2 == 0
                    last = time.process_time()
                    yield step
                switched.on = True

        identity = Checkpoint(reporter.id, "codec", 0, flat(recipe), {})
        keeper = Keeper(Path(folder) / "run", keep_last=1, best_by="eval/mel")
        with Signals() as signals, redirect_stdout(sys.stderr):
            training.train(
                switched,  # type: ignore[arg-type]
                Timed(
                    switched,  # type: ignore[arg-type]
                    training.schedule,
                    keeper,
                    signals,
                    identity=identity,
                    state=training.state,
                ),
            )
        calls = switched.spent / max(len(on), 1)
        reporter.finish()
    step = median(off)
    yield {
        "name": "CPU of a codec step with reporting, against the same without (tiny, every step reports)",
        "value": round(100 * (median(on) - step) / step, 2),
        "unit": "% more",
        "baseline": round(1e3 * step, 2),
        "ratio": round(median(on) / step, 4),
    }
    yield {
        "name": "CPU inside reporter calls, against a codec step (tiny, every step reports)",
        "value": round(1e3 * calls, 4),
        "unit": "ms",
        "baseline": round(1e3 * step, 2),
        "ratio": round(calls / step, 5),
    }
