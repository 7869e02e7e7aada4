"""What a run has beside its points: samples, checkpoints, marks, notes, tables, its console."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app import checkpoints, db, records, runs
from app.api.shapes import LIMIT, RunId, Step
from app.replies import documented

router = APIRouter(tags=["records"])


class SampleShown(BaseModel):
    step: int
    time: float
    series: str
    slot: str
    media: str
    sha256: str
    ext: str
    size: int
    facts: dict[str, Any] = Field(description="Measured on the float signal before it was quantised.")
    caption: str
    url: str | None = Field(description="Where its bytes are; null while they have not come.")


class Samples(BaseModel):
    samples: list[SampleShown]


class CheckpointShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    step: int
    time: float
    path: str
    size: int
    best: dict[str, Any]
    present: bool = Field(description="False once retention or a person has removed it.")
    forks: list[str] = Field([], description="Runs that started from it, for which it is kept.")


class Checkpoints(BaseModel):
    checkpoints: list[CheckpointShown]
    size: int = Field(description="Bytes of those that are there.")


class RecordShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    seq: int
    kind: str
    step: int | None
    time: float
    name: str
    body: dict[str, Any]


class Records(BaseModel):
    records: list[RecordShown]


class LineShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    seq: int
    time: float
    stream: str
    level: str
    text: str


class Lines(BaseModel):
    lines: list[LineShown]
    next: int = Field(description="Give this as `after` to go on.")


@router.get("/api/runs/{run_id}/samples", summary="Audio and images of a run", responses=documented(404))
def list_samples(
    run_id: RunId,
    series: Annotated[str | None, Query(max_length=200)] = None,
    slot: Annotated[str | None, Query(max_length=200)] = None,
    step: Annotated[Step | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Samples:
    """By series, slot and step."""
    with db.reading() as session:
        runs.get(session, run_id)
        found = records.samples(session, run_id, series, slot, step, limit)
        return Samples(samples=[SampleShown(**records.sample_json(s)) for s in found])


@router.get("/api/runs/{run_id}/checkpoints", summary="Checkpoints of a run", responses=documented(404))
def list_checkpoints(run_id: RunId) -> Checkpoints:
    with db.reading() as session:
        run = runs.get(session, run_id)
        found = records.checkpoints(session, run_id)
        forks = checkpoints.forks(session, run)
        shown = [CheckpointShown.model_validate(c) for c in found]
    for one in shown:
        one.forks = forks.get(one.path, [])
    return Checkpoints(checkpoints=shown, size=sum(c.size for c in shown if c.present))


@router.delete(
    "/api/runs/{run_id}/checkpoints/{checkpoint_id}",
    status_code=204,
    summary="Delete a checkpoint from its host",
    responses=documented(404, 409),
)
def delete_checkpoint(run_id: RunId, checkpoint_id: int) -> None:
    """409 for one that a fork stands on, or of a run that is active or was not started from here."""
    with db.transaction() as session:
        checkpoints.remove(session, run_id, checkpoint_id)


@router.get(
    "/api/runs/{run_id}/records",
    summary="Marks, distributions, tables and notes of a run",
    responses=documented(404),
)
def list_records(
    run_id: RunId,
    kind: Literal["mark", "distribution", "table", "note_written"] | None = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Records:
    """In the order of their coming."""
    with db.reading() as session:
        runs.get(session, run_id)
        found = records.records(session, run_id, kind, name, limit)
        return Records(records=[RecordShown.model_validate(r) for r in found])


@router.get("/api/runs/{run_id}/log", summary="A run's console", responses=documented(404))
def list_lines(
    run_id: RunId,
    after: Annotated[int, Query(description="The last seq that is known.", ge=-1, le=LIMIT)] = -1,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Lines:
    """Lines past ``after``, the oldest first."""
    with db.reading() as session:
        runs.get(session, run_id)
        shown = [LineShown.model_validate(line) for line in records.lines(session, run_id, after, limit)]
    return Lines(lines=shown, next=shown[-1].seq if shown else after)
