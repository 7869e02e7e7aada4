"""The Run page: one run's state, charts, samples, console, recipe, checkpoints, and what people wrote on it."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app import (
    db,
    differs,
    errors,
    expected,
    findingview,
    plans,
    probing,
    reading,
    records,
    runs,
    runverdicts,
    runview,
    stopping,
    told,
    treatments,
)
from app import findings as doctors
from app.expected import recipe_of
from app.models import Line, Record, Run
from app.pages.common import Page, base, render
from app.pages.compare import DiffersPart, RacksPart, charts, legend
from app.progress import Progress
from doctor.findings import Diagnosis
from recipes import TRAINERS
from recipes.base import flat

router = APIRouter()
CONSOLE = 400
ROWS = 200
RECENT = 60


@dataclass(frozen=True)
class Other:
    """A run that belongs to this one: its pair, its parent, its forks. ``first``: it stands left in a comparison."""

    id: str
    name: str
    how: str
    status: str
    first: bool


@dataclass(frozen=True, kw_only=True)
class HeadPart(Page):
    """Name, state, progress, and what can be done."""

    template: ClassVar[str] = "parts/run_head.html"
    run: Run
    name: str
    now: float
    state: runview.State
    progress: Progress
    facts: tuple[tuple[str, str, str], ...]
    others: tuple[Other, ...]
    together: str
    forkable: bool
    banded: runverdicts.RunVerdict | None
    plan: plans.Origin | None


@dataclass(frozen=True, kw_only=True)
class SamplesPart(Page):
    """Samples: slots by steps."""

    template: ClassVar[str] = "parts/run_samples.html"
    run: Run
    columns: tuple[tuple[int, str], ...]
    rows: tuple[runview.SlotRow, ...]


@dataclass(frozen=True, kw_only=True)
class SavedPart(Page):
    """Checkpoints."""

    template: ClassVar[str] = "parts/run_saved.html"
    run: Run
    now: float
    saved: tuple[runview.Saved, ...]


@dataclass(frozen=True, kw_only=True)
class ToldPart(Page):
    """Notes, tables and marks of the trainer, and events of unknown kinds with their number.

    ``drawn`` are tables that the page shows as charts or verdicts; ``skipped`` is the newest one of files passed over.
    """

    template: ClassVar[str] = "parts/run_told.html"
    notes: tuple[Record, ...]
    tables: tuple[Record, ...]
    drawn: tuple[Record, ...]
    skipped: Record | None
    marks: tuple[Record, ...]
    unknown: tuple[tuple[str, int], ...]
    row_limit: int = ROWS


@dataclass(frozen=True, kw_only=True)
class FindingsPart(Page):
    """What the doctor says of the run. ``knobs``: those that a remedy may change, none where it cannot be forked."""

    template: ClassVar[str] = "parts/run_findings.html"
    run: Run
    diagnosis: Diagnosis
    seen_seq: int
    seen_step: int | None
    knobs: frozenset[str]
    treats: treatments.Treatment | None
    tried: tuple[treatments.Treatment, ...]


@dataclass(frozen=True, kw_only=True)
class FindingPart(Page):
    """One finding, opened. ``away``: on the page of several runs, where no remedy can be launched."""

    template: ClassVar[str] = "parts/finding.html"
    run: Run
    opened: findingview.Opened
    knobs: frozenset[str]
    away: bool


@dataclass(frozen=True, kw_only=True)
class RunPage(HeadPart, RacksPart, SamplesPart, SavedPart, ToldPart, FindingsPart):
    """Everything that the page says of a run."""

    template: ClassVar[str] = "run.html"
    nav: ClassVar[str] = "runs"
    axis: str
    has_bands: bool
    console: tuple[Line, ...]
    console_cut: bool
    config: runview.Config
    recent: tuple[tuple[str, str], ...]
    saved_size: int


@router.get("/runs/{run_id}")
def run_page(request: Request, run_id: str) -> Response:
    """The whole page; 404 with a way out for a run that is not here."""
    with db.reading() as session:
        return render(_page(request, session, run_id))


@router.get("/runs/{run_id}/part/{part}")
def run_part(run_id: str, part: str) -> Response:
    """A part of the page, for its script: head, racks, samples, saved, told, findings."""
    with db.reading() as session:
        return render(_part(session, runs.get(session, run_id), part))


def _part(session: Session, run: Run, part: str) -> Page:
    now = clock.time()
    match part:
        case "head":
            saved = runview.saved(session, run)
            return HeadPart(title="", run=run, now=now, **_head(session, run, saved, now))
        case "racks":
            return RacksPart(title="", **charts({"A": _names(session, run)}, [run]))
        case "samples":
            return SamplesPart(title="", run=run, **_samples(session, run))
        case "saved":
            return SavedPart(title="", run=run, now=now, saved=runview.saved(session, run))
        case "findings":
            return FindingsPart(title="", run=run, **_findings(session, run))
        case "told":
            return ToldPart(title="", **_told(session, run))
    raise errors.NotFound(f"the page of a run has no part {part!r:.40}")


@router.get("/runs/{run_id}/finding/{code}")
def run_finding(run_id: str, code: str, step: int | None = None, away: bool = False) -> Response:
    """One finding of the run, for the dialog in which it opens: that which begins nearest to ``step``."""
    with db.reading() as session:
        run = runs.get(session, run_id)
        found = findingview.opened(session, run, code, step)
        return render(FindingPart(title="", run=run, opened=found, knobs=_knobs(run), away=away))


@router.get("/runs/{run_id}/differs")
def run_differs(run_id: str, other: Annotated[str, Query(alias="from", max_length=100)]) -> Response:
    """Knobs and facts in which this run differs from another one."""
    with db.reading() as session:
        pair = [runs.get(session, run_id), runs.get(session, other)]
        return render(DiffersPart(title="", lines=legend(pair), differences=differs.between(pair)))


@router.get("/runs/{run_id}/log.txt")
def run_log(run_id: str) -> Response:
    """The whole console as text."""
    with db.reading() as session:
        runs.get(session, run_id)
    return StreamingResponse(_text(run_id), media_type="text/plain; charset=utf-8")


def _text(run_id: str) -> Iterator[str]:
    after = -1
    while True:
        with db.reading() as session:
            some = records.lines(session, run_id, after, 5000)
        if not some:
            return
        after = some[-1].seq
        yield "".join(f"{line.text}\n" for line in some)


def _page(request: Request, session: Session, run_id: str) -> RunPage:
    run = runs.get(session, run_id)
    now = clock.time()
    have = _names(session, run)
    known = run.trainer in TRAINERS
    saved = runview.saved(session, run)
    lines = records.last_lines(session, run.id, CONSOLE + 1)
    recent = [r for r in runs.listing(session, limit=RECENT) if r.id != run.id]
    return RunPage(
        **base(request, session, run.name or run.id),
        **_head(session, run, saved, now),
        **charts({"A": have}, [run]),
        **_samples(session, run),
        **_told(session, run),
        **_findings(session, run),
        run=run,
        now=now,
        axis="epoch" if "progress/epoch" in have or (known and not have) else "step",
        has_bands=known,
        console=tuple(lines[-CONSOLE:]),
        console_cut=len(lines) > CONSOLE,
        config=runview.config(run, stopping.codes_of(session, [run.id]).get(run.id, ())),
        recent=tuple((r.id, r.name or r.id) for r in recent),
        saved=saved,
        saved_size=sum(c.size for c in saved if c.present),
    )


def _names(session: Session, run: Run) -> list[str]:
    return [i.name for i in reading.series(session, run.id)]


def _head(session: Session, run: Run, saved: Sequence[runview.Saved], now: float) -> dict[str, Any]:
    done, facts = runview.facts(session, run, now)
    others = _others(session, run)
    return {
        "name": run.name or run.id,
        "state": runview.state(session, run, saved, now),
        "progress": done,
        "facts": facts,
        "others": others,
        "together": _together(run, others[0]) if others else "",
        "plan": plans.of_run(session, run.id),
        "forkable": recipe_of(run) is not None,
        "banded": runverdicts.of(session, [run], expected.choice(session)).get(run.id),
    }


def _samples(session: Session, run: Run) -> dict[str, Any]:
    columns, rows = runview.grid(session, run)
    return {"columns": columns, "rows": rows}


def _told(session: Session, run: Run) -> dict[str, Any]:
    unknown = run.counts.get("unknown") if isinstance(run.counts, dict) else None
    tables = records.tables(session, run.id)
    other = (*told.DRAWN, told.SKIPPED)
    return {
        "notes": tuple(records.notes(session, run.id)),
        "tables": tuple(t for t in tables if t.name not in other),
        "drawn": tuple(t for t in tables if t.name in told.DRAWN),
        "skipped": next((t for t in reversed(tables) if t.name == told.SKIPPED), None),
        "marks": tuple(records.marks(session, run.id)),
        "unknown": tuple(sorted(unknown.items())) if isinstance(unknown, dict) else (),
    }


def _findings(session: Session, run: Run) -> dict[str, Any]:
    row = doctors.stored(session, [run.id]).get(run.id)
    diagnosis = probing.ranked(session, run.id, doctors.restored(row.body)) if row else doctors.NOTHING
    return {
        "diagnosis": diagnosis,
        "seen_seq": row.next_seq if row else 0,
        "seen_step": row.last_step if row else None,
        "knobs": _knobs(run),
        "treats": treatments.of_run(session, run, diagnosis if row else None),
        "tried": treatments.of_children(session, run, diagnosis),
    }


def _knobs(run: Run) -> frozenset[str]:
    recipe = recipe_of(run)
    return frozenset(flat(recipe)) if recipe is not None else frozenset()


def _others(session: Session, run: Run) -> tuple[Other, ...]:
    """Its pair first, then its parent, then its forks."""
    wanted = [Run.parent == run.id]
    if run.group:
        wanted.append(Run.group == run.group)
    if run.parent:
        wanted.append(Run.id == run.parent)
    found = session.scalars(select(Run).where(or_(*wanted), Run.id != run.id).order_by(Run.created).limit(20))
    others = [Other(r.id, r.name or r.id, _how(run, r), r.status, _age(r) < _age(run)) for r in found]
    return tuple(sorted(others, key=lambda o: ("pair", "parent", "fork").index(o.how)))


def _together(run: Run, other: Other) -> str:
    return f"{other.id},{run.id}" if other.first else f"{run.id},{other.id}"


def _age(run: Run) -> tuple[bool, float]:
    """Old before fixed, then the older one first: A is what B is held against."""
    return (run.preset != "old", run.created)


def _how(run: Run, other: Run) -> str:
    if other.id == run.parent:
        return "parent"
    return "fork" if other.parent == run.id else "pair"
