"""A run against what is expected of it, in one line: in how many series inside, and where it is outside since when.

Out of rough curves that the database sums up (`app.sketches`): three queries a series however many runs there are, and
nothing is scanned. Claims are no judges: only measured and published bands count, and only a measured one warns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from app import bandplaces, expected, reading, tracks, verdicts
from app.models import Run
from app.sketches import sketches
from app.tracks import View
from nashboard.vocabulary import describe

MOST_RUNS, MOST_SERIES = 20, 40
OUTSIDE = ("above", "below")


@dataclass(frozen=True)
class RunVerdict:
    """``text`` "inside in 5 of 6 series; SNR below measured since epoch 3, now by 2.1 dB"; ``tone`` "warn" or ""."""

    text: str
    tone: str
    inside: int
    judged: int


def of(
    session: Session, runs: Sequence[Run], chosen: expected.Choice = expected.USUAL
) -> dict[str, RunVerdict]:
    """The verdict of each run that something fitting is known of, by its id; none with more than 20 runs."""
    if len(runs) > MOST_RUNS:
        return {}
    have = reading.series_of(session, [r.id for r in runs])
    bands = {
        (run.id, i.name): band
        for run in runs
        for i in have.get(run.id, ())
        if (band := expected.judged(run, i.name, chosen)) is not None
    }
    names = list(dict.fromkeys(name for _, name in bands))[:MOST_SERIES]
    if not names:
        return {}
    rough = {name: sketches(session, [r.id for r in runs if (r.id, name) in bands], name) for name in names}
    found = {}
    for track in tracks.load(session, runs, [], View()):
        said = []
        for name in names:
            band, curve = bands.get((track.run.id, name)), rough[name].get(track.run.id)
            way = (
                bandplaces.way(track, band.x, band.phase) if band is not None and curve is not None else None
            )
            if band is None or curve is None or way is None:
                continue
            epochs = track.epochs(curve.step)
            unit = "step" if np.isnan(epochs).any() else "epoch"
            x = curve.step.astype(float) if unit == "step" else epochs
            seen = verdicts.Track(x, curve.value, unit, live=track.live, u=way.of(curve.step))
            row = describe(name)
            one = verdicts.of_run(row, seen, band, dead=expected.dead_value(track.run))
            if one.state in ("inside", *OUTSIDE, "stuck", "nonfinite"):
                said.append((row.title, one))
        if said:
            found[track.run.id] = _told(said)
    return found


def _told(said: Sequence[tuple[str, verdicts.Said]]) -> RunVerdict:
    inside = sum(one.state == "inside" for _, one in said)
    text = f"inside in {inside} of {len(said)} series"
    order = {"fail": 0, "warn": 1, "": 2}
    away = sorted((s for s in said if s[1].state != "inside"), key=lambda s: order[s[1].tone])
    if away:
        title, one = away[0]
        text += f"; {title} {one.strong} {one.rest}".rstrip(".")
        text += f", and {len(away) - 1} more" if len(away) > 1 else ""
    tone = "warn" if any(one.tone for _, one in away) else ""
    return RunVerdict(text, tone, inside, len(said))
