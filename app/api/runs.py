"""Runs: list, register, look at, change, delete; their series, points and findings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app import bins, checkpoints, db, probing, reading, runs, stopping
from app import findings as doctors
from app.api.shapes import LIMIT, Number, RunId, RunRow, RunShown, SeriesShown, Step, listed
from app.live import bell
from app.models import Run
from app.replies import documented
from nashboard import vocabulary

router = APIRouter(tags=["runs"])
Word = Annotated[str, Query(max_length=200)]
MAX_SERIES = 64


class RunList(BaseModel):
    """A page of runs, newest first."""

    runs: list[RunRow]
    total: int = Field(description="How many fit in all.")


class NewRun(BaseModel):
    """What a sender tells of a run; fields that this version does not know are passed over."""

    id: str | None = Field(
        None, description="Chosen by the sender; the same id twice is one run.", max_length=32
    )
    name: str = Field("", max_length=200)
    project: str = Field("default", max_length=200)
    trainer: str = Field("", max_length=40)
    preset: str = Field("", max_length=80)
    size: str = Field("", max_length=20)
    seed: Annotated[int, Field(ge=-LIMIT, le=LIMIT)] | None = None
    recipe: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    command: list[str] = []
    tags: list[str] = []
    parent: Annotated[str, Field(max_length=32)] | None = None
    treats: Annotated[str, Field(max_length=80)] | None = None
    total_steps: Step | None = None
    stop_on: list[Annotated[str, Field(max_length=80)]] = Field(
        [], description="Codes of rules at whose fail the run is asked to stop.", max_length=50
    )


class Changes(BaseModel):
    """What people may write on a run; a field that is left out stays."""

    model_config = {"extra": "forbid"}
    tags: list[str] | None = None
    notes: str | None = None
    name: str | None = None
    archived: bool | None = None


class SeriesList(BaseModel):
    series: list[SeriesShown]


class Curve(BaseModel):
    """A series between two steps: its finite points in the order of their coming, and the others counted."""

    name: str
    step: list[int]
    time: list[float]
    value: list[float]
    nonfinite: list[tuple[int, str, int]] = Field(description="(step, NaN | Infinity | -Infinity, count)")
    shown: int
    total: int
    exact: bool = Field(description="No point is left out.")


class Curves(BaseModel):
    run: str
    series: list[Curve]


class Findings(BaseModel):
    """What the doctor says of a run; the form is that of ``python -m doctor --json``."""

    verdict: Literal["healthy", "warn", "fail", "unknown"]
    first_fail_step: int | None
    findings: list[dict[str, Any]] = Field(
        description="Worst first, each with evidence, suspects and remedies."
    )
    could_not_look: dict[str, list[str]] = Field(description="Rules that lack a series, and which.")


def _run(session: Session, run: Run) -> RunShown:
    shown = RunShown.model_validate(run)
    return shown.model_copy(update={"stop_on": stopping.codes_of(session, [run.id]).get(run.id, [])})


@router.get("/api/runs", summary="List runs, newest first")
def list_runs(
    text: Annotated[str, Query(description="Words in name, id, preset, tags or notes.", max_length=200)] = "",
    status: Word = "",
    project: Word = "",
    trainer: Word = "",
    tag: Word = "",
    group: Word = "",
    archived: bool = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    q: Annotated[
        str,
        Query(description="A search, such as `cgan disc.lr<2e-4 tag:paper -status:failed`.", max_length=2000),
    ] = "",
    sort: Annotated[
        str,
        Query(
            description="age, name, status, doctor, step, a series or a knob; with - turned round.",
            max_length=210,
        ),
    ] = "",
) -> RunList:
    """All that is given has to fit. A search that cannot be read is 422 and names the token, its place and what is near."""
    with db.reading() as session:
        found = runs.listing(
            session, text, status, project, trainer, tag, group, archived, limit, offset, q, sort
        )
        return RunList(runs=[RunRow.model_validate(r) for r in found.runs], total=found.total)


@router.post(
    "/api/runs",
    status_code=201,
    summary="Register a run that reports from elsewhere",
    responses={200: {"model": RunShown, "description": "It is known already"}, **documented(409, 413)},
)
def register(asked: NewRun, response: Response) -> RunShown:
    """The same id twice is one run (200); 409 where the id is taken by a run of another trainer."""
    stops = stopping.check(asked.stop_on)
    with db.transaction() as session:
        run, new = runs.register(session, **asked.model_dump(exclude={"stop_on"}))
        if stops:
            stopping.keep(session, run.id, stops)
        shown = _run(session, run)
    response.status_code = 201 if new else 200
    bell.ring(shown.id)
    return shown


@router.get("/api/runs/{run_id}", summary="A run with its recipe and environment", responses=documented(404))
def get_run(run_id: RunId) -> RunShown:
    with db.reading() as session:
        return _run(session, runs.get(session, run_id))


@router.patch("/api/runs/{run_id}", summary="Change name, tags, notes or archive", responses=documented(404))
def change(run_id: RunId, asked: Changes) -> RunShown:
    with db.transaction() as session:
        run: Run = runs.annotate(session, run_id, **asked.model_dump(exclude_unset=True))
        shown = _run(session, run)
    bell.ring(run_id)
    return shown


@router.delete(
    "/api/runs/{run_id}",
    status_code=204,
    summary="Delete a run and its samples",
    responses=documented(404, 409),
)
def delete(
    run_id: RunId,
    undo: Annotated[
        bool, Query(description="Hide it and keep it for ten minutes, see POST /api/runs/bulk.")
    ] = False,
) -> None:
    """409 for a run that is active, or on whose checkpoints an active fork stands."""
    with db.transaction() as session:
        if undo:
            bins.put(session, run_id)
            db.after_commit(session, lambda: bell.ring(run_id))
            return
        checkpoints.forget_folder(session, runs.get(session, run_id, lock=True))
        runs.remove(session, run_id)
    bell.ring(run_id)


@router.get("/api/runs/{run_id}/series", summary="The series of a run, summed up", responses=documented(404))
def list_series(run_id: RunId) -> SeriesList:
    with db.reading() as session:
        runs.get(session, run_id)
        return SeriesList(series=[_series(info) for info in reading.series(session, run_id)])


def _series(info: reading.SeriesInfo) -> SeriesShown:
    row = vocabulary.describe(info.name)
    return SeriesShown(title=row.title, unit=row.unit, better=row.better, **vars(info))


@router.get(
    "/api/runs/{run_id}/points",
    summary="Points of series, thinned without losing an extreme",
    responses=documented(404),
)
def points(
    run_id: RunId,
    series: Annotated[str, Query(description="Names, split by commas.", max_length=8000)],
    width: Annotated[int, Query(description="Pixels to draw on.", ge=1, le=reading.MAX_WIDTH)] = 1000,
    step_from: Annotated[int | None, Query(alias="from", ge=-LIMIT, le=LIMIT)] = None,
    step_to: Annotated[int | None, Query(alias="to", ge=-LIMIT, le=LIMIT)] = None,
) -> Curves:
    """Exact where there are at most four points a pixel; ``exact`` says so."""
    names = listed(series, "series", MAX_SERIES)
    found = []
    with db.reading() as session:
        runs.get(session, run_id)
        for name in names:
            thin = reading.read(session, run_id, name, width=width, step_from=step_from, step_to=step_to)
            found.append(
                Curve(
                    name=name,
                    step=thin.step.tolist(),
                    time=thin.time.tolist(),
                    value=thin.value.tolist(),
                    nonfinite=thin.nonfinite,
                    shown=thin.shown,
                    total=thin.total,
                    exact=thin.exact,
                )
            )
    return Curves(run=run_id, series=found)


class At(BaseModel):
    """A value of each series at a step; null where there is none."""

    run: str
    step: int | None
    values: dict[str, Number | None]


@router.get(
    "/api/runs/{run_id}/at", summary="Values of series at a step or an epoch", responses=documented(404)
)
def values_at(
    run_id: RunId,
    series: Annotated[str, Query(description="Names, split by commas.", max_length=8000)],
    at: Annotated[
        float | None, Query(description="Step or epoch; none: the latest.", ge=-LIMIT, le=LIMIT)
    ] = None,
    axis: Annotated[Literal["step", "epoch"], Query(description="What `at` counts.")] = "step",
) -> At:
    """The nearest at or before; null where the run has not come so far."""
    names = listed(series, "series", MAX_SERIES)
    with db.reading() as session:
        runs.get(session, run_id)
        step = None if at is None else int(at)
        if at is not None and axis == "epoch":
            step = reading.step_of_epoch(session, run_id, at)
            if step is None:
                return At(run=run_id, step=None, values=dict.fromkeys(names))
        return At(run=run_id, step=step, values={n: reading.at(session, run_id, n, step) for n in names})


@router.get("/api/runs/{run_id}/findings", summary="What the doctor says of a run", responses=documented(404))
def findings(run_id: RunId) -> Findings:
    """As the run stands; while it is busy, as it stood up to 3 s ago."""
    with db.reading() as session:
        found = doctors.findings(session, runs.get(session, run_id))
        diagnosis = probing.ranked(session, run_id, found)
    return Findings.model_validate(doctors.shown(diagnosis))
