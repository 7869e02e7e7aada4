"""Bundles: runs to take away in one file, and such a file opened."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app import bundles, db, opening, runs
from app.api.shapes import listed
from app.errors import BadInput
from app.replies import documented
from app.traces import MOST
from nashboard.bundle import BLOCK

router = APIRouter(tags=["bundles"])
Ids = Annotated[str, Query(alias="runs", description="ids of runs, by comma")]
_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Telling(BaseModel):
    """Something in a run that tells of the place where it ran."""

    what: str = Field(description="host name, user name or path.")
    text: str
    times: int


class Survey(BaseModel):
    """What a bundle of these runs would tell, unless it is stripped."""

    points: int
    samples: int
    bytes: int = Field(description="Of all samples; the points come on top, compressed.")
    found: list[Telling]


class RunOpened(BaseModel):
    """What became of one run of a bundle."""

    source: str = Field(description="Its id in the bundle.")
    id: str = Field(description="Its id here.")
    name: str
    state: str = Field(description="imported, renamed (its id was taken by another run), or already (no-op).")
    words: str


class BundleOpened(BaseModel):
    """What became of a bundle."""

    runs: list[RunOpened]
    notes: list[str] = Field(description="What was left out, and why.")


@router.get("/api/bundle/about", summary="What a bundle of runs would tell", responses=documented(404))
def about(runs_asked: Ids) -> Survey:
    """Host names, user names and absolute paths in the runs, to be looked at before a bundle is shared."""
    with db.reading() as session:
        found = bundles.survey(session, [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)])
    totals = {n: sum(getattr(p, n) for p in found.parts) for n in ("points", "samples", "bytes")}
    return Survey(**totals, found=[Telling(**row) for row in found.found])


@router.get("/api/bundle", summary="Runs in one file", responses=documented(404, 507))
def bundle(
    runs_asked: Ids,
    strip: Annotated[bool, Query(description="without host names, user names and absolute paths")] = True,
) -> StreamingResponse:
    """Journal, samples, recipe, environment and findings of each run; any Nashboard opens it."""
    file = bundles.scratch()
    try:
        with db.reading() as session:
            found = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
            bundles.pack(session, found, file, strip)
            name = bundles.file_name(found)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_sent(file), 200, headers, "application/octet-stream")


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while data := file.read(BLOCK):
            yield data


@router.post(
    "/api/bundles",
    summary="Open a bundle: its runs become runs here",
    responses=documented(413, 507),
    openapi_extra=_BYTES,
)
async def open_bundle(
    request: Request, name: Annotated[str, Query(description="What the file is called.")] = ""
) -> BundleOpened:
    """Nothing is imported where anything in it is wrong. The same bundle twice is a no-op, and `state` says so."""
    opened = await received(request.stream(), name)
    return BundleOpened(
        runs=[RunOpened(**vars(row)) for row in opened.rows],
        notes=opened.notes,
    )


async def received(parts: AsyncIterator[bytes], name: str) -> opening.Opened:
    """Writes what comes to the disk as it comes, then opens it. Raises `BadInput`."""
    label = label_of(name)
    with bundles.scratch() as file:
        size = 0
        async for part in parts:
            size += len(part)
            await run_in_threadpool(file.write, part)
        if not size:
            raise BadInput("no bundle came: send the file as the body", code="bad_bundle", field="bundle")
        file.flush()
        return await run_in_threadpool(opening.open_bundle, Path(file.name), label)


def label_of(name: str) -> str:
    """What messages call the file: the last part of its name, without what no line can show."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(c for c in last if c.isprintable())[:120] or "the bundle"
