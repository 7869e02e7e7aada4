"""The Runs page: every run with its state, curve, numbers, progress, tags; search, filters, selection.

The number of queries does not depend on the number of runs. `/rows` gives the list alone: the page's script
takes over the rows that have changed.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app import db, findings, runs, sketches, views, waiting, words
from app.models import Run, Series
from app.pages.common import LETTERS, Page, base, live_count, render
from app.progress import Progress, progress
from app.rowbands import Bands
from app.sparks import sparkline
from app.tables_views import SavedView
from app.verdicts import Said
from nashboard import vocabulary
from nashboard.events import NON_FINITE, STATUSES

router = APIRouter()

PER_PAGE = 30
SPARK = "loss/disc"
SCORES = ("eval/snr", "eval/pesq", "eval/si_sdr", "eval/fd", "eval/fid", "eval/mel")
CODES = (None, *NON_FINITE.values())
FILTERS = ("q", "status", "project", "trainer", "tag")


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
    bracket: str = ""


@dataclass(frozen=True)
class Filter:
    """A choice among the filters: where it leads and how many runs it has."""

    value: str
    label: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True)
class Asked:
    """What the URL asks for."""

    q: str = ""
    status: str = ""
    project: str = ""
    trainer: str = ""
    tag: str = ""
    archived: bool = False
    page: int = 1

    def url(self, **changes: Any) -> str:
        """The page's URL with these changes; the page goes back to the first unless it is given."""
        now = {name: getattr(self, name) for name in FILTERS} | {"archived": self.archived, **changes}
        pairs = [(k, "1" if v is True else str(v)) for k, v in now.items() if v]
        return "/" + (f"?{urlencode(pairs)}" if pairs else "")

    @property
    def filtered(self) -> bool:
        """Whether anything but the page is asked for."""
        return self.archived or any(getattr(self, name) for name in FILTERS)


@dataclass(frozen=True, kw_only=True)
class RunsPage(Page):
    """The list, its filters and where its pages lie."""

    template: ClassVar[str] = "runs.html"
    nav: ClassVar[str] = "runs"
    rows: tuple[Row, ...]
    now: float
    asked: Asked
    statuses: tuple[Filter, ...]
    projects: tuple[str, ...]
    trainers: tuple[str, ...]
    tags: tuple[str, ...]
    total: int
    first: int
    last: int
    newer: str
    older: str
    empty: bool
    demo: bool
    clear: str
    address: str
    chart: Markup
    views: tuple[SavedView, ...]


@router.get("/")
def runs_page(request: Request) -> Response:
    """The whole page."""
    return _respond(request, RunsPage.template)


@router.get("/rows")
def runs_rows(request: Request) -> Response:
    """The list alone, for the page's script."""
    return _respond(request, "parts/runs_list.html")


@router.get("/count")
def runs_count() -> Response:
    """What the bar says, "2 running, 1 queued", for pages that have no stream of their own; one query."""
    with db.reading() as session:
        return PlainTextResponse(live_count(session), headers={"Cache-Control": "no-store"})


@router.get("/select")
def runs_selected(request: Request) -> Response:
    """Compare what is ticked, for a browser without script: the form sends ``run`` several times."""
    ids = [run for run in request.query_params.getlist("run") if runs.ID.fullmatch(run)]
    return RedirectResponse(f"/compare?runs={','.join(ids[: len(LETTERS)])}", 303)


def read(query: Mapping[str, str]) -> Asked:
    """The filters in a query; what makes no sense is taken as not said."""
    page = query.get("page", "")
    return Asked(
        **{name: query.get(name, "").strip()[:200] for name in FILTERS if name != "status"},
        status=query["status"] if query.get("status") in STATUSES else "",
        archived=query.get("archived") == "1",
        page=min(int(page), 10**6) if page.isascii() and page.isdigit() and int(page) else 1,
    )


def _respond(request: Request, template: str) -> Response:
    asked = read(request.query_params)
    with db.reading() as session:
        found = _page(request, session, asked)
    return render(found, template=template)


def _page(request: Request, session: Session, asked: Asked) -> RunsPage:
    offset = (asked.page - 1) * PER_PAGE
    given = {name: getattr(asked, name) for name in FILTERS if name != "q"}
    listing = runs.listing(
        session, text=asked.q, **given, archived=asked.archived, limit=PER_PAGE, offset=offset
    )
    counts = _counts(session)
    now = clock.time()
    last = offset + len(listing)
    return RunsPage(
        **base(request, session, "Runs"),
        rows=_rows(session, listing.runs, now),
        views=tuple(views.listing(session)[:8]),
        now=now,
        asked=asked,
        statuses=_statuses(asked, counts),
        **_facets(session),
        total=listing.total,
        first=offset + 1,
        last=last,
        newer=asked.url(page=asked.page - 1) if asked.page > 1 else "",
        older=asked.url(page=asked.page + 1) if last < listing.total else "",
        empty=not counts,
        demo=bool(listing.runs) and all(r.project == "demo" and r.status in runs.ACTIVE for r in listing),
        clear="/",
        address=str(request.base_url).rstrip("/"),
        chart=waiting.chart("codec", "fixed", "tiny") if not counts else Markup(""),
    )


def _counts(session: Session) -> dict[tuple[str, bool], int]:
    rows = session.execute(select(Run.status, Run.archived, func.count()).group_by(Run.status, Run.archived))
    return {(status, archived): number for status, archived, number in rows}


def _statuses(asked: Asked, counts: Mapping[tuple[str, bool], int]) -> tuple[Filter, ...]:
    kept = {s: counts.get((s, False), 0) for s in STATUSES}
    put_away = sum(n for (_, archived), n in counts.items() if archived)
    plain = not asked.status and not asked.archived
    found = [Filter("", "All", sum(kept.values()), asked.url(status="", archived=False), plain)]
    for status, number in kept.items():
        if number or asked.status == status:
            chosen = asked.status == status and not asked.archived
            url = asked.url(status=status, archived=False)
            found.append(Filter(status, status.capitalize(), number, url, chosen))
    if put_away or asked.archived:
        found.append(
            Filter("archived", "Archived", put_away, asked.url(status="", archived=True), asked.archived)
        )
    return tuple(found)


def _facets(session: Session) -> dict[str, Any]:
    """The projects, trainers and tags that there are; two queries."""
    pairs = session.execute(select(Run.project, Run.trainer).distinct()).all()
    newest = session.scalars(select(Run.tags).order_by(Run.created.desc()).limit(2000))
    return {
        "projects": tuple(sorted({p for p, _ in pairs if p})),
        "trainers": tuple(sorted({t for _, t in pairs if t})),
        "tags": tuple(sorted({tag for tags in newest for tag in tags or ()})),
    }


def _rows(session: Session, found: Sequence[Run], now: float) -> tuple[Row, ...]:
    ids = [run.id for run in found]
    latest = _latest(session, ids)
    curves = sketches.sketches(session, ids, SPARK)
    told = findings.verdicts(session, ids)
    parents = _names(session, {run.parent for run in found if run.parent})
    bands = Bands()
    made = []
    for run in found:
        numbers = latest.get(run.id, {})
        going = progress(run, numbers.get("progress/epoch"), now)
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
            )
        )  # fmt: skip
    return _bracketed(made, found)


def _latest(session: Session, ids: Sequence[str]) -> dict[str, dict[str, tuple[float, int]]]:
    """{run: {series: (last value, last step)}} of what the list shows, in one query."""
    wanted = select(Series.run_id, Series.name, Series.last_value, Series.last_code, Series.last_step).where(
        Series.run_id.in_(ids), or_(Series.name.in_((SPARK, "progress/epoch")), Series.name.like("eval/%"))
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
        out.append(Row(**{**row.__dict__, "bracket": mark}))
    return tuple(out)
