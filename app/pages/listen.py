"""The Listen page: a reference and any runs at any epochs on one clock, a page wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db, errors, runs
from app.models import Run, Sample
from app.pages.common import Page, base, render
from app.plots import keyed
from app.traces import MOST

router = APIRouter()
RECENT = 40
Asked = Annotated[list[str], Query(alias="runs")]


@dataclass(frozen=True, kw_only=True)
class ListenPage(Page):
    """The runs that are heard, by key: the section's script reads the rest of the view from the address."""

    template: ClassVar[str] = "listen.html"
    nav: ClassVar[str] = "listen"
    ids: tuple[str, ...]
    named: tuple[tuple[str, str, str], ...]
    told: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChooseListenPage(Page):
    """What to hear, where nothing was chosen: recent runs that have sound."""

    template: ClassVar[str] = "listen_choose.html"
    nav: ClassVar[str] = "listen"
    recent: tuple[tuple[str, str, str, str], ...]
    told: tuple[str, ...]


@router.get("/listen")
def listen_page(request: Request, asked: Asked = []) -> Response:  # noqa: B006 (FastAPI reads, never writes it)
    """The page for the runs of ``runs=``, by comma or given again; those that are gone are told."""
    wanted = list(dict.fromkeys(i for part in asked for i in part.split(",") if i))
    with db.reading() as session:
        found: list[Run] = []
        told: list[str] = []
        for run_id in wanted:
            try:
                found.append(runs.get(session, run_id))
            except errors.NotFound:
                told.append(f"There is no run {run_id[:80]!r} here: it is left out.")
        if len(found) > MOST:
            told.append(f"{len(found)} runs were asked for: the first {MOST} are heard.")
            found = found[:MOST]
        common = base(request, session, "Listen")
        if not found:
            return render(ChooseListenPage(**common, recent=_recent(session), told=tuple(told)))
        named = tuple((key, run.id, run.name or run.id) for key, run in keyed(found).items())
        return render(ListenPage(**common, ids=tuple(r.id for r in found), named=named, told=tuple(told)))


def _recent(session: Session) -> tuple[tuple[str, str, str, str], ...]:
    sounding = select(Sample.run_id).where(Sample.media == "audio").distinct()
    found = session.scalars(
        select(Run)
        .where(Run.id.in_(sounding), Run.archived.is_(False), Run.deleted.is_(None))
        .order_by(Run.created.desc())
        .limit(RECENT)
    )
    return tuple((r.id, r.name or r.id, f"{r.trainer} {r.preset} {r.size}".strip(), r.status) for r in found)
