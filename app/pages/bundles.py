"""The Bundles page: what a bundle of runs would hold and tell, its download, and a bundle opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from app import bundles, db, runs
from app.api.bundles import received
from app.api.shapes import listed
from app.errors import Problem
from app.opening import Opened
from app.pages.common import Page, base, render
from app.settings import get_settings
from app.traces import MOST
from nashboard.bundle import BLOCK

router = APIRouter()
SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class BundlesPage(Page):
    """``parts`` and ``found``: what a bundle of ``ids`` would hold, and tell; ``opened``: what became of one."""

    template: ClassVar[str] = "bundles.html"
    ids: tuple[str, ...] = ()
    parts: tuple[bundles.Part, ...] = ()
    found: tuple[dict[str, Any], ...] = ()
    more: int = 0
    limit: int
    address: str
    opened: Opened | None = None
    problem: str = ""


def _common(request: Request) -> dict[str, Any]:
    address = f"{request.url.scheme}://{request.url.netloc}"
    return {"limit": get_settings().max_bundle_bytes, "address": address}


@router.get("/bundles")
def bundles_page(request: Request, asked: Annotated[str, Query(alias="runs")] = "") -> Response:
    """With ``runs=a,b`` they can be packed; a bundle can be opened in any case."""
    with db.reading() as session:
        common = base(request, session, "Bundles") | _common(request)
        if not asked:
            return render(BundlesPage(**common))
        found = [runs.get(session, i) for i in listed(asked, "runs", MOST)]
        told = bundles.survey(session, found)
    rows = tuple(told.found)
    return render(
        BundlesPage(
            **common,
            ids=tuple(run.id for run in found),
            parts=tuple(told.parts),
            found=rows[:SHOWN],
            more=max(len(rows) - SHOWN, 0),
        )
    )


@router.post("/bundles")
async def open_page(request: Request) -> Response:
    """The same without scripts: the form's file is opened, and the page says what became of it."""
    async with request.form(max_files=1, max_fields=5) as form:
        given = form.get("bundle")
        opened, problem, status = None, "", 200
        if isinstance(given, UploadFile) and given.filename:
            try:
                opened = await received(_parts(given), given.filename)
            except Problem as wrong:
                problem, status = wrong.message, wrong.status
        else:
            problem, status = "no file came: choose a bundle", 422
    with db.reading() as session:
        common = base(request, session, "Bundles") | _common(request)
    return render(BundlesPage(**common, opened=opened, problem=problem), status)


async def _parts(file: UploadFile) -> AsyncIterator[bytes]:
    while part := await file.read(BLOCK):
        yield part
