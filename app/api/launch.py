"""Launching over the API: start one run or a pair, stop, resume, fork. Pages call the same functions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app import db, launching
from app.api.shapes import RunId, RunRow
from app.live import bell
from app.models import Run
from app.replies import documented

router = APIRouter(tags=["launch"])

Name = Annotated[str, Field(max_length=200)]
Patch = Annotated[
    dict[str, bool | int | float | str | list[Any] | None],
    Field(description='Knobs by dotted name, such as {"disc.lr": 1e-4, "seed": 1}.', max_length=500),
]


class Asked(BaseModel):
    """What launch, pair and fork have in common."""

    model_config = ConfigDict(extra="forbid")
    patch: Patch = {}
    name: Name = Field("", description="Shown in lists; empty: trainer and preset.")
    device: str = Field("auto", description="auto, cpu or cuda:N.", max_length=40)
    stop_on: list[Annotated[str, Field(max_length=80)]] = Field(
        [],
        description="Codes of rules: the run is stopped, saved, when the doctor says fail by one of them.",
        max_length=50,
    )


class Launch(Asked):
    trainer: str = Field(description="Name of the trainer, such as codec.", max_length=40)
    preset: str = Field("fixed", max_length=80)
    size: str = Field("tiny", description="tiny, small or paper.", max_length=20)
    project: Name = "default"
    tags: list[Annotated[str, Field(max_length=80)]] = Field([], max_length=50)


class LaunchPair(Asked):
    trainer: str = Field(description="Name of the trainer, such as codec.", max_length=40)
    presets: list[Annotated[str, Field(max_length=80)]] = Field(["old", "fixed"], min_length=2, max_length=8)
    sides: dict[str, Patch] = Field(
        {}, description="A patch for one preset alone, by its name.", max_length=8
    )
    size: str = Field("tiny", description="tiny, small or paper.", max_length=20)
    project: Name = "default"
    tags: list[Annotated[str, Field(max_length=80)]] = Field([], max_length=50)


class Fork(Asked):
    stop_on: list[Annotated[str, Field(max_length=80)]] | None = Field(  # type: ignore[assignment]
        None, description="As at launch; none: as its parent.", max_length=50
    )
    from_checkpoint: int | None = Field(
        None, description="Id of a checkpoint to start from; none: from the start."
    )
    treats: str | None = Field(None, description="Code of the finding that this fork treats.", max_length=80)


class Launched(RunRow):
    """A run after the request, and its page."""

    url: str


class LaunchedPair(BaseModel):
    """The runs of a pair, and the page that compares them."""

    runs: list[Launched]
    group: str
    url: str


def _shown(run: Run) -> Launched:
    bell.ring(run.id)
    return Launched(**RunRow.model_validate(run).model_dump(), url=f"/runs/{run.id}")


@router.post(
    "/api/launch", status_code=201, summary="Queue a run of a preset with a patch", responses=documented(503)
)
def launch(asked: Launch) -> Launched:
    """Validates everything first: 422 names each knob, 503: the broker is down. Then nothing is made."""
    with db.transaction() as session:
        given = asked.model_dump()
        return _shown(launching.launch(session, given.pop("trainer"), **given))


@router.post(
    "/api/launch/pair",
    status_code=201,
    summary="Queue two or more presets side by side",
    responses=documented(503),
)
def launch_pair(asked: LaunchPair) -> LaunchedPair:
    """The runs share seed, data and evaluation set and stand in one group."""
    with db.transaction() as session:
        given = asked.model_dump()
        made = launching.launch_pair(session, given.pop("trainer"), **given)
        ids = ",".join(run.id for run in made)
        return LaunchedPair(runs=[_shown(r) for r in made], group=made[0].group, url=f"/compare?runs={ids}")


@router.post("/api/runs/{run_id}/stop", summary="Ask a run to stop", responses=documented(404))
def stop(run_id: RunId) -> Launched:
    """The trainer ends its step, saves and stops; it is killed after a grace. An ended run is left alone."""
    with db.transaction() as session:
        return _shown(launching.stop(session, run_id))


@router.post(
    "/api/runs/{run_id}/resume",
    summary="Go on from a run's last checkpoint",
    responses=documented(404, 409, 503),
)
def resume(run_id: RunId) -> Launched:
    """The same run goes on, on the host that holds its checkpoint; 409 where there is none."""
    with db.transaction() as session:
        return _shown(launching.resume(session, run_id))


@router.post(
    "/api/runs/{run_id}/fork",
    status_code=201,
    summary="Start a new run from this one's recipe",
    responses=documented(404, 409, 503),
)
def fork(run_id: RunId, asked: Fork) -> Launched:
    """From the start, or from one of the parent's checkpoints; 422 names each wrong knob of the patch."""
    with db.transaction() as session:
        given = asked.model_dump()
        return _shown(
            launching.fork(session, run_id, given.pop("patch"), given.pop("from_checkpoint"), **given)
        )
