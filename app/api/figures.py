"""Figures and verdicts of a page's charts, as the page's script draws them."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app import axes, db, happenings, listening, plots, reading, runs, scores
from app.api.shapes import listed
from app.errors import BadInput
from app.models import Run
from app.replies import documented
from app.traces import MOST
from app.tracks import View, load
from nashboard.vocabulary import is_name

router = APIRouter(tags=["charts"])
MAX_SERIES = 64


class Heard(BaseModel):
    """Slots with their sources: the reference as "R", runs by their keys, each with its takes by step."""

    slots: list[dict[str, Any]]
    runs: list[dict[str, Any]]


class Figures(BaseModel):
    """``figures`` and ``verdicts`` by series; colours in figures are token names, numbers base64 arrays.

    ``lacking``: keys of runs that do not lie on the axis; ``groups``: {key, value, keys} each.
    """

    figures: dict[str, dict[str, Any]]
    verdicts: dict[str, dict[str, Any]]
    axis: dict[str, Any]
    template: dict[str, Any]
    lacking: list[str]
    groups: list[dict[str, Any]]


def zoom(low: float | None, high: float | None) -> tuple[float, float] | None:
    """A stretch of the axis, where both ends are given; raises `BadInput` for one that is none."""
    if low is None and high is None:
        return None
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BadInput(f"from {low} to {high} is no stretch of the axis", field="from")
    return low, high


@router.get("/api/figures", summary="Charts of series of up to 100 runs", responses=documented(404))
def figures(
    runs_asked: Annotated[str, Query(alias="runs", description="ids of runs, by comma")],
    series: Annotated[str, Query(description="names of series, by comma")],
    x: Annotated[str, Query(description=f"{', '.join(axes.NAMES)}")] = "step",
    smooth: Annotated[float, Query(ge=0, lt=1)] = 0.0,
    log: Annotated[str, Query(description="series to draw on a log axis")] = "",
    lin: Annotated[
        str, Query(description="series to draw on a linear axis although they default to log")
    ] = "",
    low: Annotated[float | None, Query(alias="from")] = None,
    high: Annotated[float | None, Query(alias="to")] = None,
    width: Annotated[int, Query(ge=1, le=reading.MAX_WIDTH, description="pixels of the plot")] = 600,
    small: Annotated[bool, Query(description="a small multiple: no words, no end marks")] = False,
    group: Annotated[
        str, Query(description="one curve a value of this knob, or of seedless, tag, preset")
    ] = "",
    base: Annotated[str, Query(description="id of the run that others are held against")] = "",
    mode: Annotated[str, Query(description="diff: curves as differences to the baseline")] = "",
    hide: Annotated[str, Query(description="keys of runs that groups leave out, by comma")] = "",
    bands: Annotated[
        str, Query(max_length=2000, description="ids of sets of bands, by comma; none; empty: those that fit")
    ] = "",
) -> Figures:
    """Each extreme and non-finite value is in a figure at any width; `from` and `to` read in more detail."""
    names = listed(series, "series", MAX_SERIES)
    for name in names:
        if not is_name(name):
            raise BadInput(f"{name!r:.80} cannot be the name of a series", field="series")
    if x not in axes.NAMES:
        raise BadInput(f"{x!r:.80} is no axis: {', '.join(axes.NAMES)}", field="x")
    if mode not in ("", "diff"):
        raise BadInput(f"{mode!r:.40} is no mode: leave it out, or give diff", field="mode")
    chosen = frozenset(p for p in log.split(",") if p), frozenset(p for p in lin.split(",") if p)
    view = View(
        x, smooth, *chosen, zoom(low, high), width, small, group[:200], base, mode == "diff",
        frozenset(p for p in hide.split(",") if p), bands,
    )  # fmt: skip
    with db.reading() as session:
        found: list[Run] = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
        return Figures(**plots.plot(session, found, names, view))


class Knobs(BaseModel):
    """``axes``: knobs that differ, then scores at their best; ``runs``: each run's value on every axis."""

    axes: list[dict[str, Any]]
    runs: list[dict[str, Any]]


@router.get("/api/knobs", summary="Knobs that tell runs apart, and scores", responses=documented(404))
def knobs(runs_asked: Annotated[str, Query(alias="runs", description="ids of runs, by comma")]) -> Knobs:
    """An axis with `values` is of texts: a run's value is the place in them."""
    with db.reading() as session:
        found = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
        return Knobs(**scores.knobs(session, found))


class Marks(BaseModel):
    """What happened in runs: {key, x, words, kind: checkpoints | findings | notes, id}, by x."""

    marks: list[dict[str, Any]]


@router.get("/api/marks", summary="Checkpoints, findings and notes on an axis", responses=documented(404))
def marks(
    runs_asked: Annotated[str, Query(alias="runs", description="ids of runs, by comma")],
    kinds: Annotated[str, Query(description=", ".join(happenings.KINDS))] = "checkpoints,findings,notes",
    x: Annotated[str, Query(description=f"{', '.join(axes.NAMES)}")] = "step",
) -> Marks:
    """Phases come with the figures; these are asked for where somebody wants to see them."""
    wanted = listed(kinds, "kinds", len(happenings.KINDS))
    for kind in wanted:
        if kind not in happenings.KINDS:
            raise BadInput(f"{kind!r:.40} is no kind of mark: {', '.join(happenings.KINDS)}", field="kinds")
    if x not in axes.NAMES:
        raise BadInput(f"{x!r:.80} is no axis: {', '.join(axes.NAMES)}", field="x")
    with db.reading() as session:
        found = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
        return Marks(marks=happenings.of(session, found, wanted, View(x)))


class Steps(BaseModel):
    """The step of each run at a place of the axis, by key; null for a run that does not lie on it."""

    steps: dict[str, float | None]


@router.get(
    "/api/steps", summary="Which step of each run lies at a place of an axis", responses=documented(404)
)
def steps(
    runs_asked: Annotated[str, Query(alias="runs", description="ids of runs, by comma")],
    at: Annotated[float, Query(description="In the unit of the chart; of the clock, milliseconds.")],
    x: Annotated[str, Query(description=f"{', '.join(axes.NAMES)}")] = "step",
) -> Steps:
    """The way back from a point of a chart; past a run's end it is its last step."""
    if x not in axes.NAMES:
        raise BadInput(f"{x!r:.80} is no axis: {', '.join(axes.NAMES)}", field="x")
    if not math.isfinite(at):
        raise BadInput(f"{at} is no place on an axis", field="at")
    with db.reading() as session:
        found = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
        places = {t.key: t.step_at(at) for t in load(session, found, (), View(x))}
        return Steps(steps={key: step if math.isfinite(step) else None for key, step in places.items()})


@router.get("/api/listen", summary="What can be heard of up to 100 runs", responses=documented(404))
def listen(runs_asked: Annotated[str, Query(alias="runs", description="ids of runs, by comma")]) -> Heard:
    """Nothing is normalised; the facts of each take were measured before it was quantised."""
    with db.reading() as session:
        found = [runs.get(session, i) for i in listed(runs_asked, "runs", MOST)]
        return Heard(**listening.heard(session, found))
