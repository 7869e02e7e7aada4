"""The measured band behind a run's sparkline, and where the run lies against it, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.models import Run
from app.progress import planned
from app.sketches import Sketch
from recipes import TRAINERS
from recipes.bands import Band, library, verdict

REFERENCE = "fixed"
POINTS = 24


@dataclass(frozen=True)
class RowBand:
    """A measured band in steps: ``edges`` are (step, low, high). Empty where none was measured."""

    band: Band | None = None
    per: float = 1.0
    edges: Sequence[tuple[float, float, float]] = ()

    def verdict(self, curve: Sketch | None) -> str:
        """ "Above measured since epoch 3, now by 0.57"; "" without a band or a curve."""
        if self.band is None or curve is None:
            return ""
        return verdict(self.band, (curve.step / self.per).tolist(), curve.value.tolist()).text


class Bands:
    """Bands of many runs; each set-up is looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Band | None] = {}

    def of(self, run: Run, series: str) -> RowBand:
        """The measured band of the reference preset at the run's size, in the run's steps."""
        key = (run.trainer, run.size, series)
        if key not in self._known:
            self._known[key] = _measured(*key)
        band = self._known[key]
        trainer = run.recipe.get("trainer") if run.recipe else None
        per = trainer.get("steps_per_epoch") if isinstance(trainer, dict) else None
        if band is None or (band.x == "epoch" and not isinstance(per, int | float)):
            return RowBand()
        scale = float(per) if band.x == "epoch" and per else 1.0
        end = (planned(run.recipe) or run.last_step or 0) / scale
        if end <= band.x_from:
            return RowBand(band, scale)
        edges = []
        for x in np.linspace(band.x_from, min(band.x_to, end), POINTS):
            limits = band.at(float(x))
            if limits is not None:
                edges.append((float(x) * scale, *limits))
        return RowBand(band, scale, edges)


def _measured(trainer: str, size: str, series: str) -> Band | None:
    if trainer not in TRAINERS:
        return None
    found = [b for b in library(trainer, size=size) if b.origin == "measured" and b.series == series]
    return next((b for b in found if b.preset == REFERENCE), found[0] if found else None)
