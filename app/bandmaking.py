"""Bands out of runs and logs: the envelope of their curves on a common unit, in one piece or phase by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from app import bandplaces, groups, reading, tracks, uploads
from app.bandplaces import Way
from app.curves import Floats
from app.errors import BadInput
from app.models import Run
from app.tracks import View
from doctor.view import RunView
from nashboard.vocabulary import describe
from recipes.band import AXES, Band
from recipes.envelopes import measure

WIDTH = 2000
MOST_RUNS, MOST_LOGS, MOST_SERIES = 100, 20, 200
QUIET = ("progress", "speed", "best", "ranks", "data")
UNITS = {"epoch": "epoch", "step": "step", "samples": "samples seen", "progress": "share of the run"}


@dataclass(frozen=True)
class Wish:
    """How a band is to be made: the unit, quantiles over runs, fewest runs, each phase by itself, which series."""

    x: str = "epoch"
    low: float = 0.0
    high: float = 1.0
    least: int = 3
    by_phase: bool = False
    series: tuple[str, ...] = ()

    def checked(self, count: int) -> Wish:
        """Itself, where ``count`` runs can make it. Raises `BadInput`."""
        if self.x not in AXES:
            raise BadInput(f"{self.x!r:.40} is no unit of a band; take one of {', '.join(AXES)}", field="x")
        if not 0 <= self.low < self.high <= 1:
            raise BadInput(
                f"the quantiles {self.low:g} and {self.high:g} must rise and lie between 0 and 1", field="low"
            )
        if self.least < 1:
            raise BadInput(f"the fewest runs must be 1 or more, not {self.least}", field="least")
        if count < self.least:
            runs = "run was" if count == 1 else "runs were"
            raise BadInput(
                f"{count} {runs} chosen and {self.least} are needed; choose more, or lower the fewest runs",
                field="least",
            )
        return self


@dataclass(frozen=True)
class Source:
    """One run or log: where it comes from, its curves as (steps, values), and how its steps lie in the unit."""

    name: str
    trainer: str
    preset: str
    size: str
    curves: Mapping[str, tuple[Floats, Floats]]
    phases: tuple[str, ...]
    ways: Mapping[str, Way | None]


def make(sources: Sequence[Source], wish: Wish) -> list[Band]:
    """The bands of all series that enough of the sources have. Raises `BadInput` where there is none.

    Each says in ``protocol`` how it was made and in ``runs`` of which.
    """
    wish = wish.checked(len(sources))
    stretches = _phases(sources, wish.least) if wish.by_phase else ("",)
    if not stretches:
        raise BadInput(
            "no phase is shared by enough of the runs: their marks differ. Make the band in one piece",
            field="by_phase",
        )
    found: list[Band] = []
    lost = [s.name for s in sources if all(s.ways.get(p) is None for p in stretches)]
    for phase in stretches:
        runs, names = [], []
        for source in sources:
            if (way := source.ways.get(phase)) is None:
                continue
            placed = {n: c for n, xy in source.curves.items() if (c := _placed(way, *xy)) is not None}
            if placed:
                runs.append({n: (x.tolist(), y.tolist()) for n, (x, y) in placed.items()})
                names.append(source.name)
        if len(runs) < wish.least:
            continue
        found += measure(
            runs, wish.x, trainer=_common(s.trainer for s in sources), preset=_common(s.preset for s in sources),
            size=_common(s.size for s in sources), source=_told(sources), runs_from=names,
            quantiles=(wish.low, wish.high), least=wish.least, phase=phase,
        )  # fmt: skip
    if not found:
        why = f"; {', '.join(lost[:5])} cannot be placed by {UNITS[wish.x]}" if lost else ""
        raise BadInput(
            f"no series is shared by {wish.least} of the runs over a stretch of {UNITS[wish.x]}{why}",
            field="x",
        )
    return [replace(b, protocol=_protocol(b, wish), note="") for b in found]


def _placed(way: Way, steps: Floats, values: Floats) -> tuple[Floats, Floats] | None:
    x = way.of(steps)
    keep = np.isfinite(x)
    if not keep.any():
        return None
    return groups.ascending(x[keep], values[keep])


def _phases(sources: Sequence[Source], least: int) -> tuple[str, ...]:
    names = dict.fromkeys(p for s in sources for p in s.phases)
    return tuple(p for p in names if sum(p in s.phases for s in sources) >= least)


def _common(values: object) -> str:
    found = set(values)  # type: ignore[call-overload]
    return str(found.pop()) if len(found) == 1 else ""


def _told(sources: Sequence[Source]) -> str:
    trainer, preset, size = (_common(getattr(s, n) for s in sources) for n in ("trainer", "preset", "size"))
    what = " ".join(p for p in (trainer, preset, size) if p)
    return f"{len(sources)} run{'' if len(sources) == 1 else 's'}" + (f" of {what}" if what else "")


def _protocol(band: Band, wish: Wish) -> str:
    many = f"{len(band.runs)} run{'' if len(band.runs) == 1 else 's'}"
    how = "lowest to highest" if (wish.low, wish.high) == (0, 1) else (
        f"{100 * wish.low:g} % to {100 * wish.high:g} % quantile")  # fmt: skip
    where = f", counted from the start of the phase {band.phase}" if band.phase else ""
    lost = f"; {band.note.split('; ', 1)[1]}" if "; " in band.note else ""
    return f"{how} of {many}, resampled on {UNITS[wish.x]} at {len(band.points)} places{where}{lost}"


def of_runs(session: Session, runs: Sequence[Run], wish: Wish) -> list[Source]:
    """Runs as sources: each series thinned, its extremes kept. Raises `BadInput` for too many runs or series."""
    if len(runs) > MOST_RUNS:
        raise BadInput(f"{len(runs)} runs were chosen; the limit is {MOST_RUNS}", field="runs")
    have = reading.series_of(session, [r.id for r in runs])
    every = dict.fromkeys(i.name for found in have.values() for i in found)
    names = _chosen(tuple(every), wish)
    found = []
    for track in tracks.load(session, runs, names, View(width=WIDTH)):
        phases = tuple(p for p, _ in bandplaces.phases(bandplaces.marks_of(track)))
        ways = {p: bandplaces.way(track, wish.x, p) for p in (phases if wish.by_phase else ("",))}
        curves = {n: (t.step.astype(float), t.value) for n, t in track.whole.items() if len(t.value)}
        run = track.run
        found.append(Source(run.id, run.trainer, run.preset, run.size, curves, phases, ways))
    return found


def of_log(body: bytes, name: str, wish: Wish) -> Source:
    """A CSV or a journal as a source. Raises `BadInput` that names the file, the line and the way out."""
    view = uploads.read(body, name)
    facts = view.facts
    curves = {
        n: (view.tracks[n].forward.steps.astype(float), view.tracks[n].forward.values)
        for n in _chosen(tuple(view.tracks), wish)
    }
    marks = list(view.marks)
    phases = tuple(p for p, _ in bandplaces.phases(marks))
    ways = {p: _log_way(view, wish.x, p, marks) for p in (phases if wish.by_phase else ("",))}
    return Source(name, facts.trainer, facts.preset, facts.size, curves, phases, ways)


def _log_way(view: RunView, unit: str, phase: str, marks: list[tuple[int, str]]) -> Way | None:
    grid = np.unique(np.linspace(0, max(view.last_step, 1), bandplaces.GRID).round())
    places = grid
    if unit in ("epoch", "samples"):
        counted = view.tracks.get("progress/epoch" if unit == "epoch" else "progress/samples_seen")
        per = view.facts.steps_per_epoch if unit == "epoch" else None
        if counted is not None and len(counted.finite.forward):
            known = counted.finite.forward
            places = np.interp(grid, known.steps, known.values)
        elif per:
            places = grid / per
        else:
            return None
    return bandplaces.made(grid, places, unit, phase, marks, view.last_step)


def _chosen(have: Sequence[str], wish: Wish) -> list[str]:
    """The series that are asked for, or all that training is judged by. Raises `BadInput` for an unknown one."""
    if wish.series:
        return [n for n in wish.series if n in have]
    names = [n for n in have if n.split("/", 1)[0] not in QUIET]
    return sorted(names, key=lambda n: (describe(n).title == n, n))[:MOST_SERIES]
