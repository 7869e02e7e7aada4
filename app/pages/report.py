"""The report page: two sides held against each other, as a page, and as one file that opens with no server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db, report_file, runs
from app.errors import BadInput
from app.models import Run
from app.pages.common import ENV, Page, base, render
from app.report import Report, build, sides

router = APIRouter()
RECENT = 30
Asked = Annotated[list[str], Query()]


@dataclass(frozen=True, kw_only=True)
class ReportPage(Page):
    """The report, or runs to make one of. ``query`` asks for the same sides; ``file``: it is to stand alone."""

    template: ClassVar[str] = "report.html"
    nav: ClassVar[str] = "compare"
    report: Report | None = None
    ids: tuple[str, ...] = ()
    query: str = ""
    recent: tuple[tuple[str, str, str, str], ...] = ()
    told: tuple[str, ...] = ()
    file: bool = False


@router.get("/report")
def report_page(
    request: Request,
    runs: Asked = [],  # noqa: B006 (FastAPI reads, never writes them)
    old: Asked = [],  # noqa: B006
    fixed: Asked = [],  # noqa: B006
) -> Response:
    """``runs=a,b``, or ``old=a1,a2&fixed=b1,b2``; without any, runs to choose from."""
    with db.reading() as session:
        if not (runs or old or fixed):
            common = base(request, session, "Report")
            return render(ReportPage(**common, recent=_recent(session)))
        try:
            made = _made(session, runs, old, fixed)
        except BadInput as problem:
            common = base(request, session, "Report")
            return render(ReportPage(**common, recent=_recent(session), told=(f"{problem.message}.",)), 422)
        common = base(request, session, made.title)
        query = _query(made)
        return render(ReportPage(**common, report=made, ids=tuple(r.id for r in made.runs), query=query))


@router.get("/report.html")
def report_as_file(
    runs: Asked = [],  # noqa: B006
    old: Asked = [],  # noqa: B006
    fixed: Asked = [],  # noqa: B006
) -> Response:
    """The same report in one file, with its sounds and pictures."""
    with db.reading() as session:
        made = _made(session, runs, old, fixed, embed=True)
        page = ENV.get_template("parts/report_body.html").render(report=made, file=True)
        icons = ENV.get_template("parts/icons.html").render()
        text = report_file.written(made, page, icons)
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in made.title)[:80].strip(
        "-"
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{name or "report"}.html"',
        "Cache-Control": "no-store",
    }
    return Response(text.encode(), 200, headers, "text/html; charset=utf-8")


def _made(
    session: Session, asked: Sequence[str], old: Sequence[str], fixed: Sequence[str], *, embed: bool = False
) -> Report:
    found, a, b = (_runs(session, ids) for ids in (asked, old, fixed))
    return build(session, sides(found, a, b), embed=embed)


def _runs(session: Session, asked: Sequence[str]) -> list[Run]:
    """The runs of ids by comma or given again. Raises `NotFound` for one that is not here."""
    ids = dict.fromkeys(i.strip() for part in asked for i in part.split(",") if i.strip())
    return [runs.get(session, i) for i in ids]


def _query(made: Report) -> str:
    two = [",".join(r.id for r in side.runs) for side in made.sides]
    return urlencode({"old": two[0], "fixed": two[1]}, safe=",")


def _recent(session: Session) -> tuple[tuple[str, str, str, str], ...]:
    wanted = select(Run).where(Run.archived.is_(False), Run.deleted.is_(None), Run.next_seq > 0)
    found = session.scalars(wanted.order_by(Run.created.desc()).limit(RECENT))
    return tuple((r.id, r.name or r.id, f"{r.trainer} {r.preset} {r.size}".strip(), r.status) for r in found)
