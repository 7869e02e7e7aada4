"""A view to take away: its points as CSV or Parquet, its clips as a zip."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from app import axes, db, exports, metrics, runs
from app.api.figures import MAX_SERIES, zoom
from app.api.shapes import listed
from app.errors import BadInput
from app.replies import documented
from app.traces import MOST
from app.tracks import View
from nashboard.vocabulary import is_name

router = APIRouter(tags=["exports"])
Ids = Annotated[str, Query(alias="runs", description="ids of runs, by comma")]


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


@router.get("/api/export/points", summary="The points of a view", responses=documented(404))
def points(
    runs_asked: Ids,
    series: Annotated[str, Query(description="names of series, by comma")],
    kind: Annotated[Literal["csv", "parquet"], Query(alias="format")] = "csv",
    x: Annotated[str, Query(description=", ".join(axes.NAMES))] = "step",
    smooth: Annotated[float, Query(ge=0, lt=1)] = 0.0,
    low: Annotated[float | None, Query(alias="from")] = None,
    high: Annotated[float | None, Query(alias="to")] = None,
    group: str = "",
    base: str = "",
    mode: Literal["", "diff"] = "",
    hide: str = "",
) -> StreamingResponse:
    """Every point, none thinned; with `group` or `mode=diff` what the charts draw."""
    names = listed(series, "series", 10 * MAX_SERIES)
    for name in names:
        if not is_name(name):
            raise BadInput(f"{name!r:.80} cannot be the name of a series", field="series")
    if x not in axes.NAMES:
        raise BadInput(f"{x!r:.80} is no axis: {', '.join(axes.NAMES)}", field="x")
    hidden = frozenset(p for p in hide.split(",") if p)
    view = View(
        x, smooth, zoom=zoom(low, high), group=group[:200], base=base, diff=mode == "diff", hide=hidden
    )
    with db.reading() as session:
        found = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
        exports.checked(session, found, names, view)
        ids = [r.id for r in found]
    rows = exports.parts(ids, names, view)
    kinds = exports.columns(view)
    if kind == "parquet":
        return StreamingResponse(
            exports.as_parquet(kinds, rows), 200, _file("points.parquet"), "application/octet-stream"
        )
    return StreamingResponse(
        exports.as_csv(list(kinds), rows), 200, _file("points.csv"), "text/csv; charset=utf-8"
    )


@router.get("/api/export/clips", summary="The clips of a view as a zip", responses=documented(404))
def clips(
    runs_asked: Ids,
    at: Annotated[str, Query(description="all, last, best or an epoch")] = "last",
    slots: Annotated[str, Query(description="only these slots, by comma")] = "",
) -> StreamingResponse:
    """The bytes as they were stored, by slot, and clips.csv that says what each of them is."""
    moment = at if at == "all" else metrics.moment_of(at)
    with db.reading() as session:
        found = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
        picked = exports.clips(session, found, moment, [s for s in slots.split(",") if s])
    return StreamingResponse(exports.as_zip(picked), 200, _file("clips.zip"), "application/zip")
