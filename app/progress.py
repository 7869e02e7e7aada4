"""How far a run is and how long it still takes, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from app import words
from app.models import Run
from recipes.base import flattened


@dataclass(frozen=True)
class Progress:
    """``share`` from 0 to 1, ``done`` "2,100 / 3,000", ``note`` "about 1 min 03 s left", ``look`` of the bar."""

    share: float
    done: str
    note: str
    look: str = ""
    total: int | None = None


def progress(
    run: Run, epoch: tuple[float, int] | None, now: float, pace: tuple[float, int] | None = None
) -> Progress:
    """A run's progress. ``epoch`` is (epoch, step) of its last progress report, where there was one.

    The time left goes by ``pace``, (steps a second, step) as the run measured it last; without one by its own mean
    since it began. A run that was queued again has none until it goes on.
    """
    step, total = run.last_step or 0, run.total_steps or planned(run.recipe)
    share = min(1.0, step / total) if total else 0.0
    done = f"{words.count(step)} / {words.count(total)}" if total else words.count(step)
    if total is None and run.last_step is None:
        done = "no step yet"
    look = {"running": "live", "stopping": "live", "failed": "bad", "lost": "bad"}.get(run.status, "")
    note = _note(run, step, total, now, pace[0] if pace else 0.0)
    if epoch and epoch[0] > 0 and run.status == "running" and not note:
        note = f"epoch {words.number(epoch[0])}"
    return Progress(share if total else float(run.status == "finished"), done, note, look, total)


def planned(recipe: dict[str, Any]) -> int | None:
    """The generator updates that a stored recipe asks for, nested or with dotted names."""
    knobs = flattened(recipe or {})
    most = knobs.get("trainer.max_steps")
    if isinstance(most, int):
        return most
    epochs, steps = knobs.get("trainer.max_epochs"), knobs.get("trainer.steps_per_epoch")
    return epochs * steps if isinstance(epochs, int) and isinstance(steps, int) else None


def _note(run: Run, step: int, total: int | None, now: float, pace: float) -> str:
    if run.status == "queued":
        return "waits for a worker" if not run.resume else "waits to go on"
    if run.status == "stopping":
        return "ends its step and saves"
    if run.status == "running":
        if not step or not total or run.started is None or now <= run.started:
            return ""
        if not (math.isfinite(pace) and pace > 0):
            pace = step / (now - run.started)
        return f"about {words.duration((total - step) / pace)} left" if step < total else ""
    if run.started is None or run.ended is None:
        return "never began" if run.started is None else ""
    return f"{'after' if run.status != 'finished' else 'took'} {words.duration(run.ended - run.started)}"
