"""The Run page: one run's state, charts, samples, console, recipe, checkpoints, and what people wrote on it."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app import db, differs, errors, racks, reading, records, runs, runview
from app.models import Line, Record, Run
from app.pages.common import Page, base, render
from app.pages.compare import Line as Legend
from app.pages.compare import disc_kind
from app.progress import Progress
from nashboard.vocabulary import Series
from recipes import TRAINERS

router = APIRouter()
CONSOLE = 400
ROWS = 200
RECENT = 60
PARTS = ("head", "racks", "samples", "saved", "told")


@dataclass(frozen=True)
class Other:
    """A run that belongs to this one: its pair, its parent, its forks. ``first``: it stands left in a comparison."""

    id: str
    name: str
    how: str
    status: str
    first: bool


@dataclass(frozen=True, kw_only=True)
class RunPage(Page):
    """Everything that the page says of a run."""

    template: ClassVar[str] = "run.html"
    nav: ClassVar[str] = "runs"
    run: Run
    name: str
    now: float
    state: runview.State
    progress: Progress
    facts: tuple[tuple[str, str, str], ...]
    others: tuple[Other, ...]
    together: str
    axis: str
    has_bands: bool
    main: tuple[Series, ...]
    subs: tuple[racks.Subs, ...]
    groups: tuple[racks.Rack, ...]
    columns: tuple[tuple[int, str], ...]
    rows: tuple[runview.SlotRow, ...]
    console: tuple[Line, ...]
    console_cut: bool
    config: runview.Config
    forkable: bool
    recent: tuple[tuple[str, str], ...]
    saved: tuple[runview.Saved, ...]
    saved_size: int
    notes: tuple[Record, ...]
    tables: tuple[Record, ...]
    marks: tuple[Record, ...]
    unknown: tuple[tuple[str, int], ...]
    row_limit: int


@dataclass(frozen=True, kw_only=True)
class DiffersPart(Page):
    """What differs between this run and another."""

    template: ClassVar[str] = "parts/compare_differs.html"
    lines: tuple[Legend, ...]
    differences: differs.Differences


@router.get("/runs/{run_id}")
def run_page(request: Request, run_id: str) -> Response:
    """The whole page; 404 with a way out for a run that is not here."""
    with db.reading() as session:
        return render(_page(request, session, run_id))


@router.get("/runs/{run_id}/part/{part}")
def run_part(request: Request, run_id: str, part: str) -> Response:
    """A part of the page, for its script: head, racks, samples, saved, told."""
    if part not in PARTS:
        raise errors.NotFound(f"the page of a run has no part {part!r:.40}")
    with db.reading() as session:
        page = _page(request, session, run_id)
        template = "parts/compare_racks.html" if part == "racks" else f"parts/run_{part}.html"
        return render(page, template=template)


@router.get("/runs/{run_id}/differs")
def run_differs(
    request: Request, run_id: str, other: Annotated[str, Query(alias="from", max_length=100)]
) -> Response:
    """Knobs and facts in which this run differs from another one."""
    with db.reading() as session:
        pair = [runs.get(session, run_id), runs.get(session, other)]
        page = DiffersPart(
            **base(request, session, "What differs"),
            lines=tuple(
                Legend(key, r.id, r.name or r.id, r.status, "", "", "")
                for key, r in zip("AB", pair, strict=True)
            ),
            differences=differs.between(pair),
        )
        return render(page)


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
    have = [i.name for i in reading.series(session, run.id)]
    known = run.trainer in TRAINERS
    main = racks.main(have, known)
    saved = runview.saved(session, run)
    done, facts = runview.facts(session, run, now)
    columns, rows = runview.grid(session, run)
    lines = records.last_lines(session, run.id, CONSOLE + 1)
    config = runview.config(run)
    others = _others(session, run)
    unknown = run.counts.get("unknown") if isinstance(run.counts, dict) else None
    recent = [r for r in runs.listing(session, limit=RECENT) if r.id != run.id]
    return RunPage(
        **base(request, session, run.name or run.id),
        run=run,
        name=run.name or run.id,
        now=now,
        state=runview.state(session, run, saved, now),
        progress=done,
        facts=facts,
        others=others,
        together=_together(run, others[0]) if others else "",
        axis="epoch" if "progress/epoch" in have or (known and not have) else "step",
        has_bands=known,
        main=main,
        subs=racks.subs({"A": have}, {"A": disc_kind(run)}),
        groups=racks.others(have, main),
        columns=columns,
        rows=rows,
        console=tuple(lines[-CONSOLE:]),
        console_cut=len(lines) > CONSOLE,
        config=config,
        forkable=bool(config.knobs),
        recent=tuple((r.id, r.name or r.id) for r in recent),
        saved=saved,
        saved_size=sum(c.size for c in saved if c.present),
        notes=tuple(records.notes(session, run.id)),
        tables=tuple(records.tables(session, run.id)),
        marks=tuple(records.marks(session, run.id)),
        unknown=tuple(sorted(unknown.items())) if isinstance(unknown, dict) else (),
        row_limit=ROWS,
    )


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
