"""What is expected of runs: the bands that fit them, put on an axis, and what was said to be logged."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app import bandsets
from app.curves import Floats
from app.db import dumps
from app.errors import BadInput
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


@dataclass(frozen=True)
class Choice:
    """Which bands are looked at. Usually the library's of the trainer, and the sets that are drawn wherever they fit;
    with ``only`` the chosen ``sets`` and no others, drawn though they may be of another set-up.
    """

    sets: tuple[bandsets.Set, ...] = ()
    only: bool = False


USUAL = Choice()
NONE = "none"


def choice(session: Session, asked: str = "") -> Choice:
    """What ``bands=`` of an address chooses: "" for the usual, "none", or ids of sets by comma. Raises `BadInput`."""
    ids = [part for p in asked.split(",") if (part := p.strip())]
    if not ids:
        return Choice(tuple(s for s in bandsets.stored(session) if s.always))
    if ids == [NONE]:
        return Choice(only=True)
    known = {s.id: s for s in bandsets.listing(session)}
    for set_id in ids:
        if set_id not in known:
            raise BadInput(
                f"there are no bands {set_id!r:.40}; they may have been deleted. The Bands page lists those that are",
                field="bands",
            )
    return Choice(tuple(known[i] for i in dict.fromkeys(ids)), only=True)


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


def of_run(run: Run, series: str, chosen: Choice = USUAL) -> list[Expected]:
    """The bands told of a run's series, each with its misfit: measured of its size, claims, published figures; or
    those of the chosen sets.
    """
    found = [] if chosen.only or run.trainer not in TRAINERS else _library(run)
    recipe, data = recipe_of(run), str((run.environment or {}).get("data") or "")
    for one in chosen.sets:
        if chosen.only or one.trainer in ("", run.trainer):
            found += [replace(b, name=b.name or (one.name if one.kept else b.preset)) for b in one.bands]
    return [Expected(b, _misfit(b, run, recipe, data)) for b in found if b.series == series]


def _library(run: Run) -> list[Band]:
    try:
        return bands.library(run.trainer, preset=REFERENCE, size=run.size or None)
    except bands.BadBands:
        return []  # a broken file is the operator's to mend; charts are drawn without bands


def _misfit(band: Band, run: Run, recipe: Recipe | None, data: str) -> str:
    if band.trainer and band.trainer != run.trainer:
        return f"{band.origin} of {band.trainer}: not this trainer ({run.trainer or 'not named'})"
    return band.misfit(recipe, data) if recipe else ""


def shared(runs: Sequence[Run], series: str, chosen: Choice = USUAL) -> list[Band]:
    """The bands of a series that fit every one of the runs: those that a chart of all of them draws.

    Chosen ones are drawn though they do not fit, and say so.
    """
    told = [{e.band: e.misfit for e in of_run(run, series, chosen)} for run in runs]
    found = []
    for band in told[0] if told else ():
        if not all(band in other for other in told):
            continue
        misfit = any(other[band] for other in told)
        if not misfit:
            found.append(band)
        elif chosen.only:
            found.append(replace(band, name=f"{band.name}, another set-up"))
    return found


def judged(run: Run, series: str, chosen: Choice = USUAL) -> Band | None:
    """The band that a run's verdict is about: the firmest that fits it; claims are no judges.

    A chosen or made band goes before the library's, a range before a single figure.
    """
    fitting = [e.band for e in of_run(run, series, chosen) if not e.misfit and e.band.origin != "claimed"]
    firm = ("measured", "published")
    order = sorted(fitting, key=lambda b: (firm.index(b.origin), b.low == b.high))
    own = {b for s in chosen.sets for b in s.bands}
    mine = [b for b in order if replace(b, name="") in own or b in own]
    return next(iter(mine or order), None)


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


def claims(run: Run, series: str, chosen: Choice = USUAL) -> list[Band]:
    """What was claimed of a series."""
    return [e.band for e in of_run(run, series, chosen) if e.band.origin == "claimed"]


def logged(runs: Sequence[Run], series: str) -> list[tuple[float, float, str]]:
    """(epoch, value, words) that a document says were logged, for the trainers of the runs."""
    found = []
    for trainer in sorted({r.trainer for r in runs if r.trainer in TRAINERS}):
        for point in _points(trainer, series):
            words = f"said to be logged ({point.side}): {point.value:g} at epoch {point.x:g}"
            found.append((point.x, point.value, words))
    return found
