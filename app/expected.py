"""What is expected of runs: the bands that fit them, put on an axis, and what was said to be logged."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from app.curves import Floats
from app.db import dumps
from app.models import Run
from app.traces import Band as Drawn
from recipes import bands
from recipes.band import Band
from recipes.base import BadRecipe, Recipe, flattened
from recipes.registry import TRAINERS, load

REFERENCE = "fixed"
"""The preset whose reference runs say what is healthy, for runs of all presets."""
DEAD = {"hinge": 2.0, "least_squares": 1.0, "vanilla": 2 * math.log(2)}
"""D's loss when it answers 0 to everything, by adversarial loss (mean over sub-discriminators)."""


@dataclass(frozen=True)
class Expected:
    """A band that is told of a run's series; ``misfit`` says why it does not hold for the run's set-up."""

    band: Band
    misfit: str = ""


def knob(run: Run, name: str) -> Any:
    """A knob of the stored recipe by its dotted name, however the recipe was told; None where it has none."""
    return flattened(run.recipe or {}).get(name)


def recipe_of(run: Run) -> Recipe | None:
    """The run's recipe as its type; None for a run of another program or a recipe that no longer loads."""
    if run.trainer not in TRAINERS or not run.recipe:
        return None
    return _loaded(run.trainer, dumps(run.recipe))


@lru_cache(maxsize=256)
def _loaded(trainer: str, text: str) -> Recipe | None:
    try:
        return load(trainer, json.loads(text))
    except BadRecipe:
        return None


def dead_value(run: Run) -> float | None:
    """The discriminator's loss at which it tells nothing apart; None where the loss is not known."""
    loss = knob(run, "loss")
    return DEAD.get(loss) if isinstance(loss, str) else None


def of_run(run: Run, series: str) -> list[Expected]:
    """The bands told of a run's series: measured of its size, claims, published figures, each with its misfit."""
    if run.trainer not in TRAINERS:
        return []
    recipe = recipe_of(run)
    try:
        library = bands.library(run.trainer, preset=REFERENCE, size=run.size or None)
    except bands.BadBands:
        return []  # a broken file is the operator's to mend; charts are drawn without bands
    return [Expected(b, b.misfit(recipe) if recipe else "") for b in library if b.series == series]


def shared(runs: Sequence[Run], series: str) -> list[Band]:
    """The bands of a series that fit every one of the runs: those that a chart of all of them draws."""
    fitting = [[e.band for e in of_run(run, series) if not e.misfit] for run in runs]
    return [b for b in fitting[0] if all(b in other for other in fitting[1:])] if fitting else []


def judged(run: Run, series: str) -> Band | None:
    """The band that a run's verdict is about: the firmest that fits it; claims are no judges."""
    fitting = [e.band for e in of_run(run, series) if not e.misfit]
    for origin in ("measured", "published"):
        for band in fitting:
            if band.origin == origin:
                return band
    return None


def drawn(band: Band, low: float, high: float, place: Callable[[Floats], Floats]) -> Drawn | None:
    """The band as a chart draws it: ``low`` to ``high`` in its own unit, put on the axis by ``place``."""
    outline = band.outline(low, high)
    if len(outline) < 2 or not all(math.isfinite(v) for point in outline for v in point):
        return None
    x, lows, highs = np.array(outline, dtype=float).T
    return Drawn(band.origin, band.label, place(x), lows, highs)


def _points(trainer: str, series: str) -> list[bands.Point]:
    try:
        return bands.claimed_points(trainer, series)
    except bands.BadBands:
        return []


def claims(run: Run, series: str) -> list[Band]:
    """What was claimed of a series."""
    return [e.band for e in of_run(run, series) if e.band.origin == "claimed"]


def logged(runs: Sequence[Run], series: str) -> list[tuple[float, float, str]]:
    """(epoch, value, words) that a document says were logged, for the trainers of the runs."""
    found = []
    for trainer in sorted({r.trainer for r in runs if r.trainer in TRAINERS}):
        for point in _points(trainer, series):
            words = f"said to be logged ({point.side}): {point.value:g} at epoch {point.x:g}"
            found.append((point.x, point.value, words))
    return found
