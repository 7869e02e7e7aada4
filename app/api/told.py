"""What trainers told beside points, as charts: histograms over time, slices of them, tables as scatters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app import db, pictures, runs, told
from app.api.shapes import LIMIT, listed
from app.models import Run
from app.replies import documented
from app.traces import MOST

router = APIRouter(tags=["charts"])
Runs = Annotated[str, Query(alias="runs", description="ids of runs, by comma", max_length=2000)]
Name = Annotated[
    str, Query(description="The distribution's or table's name, without its side.", max_length=200)
]
At = Annotated[int, Query(ge=-LIMIT, le=LIMIT, description="A step; each run's nearest is taken, and said.")]


class Index(BaseModel):
    """What can be drawn of the runs: name, title, sides, keys of the runs that have it, steps."""

    distributions: list[dict[str, Any]]
    scatters: list[dict[str, Any]]


class Charts(BaseModel):
    """A chart for each run (and side), with what it shows in words; colours in figures are token names."""

    name: str
    title: str = ""
    charts: list[dict[str, Any]]
    steps: list[int]
    template: dict[str, Any]


class Slice(BaseModel):
    """Outlines of all runs and sides over each other; ``lines`` says which, and at which step."""

    figure: dict[str, Any]
    lines: list[dict[str, Any]]
    template: dict[str, Any]


class Seen(BaseModel):
    """Slots with their pictures: the reference as "R", runs by their keys, each with its takes by step."""

    slots: list[dict[str, Any]]
    runs: list[dict[str, Any]]


def _found(session: Session, asked: str) -> list[Run]:
    return [runs.get(session, i) for i in listed(asked, "runs", MOST)]


@router.get("/api/told", summary="Histograms and scatters that runs told", responses=documented(404))
def index(asked: Runs) -> Index:
    with db.reading() as session:
        return Index(**told.index(session, _found(session, asked)))


@router.get("/api/told/histogram", summary="A histogram over time, for each run", responses=documented(404))
def histogram(asked: Runs, name: Name, x: Literal["step", "epoch"] = "step") -> Charts:
    """All on one value axis, so that runs and sides can be held against each other."""
    with db.reading() as session:
        return Charts(**told.heats(session, _found(session, asked), name, x))


@router.get("/api/told/slice", summary="Histograms at a step, over each other", responses=documented(404))
def slice_at(asked: Runs, name: Name, at: At) -> Slice:
    with db.reading() as session:
        return Slice(**told.slices(session, _found(session, asked), name, at))


@router.get("/api/told/scatter", summary="A table as a scatter, for each run", responses=documented(404))
def scatter(asked: Runs, name: Name, at: At | None = None) -> Charts:
    """With correlation, mean error and bias in words; without ``at`` the last table of each run."""
    with db.reading() as session:
        return Charts(**told.scatters(session, _found(session, asked), name, at))


@router.get("/api/pictures", summary="What can be seen of up to 8 runs", responses=documented(404))
def seen(asked: Runs) -> Seen:
    """Pictures as they were stored; nothing is scaled or changed."""
    with db.reading() as session:
        return Seen(**pictures.seen(session, _found(session, asked)))
