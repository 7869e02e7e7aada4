"""The Runs page: every run with its state, curve, numbers, progress, tags; search, orders, columns, selection.

The number of queries does not depend on the number of runs. `/rows` gives the list alone: the page's script
takes over the rows that have changed.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import bins, db, runs, runsorts, views, waiting
from app.models import Run
from app.pages.common import Page, base, live_count, render
from app.query import BadQuery
from app.runrows import Row, rows
from app.settings import get_settings
from app.tables_views import SavedView
from app.traces import MOST
from nashboard import vocabulary
from nashboard.events import STATUSES

router = APIRouter()

PER_PAGE = 30
FILTERS = ("q", "status", "project", "trainer", "tag")
MOST_COLUMNS = 6
LONGEST = {"q": 2000}


@dataclass(frozen=True)
class Filter:
    """A choice among the filters: where it leads and how many runs it has."""

    value: str
    label: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True)
class Column:
    """A column that the reader chose: a series or a knob, and where the list without it lies."""

    name: str
    title: str
    unit: str
    without: str


@dataclass(frozen=True)
class Deleted:
    """What can be brought back: ids, names of the first, how many more, minutes until the first goes for good."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    more: int
    minutes: int


@dataclass(frozen=True)
class Asked:
    """What the URL asks for."""

    q: str = ""
    status: str = ""
    project: str = ""
    trainer: str = ""
    tag: str = ""
    sort: str = ""
    cols: str = ""
    archived: bool = False
    page: int = 1

    def url(self, **changes: Any) -> str:
        """The page's URL with these changes; the page goes back to the first unless it is given."""
        kept = {name: getattr(self, name) for name in (*FILTERS, "sort", "cols")}
        now = kept | {"archived": self.archived, **changes}
        pairs = [(k, "1" if v is True else str(v)) for k, v in now.items() if v]
        return "/" + (f"?{urlencode(pairs)}" if pairs else "")

    @property
    def columns(self) -> tuple[str, ...]:
        """The chosen columns, each once."""
        return tuple(dict.fromkeys(c.strip() for c in self.cols.split(",") if c.strip()))[:MOST_COLUMNS]

    @property
    def filtered(self) -> bool:
        """Whether anything but the page and its look is asked for."""
        return self.archived or any(getattr(self, name) for name in FILTERS)

    def sorted_by(self, name: str) -> str:
        """The URL of the next order by a column: its better end first, then the other, then by age again."""
        first = f"-{name}" if vocabulary.describe(name).better == "down" else name
        second = name if first != name else f"-{name}"
        following = {first: second, second: ""}.get(self.sort, first)
        return self.url(sort=following)

    def direction(self, name: str) -> str:
        """``aria-sort`` of a column: ascending, descending, or "" where the list is in another order."""
        own = self.sort or "age"
        if own.removeprefix("-") != name:
            return ""
        rising = name in ("name", "status")
        return "ascending" if rising != own.startswith("-") else "descending"

    @property
    def order(self) -> str:
        """The order in words."""
        name, back = self.sort.removeprefix("-"), self.sort.startswith("-")
        said = {
            "age": ("newest first", "oldest first"),
            "name": ("by name", "by name, from the end"),
            "status": ("by status", "by status, from the end"),
            "doctor": ("worst verdict first", "best verdict first"),
            "step": ("furthest first", "least far first"),
        }
        return said.get(name or "age", (f"highest {name} first", f"lowest {name} first"))[back]


@dataclass(frozen=True, kw_only=True)
class RunsPage(Page):
    """The list, its filters and where its pages lie. ``error``: why the search could not be read."""

    template: ClassVar[str] = "runs.html"
    nav: ClassVar[str] = "runs"
    rows: tuple[Row, ...]
    now: float
    asked: Asked
    error: BadQuery | None
    mended: str
    columns: tuple[Column, ...]
    deleted: Deleted | None
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
    bundle_limit: int
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
    return RedirectResponse(f"/compare?runs={','.join(ids[:MOST])}", 303)


def read(query: Mapping[str, str]) -> Asked:
    """The filters in a query; what makes no sense is taken as not said."""
    page = query.get("page", "")
    return Asked(
        **{
            name: query.get(name, "").strip()[: LONGEST.get(name, 200)]
            for name in FILTERS
            if name != "status"
        },
        status=query["status"] if query.get("status") in STATUSES else "",
        sort=query.get("sort", "").strip()[:210],
        cols=query.get("cols", "").strip()[:1300],
        archived=query.get("archived") == "1",
        page=min(int(page), 10**6) if page.isascii() and page.isdigit() and int(page[:8]) else 1,
    )


def _respond(request: Request, template: str) -> Response:
    asked = read(request.query_params)
    with db.reading() as session:
        found = _page(request, session, asked)
    return render(found, template=template)


def _page(request: Request, session: Session, asked: Asked) -> RunsPage:
    offset = (asked.page - 1) * PER_PAGE
    listing, error, sort = _listing(session, asked, offset)
    if sort != asked.sort:
        asked = Asked(**{**asked.__dict__, "sort": sort})
    counts = _counts(session)
    now = clock.time()
    deleted = _deleted(session, now)
    last = offset + len(listing)
    return RunsPage(
        bundle_limit=get_settings().max_bundle_bytes,
        **base(request, session, "Runs"),
        rows=rows(session, listing.runs, now, asked.columns),
        views=tuple(views.listing(session)[:8]),
        now=now,
        asked=asked,
        error=error,
        mended=_mended(asked, error),
        columns=tuple(_column(asked, name) for name in asked.columns),
        deleted=deleted,
        statuses=_statuses(asked, counts),
        **_facets(session),
        total=listing.total,
        first=offset + 1,
        last=last,
        newer=asked.url(page=asked.page - 1) if asked.page > 1 else "",
        older=asked.url(page=asked.page + 1) if last < listing.total else "",
        empty=not counts and deleted is None,
        demo=bool(listing.runs) and all(r.project == "demo" and r.status in runs.ACTIVE for r in listing),
        clear="/",
        address=str(request.base_url).rstrip("/"),
        chart=waiting.chart("codec", "fixed", "tiny") if not counts and deleted is None else Markup(""),
    )


def _listing(session: Session, asked: Asked, offset: int) -> tuple[runs.Listing, BadQuery | None, str]:
    """The runs, why the search could not be read (the list is then that without it), and the order taken."""
    given = {name: getattr(asked, name) for name in FILTERS if name != "q"}
    sort = asked.sort
    try:
        runsorts.ordered(session, select(Run), sort)
    except BadQuery:
        sort = ""
    more = {**given, "archived": asked.archived, "limit": PER_PAGE, "offset": offset, "sort": sort}
    try:
        return runs.listing(session, q=asked.q, **more), None, sort
    except BadQuery as problem:
        return runs.listing(session, **more), problem, sort


def _mended(asked: Asked, error: BadQuery | None) -> str:
    """The URL of the search with what is near in the place of what could not be read; "" where nothing is."""
    near = str(error.more.get("near", "")) if error is not None else ""
    if error is None or not near or near.endswith("…"):
        return ""
    token = str(error.more["token"])
    at = asked.q.find(token, int(error.more["position"]) - 1)
    return asked.url(q=asked.q[:at] + near + asked.q[at + len(token) :]) if at >= 0 else ""


def _column(asked: Asked, name: str) -> Column:
    entry = vocabulary.describe(name)
    rest = ",".join(c for c in asked.columns if c != name)
    return Column(name, entry.title, entry.unit, asked.url(cols=rest))


def _deleted(session: Session, now: float) -> Deleted | None:
    found = bins.waiting(session)
    if not found:
        return None
    left = max(0.0, found[-1][2] + bins.KEPT_S - now)
    return Deleted(
        tuple(run for run, _, _ in found), tuple(name for _, name, _ in found[:3]), max(0, len(found) - 3),
        round(left / 60 + 0.49),
    )  # fmt: skip


def _counts(session: Session) -> dict[tuple[str, bool], int]:
    rows = session.execute(
        select(Run.status, Run.archived, func.count())
        .where(Run.deleted.is_(None))
        .group_by(Run.status, Run.archived)
    )
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
    pairs = session.execute(select(Run.project, Run.trainer).where(Run.deleted.is_(None)).distinct()).all()
    newest = session.scalars(
        select(Run.tags).where(Run.deleted.is_(None)).order_by(Run.created.desc()).limit(2000)
    )
    return {
        "projects": tuple(sorted({p for p, _ in pairs if p})),
        "trainers": tuple(sorted({t for _, t in pairs if t})),
        "tags": tuple(sorted({tag for tags in newest for tag in tags or ()})),
    }
