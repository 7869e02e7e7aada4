"""What x can be, and where a run's steps lie on it: by what the run counted, else by what its recipe says.

Generator step, D steps, epoch, samples seen, hours of audio, elapsed time, clock. A run that neither counts an axis
nor has a recipe that gives it lies nowhere on it; pages name such runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy.orm import Session

from app import expected, reading
from app.curves import Floats
from app.models import Run


@dataclass(frozen=True)
class Kind:
    """An axis: the word on its button, its title on charts, help, and what a run without it does not count."""

    name: str
    label: str
    title: str
    help: str
    counts: str


ALL = (
    Kind("step", "step", "step", "steps of the generator", "steps"),
    Kind("disc_steps", "D steps", "D steps", "steps of the discriminator", "D steps"),
    Kind("epoch", "epoch", "epoch", "epochs", "epochs"),
    Kind("samples", "samples", "samples seen", "training items seen", "samples"),
    Kind("audio_hours", "audio", "audio seen, h", "hours of audio seen in training", "hours of audio"),
    Kind("relative", "elapsed", "", "time since the run began", "time"),
    Kind("time", "clock", "", "time of day", "time"),
)
NAMES = tuple(kind.name for kind in ALL)
BY_NAME = {kind.name: kind for kind in ALL}


def places(
    session: Session, run: Run, steps: ArrayLike, axis: str, epoch_steps: float | None = None
) -> Floats:
    """Where steps lie on the axis, shape (n,) → (n,); all NaN where the run does not have it.

    Past the last report the run goes on at its own pace. ``epoch_steps``: steps an epoch, where the run counts no
    epochs itself.
    """
    asked = np.asarray(steps, np.float64)
    if axis in ("step", "time", "relative"):
        return reading.on_axis(session, run.id, asked, axis)
    known, values = reading.progress(session, run.id, reading.PROGRESS[axis])
    if not len(known):
        each = 1 / epoch_steps if axis == "epoch" and epoch_steps else by_recipe(run, axis)
        return asked * (math.nan if each is None else each)
    found = np.interp(asked, known, values)
    if len(known) > 1:
        pace = (values[-1] - values[-2]) / (known[-1] - known[-2])
        found = found + np.maximum(asked - known[-1], 0) * pace
    return np.asarray(found)


def by_recipe(run: Run, axis: str) -> float | None:
    """Units of the axis a generator step, by the recipe; None where it does not say."""

    def positive(name: str) -> float | None:
        value: Any = expected.knob(run, name)
        return float(value) if isinstance(value, int | float) and value > 0 else None

    if axis == "epoch":
        steps = positive("trainer.steps_per_epoch")
        return 1 / steps if steps else None
    items = positive("data.batch")
    if axis == "samples" or items is None:
        return items if axis == "samples" else None
    crop, rate = positive("data.crop"), positive("data.rate_hz")
    return items * crop / rate / 3600 if axis == "audio_hours" and crop and rate else None
