"""The measured band behind a run's sparkline, and where the run lies against it, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app import verdicts
from app.expected import REFERENCE, dead_value, knob
from app.models import Run
from app.progress import planned
from app.sketches import Sketch
from nashboard import vocabulary
from recipes import TRAINERS
from recipes.bands import BadBands, Band, library

POINTS = 24
QUIET = ("plain", "none", "young")
"""Verdicts that say no more than the number beside them."""


@dataclass(frozen=True)
class RowBand:
    """What a run's series is held against. ``edges`` are (step, low, high), empty where nothing was measured.

    ``per`` are the steps of an epoch, 0 where they are not known; ``dead`` the loss that tells nothing.
    """

    series: str
    band: Band | None = None
    per: float = 0.0
    edges: Sequence[tuple[float, float, float]] = ()
    dead: float | None = None

    def verdict(self, curve: Sketch | None) -> verdicts.Said | None:
        """ "stuck at 2.000 since epoch 1", "inside measured since epoch 3"; None where there is nothing to say."""
        if curve is None:
            return None
        unit = "epoch" if self.per else "step"
        x = curve.step / (self.per or 1.0)
        track = verdicts.Track(x, curve.value, unit)
        said = verdicts.of_run(vocabulary.describe(self.series), track, self.band, dead=self.dead)
        return None if said.state in QUIET else said


class Bands:
    """Bands of many runs; each set-up is looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Band | None] = {}

    def of(self, run: Run, series: str) -> RowBand:
        """The measured band of the reference preset at the run's size, in the run's steps."""
        key = (run.trainer, run.size, series)
        if key not in self._known:
            self._known[key] = _measured(*key)
        given = knob(run, "trainer.steps_per_epoch")
        per = float(given) if isinstance(given, int | float) and given > 0 else 0.0
        band, dead = self._known[key], dead_value(run)
        if band is None or (band.x == "epoch" and not per):
            return RowBand(series, None, per, (), dead)
        scale = per if band.x == "epoch" else 1.0
        end = (planned(run.recipe) or run.last_step or 0) / scale
        places = np.linspace(band.x_from, min(band.x_to, end), POINTS) if end > band.x_from else ()
        edges = [(float(x) * scale, *found) for x in places if (found := band.at(float(x))) is not None]
        return RowBand(series, band, per, edges, dead)


def _measured(trainer: str, size: str, series: str) -> Band | None:
    if trainer not in TRAINERS:
        return None
    try:
        found = library(trainer, preset=REFERENCE, size=size)
    except BadBands:
        return None
    mine = (b for b in found if b.origin == "measured" and b.series == series)
    return next((b for b in mine if b.x in ("epoch", "step") and not b.phase), None)
