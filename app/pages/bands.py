"""The Bands page: the library and what people made; one set with its charts and versions; making, editing, import."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile

from app import bandcharts, bandmaking, bandsets, db, runs
from app.errors import BadInput, Problem
from app.models import Run
from app.pages.common import Page, base, render
from app.tables_bands import BandVersion
from nashboard.vocabulary import Series, describe
from recipes.band import AXES, ORIGINS, Band

router = APIRouter()
RECENT = 60
BLANK = 3


@dataclass(frozen=True)
class Tile:
    """The bands of one series in one unit and phase, with their places in the set."""

    row: Series
    phase: str
    chart: Markup
    bands: tuple[tuple[int, Band], ...]


@dataclass(frozen=True, kw_only=True)
class BandsPage(Page):
    """All sets that fit the filter."""

    template: ClassVar[str] = "bands.html"
    nav: ClassVar[str] = "bands"
    sets: tuple[bandsets.Set, ...]
    trainers: tuple[str, ...]
    series: tuple[str, ...]
    asked: dict[str, str]
    problem: str
    now: float
    origins: tuple[str, ...] = ORIGINS


@dataclass(frozen=True, kw_only=True)
class BandsNewPage(Page):
    """The form that makes bands from runs and logs."""

    template: ClassVar[str] = "bands_new.html"
    nav: ClassVar[str] = "bands"
    given: dict[str, Any]
    recent: tuple[tuple[str, str, str, bool], ...]
    problem: str
    field: str
    units: tuple[tuple[str, str], ...] = tuple((x, bandmaking.UNITS[x]) for x in AXES)


@dataclass(frozen=True, kw_only=True)
class BandsSetPage(Page):
    """One set: charts, provenance, versions, and the form that edits it. ``editing``: place of the band in the form."""

    template: ClassVar[str] = "bands_set.html"
    nav: ClassVar[str] = "bands"
    one: bandsets.Set
    tiles: tuple[Tile, ...]
    versions: tuple[BandVersion, ...]
    editing: int
    edited: Band | None
    known: dict[str, str]
    problem: str
    now: float
    blank: int = BLANK


@router.get("/bands")
def bands_page(
    request: Request,
    trainer: Annotated[str, Query(max_length=100)] = "",
    origin: Annotated[str, Query(max_length=100)] = "",
    series: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The list, by trainer, origin and series."""
    return _list(request, {"trainer": trainer, "origin": origin, "series": series})


def _list(request: Request, asked: dict[str, str], problem: str = "", status: int = 200) -> Response:
    with db.reading() as session:
        every = bandsets.listing(session)
        page = BandsPage(
            **base(request, session, "Bands"),
            sets=tuple(s for s in every if _fits(s, asked)),
            trainers=tuple(sorted({s.trainer for s in every if s.trainer})),
            series=tuple(sorted({n for s in every for n in s.series})),
            asked=asked,
            problem=problem,
            now=clock.time(),
        )
    return render(page, status)


def _fits(one: bandsets.Set, asked: dict[str, str]) -> bool:
    wanted = (asked["trainer"], one.trainer), (asked["origin"], one.origins), (asked["series"], one.series)
    return all(
        not want or want == have or (isinstance(have, tuple) and want in have) for want, have in wanted
    )


@router.get("/bands/new")
def bands_new(
    request: Request,
    asked: Annotated[list[str], Query(alias="runs")] = [],  # noqa: B006
    ticked: Annotated[list[str], Query(alias="run")] = [],  # noqa: B006
) -> Response:
    """The form, with the runs that were chosen elsewhere: ``runs`` by comma, or ``run`` as the list of runs sends."""
    ids = [p.strip() for some in (*asked, *ticked) for p in some.split(",") if p.strip()]
    with db.reading() as session:
        return render(_new(request, session, {"runs": ids}))


def _new(
    request: Request, session: Session, given: dict[str, Any], problem: Problem | None = None
) -> BandsNewPage:
    chosen = given.get("runs", [])
    found = {r.id: r for r in runs.listing(session, limit=RECENT)}
    for run_id in chosen[: bandmaking.MOST_RUNS]:
        if run_id not in found and (run := session.get(Run, run_id)) is not None:
            found[run_id] = run
    least = min(3, len(chosen)) or 3
    known = {"name": "", "note": "", "x": "epoch", "low": "0", "high": "1", "least": str(least), "by_phase": "",
             "always": "", "series": "", "runs": chosen}  # fmt: skip
    rows = [
        (
            r.id,
            r.name or r.id,
            " ".join(p for p in (r.trainer, r.preset, r.size, r.status) if p),
            r.id in chosen,
        )
        for r in found.values()
    ]
    return BandsNewPage(
        **base(request, session, "Make a band"),
        given=known | given,
        recent=tuple(sorted(rows, key=lambda r: not r[3])),
        problem=problem.message if problem else "",
        field=problem.field if problem else "",
    )


@router.post("/bands/new")
async def bands_make(request: Request) -> Response:
    """Makes the set and shows it; or the form again with what is wrong."""
    async with request.form(max_files=bandmaking.MOST_LOGS, max_fields=400) as form:
        logs = [(f.filename or "log", await f.read()) for f in _files(form, "logs")]
        given: dict[str, Any] = {k: str(form.get(k) or "") for k in
                 ("name", "note", "x", "low", "high", "least", "by_phase", "always", "series")}  # fmt: skip
        given |= {"runs": [str(v) for v in form.getlist("runs") if isinstance(v, str)]}
    return await run_in_threadpool(_made, request, given, logs)


def _files(form: FormData, name: str) -> list[UploadFile]:
    return [f for f in form.getlist(name) if isinstance(f, UploadFile) and f.filename]


def _made(request: Request, given: dict[str, Any], logs: list[tuple[str, bytes]]) -> Response:
    try:
        series = tuple(p for p in given["series"].replace(",", " ").split() if p)
        wish = bandmaking.Wish(
            given["x"] or "epoch", _number(given["low"] or "0", "low"), _number(given["high"] or "1", "high"),
            _whole(given["least"] or "3", "least"), bool(given["by_phase"]), series,
        )  # fmt: skip
        with db.transaction() as session:
            found = [runs.get(session, i) for i in dict.fromkeys(given["runs"])]
            sources = bandmaking.of_runs(session, found, wish) if found else []
            sources += [bandmaking.of_log(body, name[:200], wish) for name, body in logs]
            bands = bandmaking.make(sources, wish)
            made = bandsets.add(session, given["name"], bands, given["note"], bool(given["always"]))
        return RedirectResponse(f"/bands/{made.id}", 303)
    except Problem as problem:
        with db.reading() as session:
            return render(_new(request, session, given, problem), problem.status)


def _number(text: str, field: str) -> float:
    try:
        return float(text.strip().replace("−", "-"))
    except ValueError:
        raise BadInput(f"{field} {text!r:.40} is not a number", field=field) from None


def _whole(text: str, field: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"{field} {text!r:.40} is not a whole number", field=field) from None


@router.post("/bands/import")
async def bands_import(request: Request) -> Response:
    """A JSON file that was exported: makes the set and shows it; or the list with what is wrong."""
    async with request.form(max_files=1, max_fields=2) as form:
        files = _files(form, "file")
        body, name = (await files[0].read(), str(form.get("name") or "")) if files else (b"", "")
    return await run_in_threadpool(_brought, request, body, name)


def _brought(request: Request, body: bytes, name: str) -> Response:
    try:
        if not body:
            raise BadInput("no file was chosen; choose a JSON file that was exported", field="file")
        own, note, bands = bandsets.read(body)
        with db.transaction() as session:
            made = bandsets.add(session, name or own, bands, note)
        return RedirectResponse(f"/bands/{made.id}", 303)
    except Problem as problem:
        return _list(request, {"trainer": "", "origin": "", "series": ""}, problem.message, problem.status)


@router.get("/bands/{set_id}")
def bands_set(request: Request, set_id: str, version: int = 0, band: int = -1) -> Response:
    """One set at a version; ``band`` opens the form of that band."""
    return _shown(request, set_id, version, band)


def _shown(
    request: Request, set_id: str, version: int = 0, band: int = -1, problem: str = "", status: int = 200
) -> Response:
    with db.reading() as session:
        one = bandsets.get(session, set_id, version)
        page = BandsSetPage(
            **base(request, session, one.name),
            one=one,
            tiles=tiles(one.bands),
            versions=tuple(bandsets.versions(session, set_id)) if one.kept else (),
            editing=band,
            edited=one.bands[band] if one.kept and 0 <= band < len(one.bands) else None,
            known={i: r.name or r.id for i in one.runs[:100] if (r := session.get(Run, i)) is not None},
            problem=problem,
            now=clock.time(),
        )
    return render(page, status)


def tiles(bands: Sequence[Band]) -> tuple[Tile, ...]:
    """The bands by series, unit and phase."""
    put: dict[tuple[str, str, str], list[tuple[int, Band]]] = {}
    for n, band in enumerate(bands):
        put.setdefault((band.series, band.x, band.phase), []).append((n, band))
    return tuple(
        Tile(describe(series), phase, bandcharts.chart([b for _, b in some]), tuple(some))
        for (series, _, phase), some in put.items()
    )


@router.get("/bands/{set_id}/export.json")
def bands_export(set_id: str, version: int = 0) -> Response:
    """The set as a file."""
    with db.reading() as session:
        one = bandsets.get(session, set_id, version)
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in one.name) or "bands"
    return JSONResponse(one.json(), headers={"Content-Disposition": f'attachment; filename="{stem}.json"'})


@router.post("/bands/{set_id}/edit")
async def bands_edit(request: Request, set_id: str) -> Response:
    """A new version out of the form; the page with what is wrong where it is none."""
    async with request.form(max_files=0, max_fields=3 * bandsets.MOST_POINTS + 40) as form:
        fields = {k: [str(v) for v in form.getlist(k)] for k in form}
    return await run_in_threadpool(_edited, request, set_id, fields)


def _edited(request: Request, set_id: str, fields: dict[str, list[str]]) -> Response:
    def first(name: str) -> str:
        return fields.get(name, [""])[0]

    band = -1
    try:
        band = _whole(first("band") or "-1", "band")
        if first("expected"):
            _same(set_id, _whole(first("expected"), "expected"))
        with db.transaction() as session:
            one = bandsets.get(session, set_id)
            if restored := first("restore"):
                old = bandsets.get(session, set_id, _whole(restored, "version"))
                bandsets.edit(session, set_id, name=one.name, note=old.note, bands=old.bands,
                              change=f"brought back version {old.version}")  # fmt: skip
            elif 0 <= band < len(one.bands):
                found = list(one.bands)
                if first("do") == "remove":
                    del found[band]
                else:
                    found[band] = _band(one.bands[band], fields)
                bandsets.edit(session, set_id, bands=found)
            else:
                bandsets.edit(
                    session, set_id, name=first("name"), note=first("note"), always=bool(first("always"))
                )
        return RedirectResponse(f"/bands/{set_id}", 303)
    except Problem as problem:
        if problem.status == 404:
            raise
        return _shown(request, set_id, 0, band, problem.message, problem.status)


def _same(set_id: str, version: int) -> None:
    with db.reading() as session:
        now = bandsets.get(session, set_id).version
    if now != version:
        raise BadInput(
            f"version {now} was saved meanwhile and this form was of version {version}; look at it first"
        )


def _band(old: Band, fields: dict[str, list[str]]) -> Band:
    """The band with the form's numbers: rows of points, or one range."""
    note = fields.get("band_note", [old.note])[0].strip()
    try:
        if not old.points:
            ends = {n: fields.get(n, [""])[0].strip() for n in ("x_from", "x_to", "low", "high")}
            open_ends = {"x_from": 0.0, "x_to": math.inf, "low": -math.inf, "high": math.inf}
            x_from, x_to, low, high = (_number(t, n) if t else open_ends[n] for n, t in ends.items())
            return replace(old, note=note, x_from=x_from, x_to=x_to, low=low, high=high)
        rows = list(zip(*(fields.get(n, []) for n in ("px", "plow", "phigh")), strict=True))
        points = [
            (_number(x, f"row {n}: x"), _number(a, f"row {n}: low"), _number(b, f"row {n}: high"))
            for n, (x, a, b) in enumerate(rows, 1)
            if x.strip() or a.strip() or b.strip()
        ]
        if not points:
            raise BadInput("the band has no points left; remove the band instead", field="points")
        return replace(old, note=note, points=tuple(sorted(points)))
    except ValueError as problem:
        raise BadInput(f"{old.series}: {problem}", field="points") from None


@router.post("/bands/{set_id}/copy")
def bands_copy(set_id: str) -> Response:
    """A set of one's own with the same bands."""
    with db.transaction() as session:
        one = bandsets.get(session, set_id)
        taken = {s.name for s in bandsets.stored(session)}
        name = f"{one.name}, copy"[: bandsets.MOST_NAME]
        number = 2
        while name in taken:
            name = f"{one.name[: bandsets.MOST_NAME - 12]}, copy {number}"
            number += 1
        made = bandsets.add(session, name, one.bands, one.note)
    return RedirectResponse(f"/bands/{made.id}", 303)


@router.post("/bands/{set_id}/delete")
def bands_delete(set_id: str) -> Response:
    """Deletes the set with its versions."""
    with db.transaction() as session:
        bandsets.remove(session, set_id)
    return RedirectResponse("/bands", 303)
