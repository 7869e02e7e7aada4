"""The rows of the list of runs: state, curve, numbers, progress, and the columns that the reader chose.

The number of queries does not depend on the number of runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app import findings, runs, sketches, words
from app.models import Run, Series
from app.progress import Progress, progress
from app.rowbands import Bands
from app.sparks import sparkline
from app.verdicts import Said
from nashboard import vocabulary
from nashboard.events import NON_FINITE
from recipes.base import flattened

SPARK, PACE = "loss/disc", "speed/steps_per_s"
SCORES = ("eval/snr", "eval/pesq", "eval/si_sdr", "eval/fd", "eval/fid", "eval/mel")
CODES = (None, *NON_FINITE.values())


@dataclass(frozen=True)
class Number:
    """A run's latest value: as text, with what it is."""

    text: str
    title: str
    unit: str = ""
    step: str = ""


@dataclass(frozen=True)
class Doctor:
    """What the doctor says of a run in the list: its verdict, how many findings warn or fail, the worst in words.

    ``rank`` orders rows: 3 fail, 2 warn, 1 healthy, 0 where nothing was looked at.
    """

    verdict: str = ""
    grave: int = 0
    worst: str = ""

    @property
    def rank(self) -> int:
        return {"fail": 3, "warn": 2, "healthy": 1}.get(self.verdict, 0)


@dataclass(frozen=True)
class Row:
    """A run as the list shows it. ``bracket`` is pa, pm or pb: first, middle or last of a group."""

    id: str
    name: str
    about: str
    parent: str
    status: str
    reason: str
    spark: Markup
    verdict: Said | None
    doctor: Doctor
    disc: Number
    score: Number
    progress: Progress
    tags: tuple[str, ...]
    notes: str
    started: float
    archived: bool
    active: bool
    more: tuple[Number, ...] = ()
    bracket: str = ""


def rows(session: Session, found: Sequence[Run], now: float, columns: Sequence[str] = ()) -> tuple[Row, ...]:
    """The runs as the list shows them, in their order; ``columns``: series and knobs to show besides."""
    ids = [run.id for run in found]
    latest = _latest(session, ids, columns)
    curves = sketches.sketches(session, ids, SPARK)
    told = findings.verdicts(session, ids)
    parents = _names(session, {run.parent for run in found if run.parent})
    bands = Bands()
    made = []
    for run in found:
        numbers = latest.get(run.id, {})
        going = progress(run, numbers.get("progress/epoch"), now, numbers.get(PACE))
        curve, live = curves.get(run.id), run.status in ("running", "stopping")
        band = bands.of(run, SPARK)
        made.append(
            Row(
                id=run.id,
                name=run.name or run.id,
                about=" · ".join(x for x in (run.trainer or "script", run.preset, run.size) if x),
                parent=f"fork of {parents.get(run.parent, run.parent)}" if run.parent else "",
                status=run.status,
                reason=run.reason,
                spark=sparkline(
                    curve.step.tolist(), curve.value.tolist(), live=live, x_high=going.total, band=band.edges,
                    label=_spoken(curve), least=0.2,
                )
                if curve is not None
                else Markup(""),
                verdict=band.verdict(curve),
                doctor=Doctor(*told.get(run.id, ())),
                disc=_number(SPARK, numbers.get(SPARK)),
                score=_score(numbers),
                progress=going,
                tags=tuple(run.tags or ()),
                notes=run.notes,
                started=run.created,
                archived=run.archived,
                active=run.status in runs.ACTIVE,
                more=tuple(_chosen(run, numbers, column) for column in columns),
            )
        )  # fmt: skip
    return _bracketed(made, found)


def _chosen(run: Run, numbers: Mapping[str, tuple[float, int]], name: str) -> Number:
    """A chosen column's value: the series' last, else the knob's."""
    if name in numbers:
        return _number(name, numbers[name])
    knobs = flattened(run.recipe or {})
    return Number(words.knob(knobs[name]) or "none" if name in knobs else "", name)


def _latest(
    session: Session, ids: Sequence[str], columns: Sequence[str]
) -> dict[str, dict[str, tuple[float, int]]]:
    """{run: {series: (last value, last step)}} of what the list shows, in one query."""
    wanted = select(Series.run_id, Series.name, Series.last_value, Series.last_code, Series.last_step).where(
        Series.run_id.in_(ids),
        or_(Series.name.in_((SPARK, PACE, "progress/epoch", *columns)), Series.name.like("eval/%")),
    )
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for run, name, value, code, step in session.execute(wanted):
        known = CODES[code] if code else value
        if known is not None:
            found.setdefault(run, {})[name] = (known, step or 0)
    return found


def _names(session: Session, ids: set[str]) -> dict[str, str]:
    rows = session.execute(select(Run.id, Run.name).where(Run.id.in_(sorted(ids))))
    return {run: name or run for run, name in rows}


def _number(name: str, found: tuple[float, int] | None) -> Number:
    entry = vocabulary.describe(name)
    if found is None:
        return Number("", entry.title, entry.unit)
    value, step = found
    return Number(words.measured(value, entry.unit), entry.title, entry.unit, words.count(step))


def _score(numbers: Mapping[str, tuple[float, int]]) -> Number:
    """The first of the usual scores that the run has, else any evaluation, else none."""
    others = sorted(n for n in numbers if n.startswith("eval/"))
    name = next((n for n in (*SCORES, *others) if n in numbers), "")
    return _number(name, numbers[name]) if name else Number("", "")


def _spoken(curve: sketches.Sketch) -> str:
    known = [v for v in curve.value.tolist() if v == v]
    if not known:
        return "Discriminator loss: no finite value"
    return f"Discriminator loss from {words.number(known[0])} to {words.number(known[-1])}"


def _bracketed(rows: list[Row], found: Sequence[Run]) -> tuple[Row, ...]:
    """Rows with a bracket round neighbours that were launched together or forked from one another."""

    def together(a: Run, b: Run) -> bool:
        return bool(a.group and a.group == b.group) or a.parent == b.id or b.parent == a.id

    out = []
    for i, row in enumerate(rows):
        above = i > 0 and together(found[i - 1], found[i])
        below = i + 1 < len(found) and together(found[i], found[i + 1])
        mark = {(False, True): "pa", (True, True): "pm", (True, False): "pb"}.get((above, below), "")
        out.append(replace(row, bracket=mark))
    return tuple(out)
