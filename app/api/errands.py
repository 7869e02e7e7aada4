"""Errands over the API: ask something of a run's checkpoint, and hear what came of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app import db, errands, runs
from app.api.shapes import RunId
from app.live import bell
from app.replies import documented

router = APIRouter(tags=["errands"])
ErrandId = Annotated[str, Path(description="The errand's id.", max_length=100)]


class Wish(BaseModel):
    """What is asked; the fields of ``ask`` are those of its kind."""

    model_config = ConfigDict(extra="forbid")
    kind: Annotated[
        str, Field(description="say, diagnose or another verb that the run's trainer has.", max_length=40)
    ]
    ask: dict[str, Any] = {}


class Sentence(BaseModel):
    """A sentence for a run of tts to say."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(
        description=f"At most {errands.LONGEST_TEXT} characters, Latin letters and common signs."
    )
    checkpoint: int | None = Field(
        None, description="A checkpoint's id; without one, the last that is there."
    )


class ErrandShown(BaseModel):
    id: str
    run: str
    kind: str
    ask: dict[str, Any]
    state: Literal["queued", "running", "done", "failed"]
    reason: str = Field(description="Why it failed; empty otherwise.")
    outcome: dict[str, Any] = Field(
        description="What the verb printed; `samples` names what is kept with the run."
    )
    created: float
    started: float | None
    ended: float | None


class Errands(BaseModel):
    """Newest first."""

    errands: list[ErrandShown]
    waits: str = Field(
        description="Why those that are queued wait, where no worker of the run's host is there."
    )
    able: list[str] = Field(description="The kinds that this run's trainer understands.")


def _ask(run_id: str, kind: str, wish: dict[str, Any], response: Response) -> ErrandShown:
    with db.transaction() as session:
        made, new = errands.ask(session, run_id, kind, wish)
        shown = ErrandShown(**errands.as_json(made))
    response.status_code = 201 if new else 200
    bell.ring(run_id)
    return shown


_ASKED: dict[int | str, dict[str, Any]] = {
    200: {"model": ErrandShown, "description": "The same is being done already"},
    **documented(404, 409),
}


@router.get("/api/runs/{run_id}/errands", summary="What was asked of a run", responses=documented(404))
def list_errands(
    run_id: RunId,
    kind: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Errands:
    with db.reading() as session:
        run = runs.get(session, run_id)
        found = errands.listed(session, run.id, kind, limit)
        return Errands(
            errands=[ErrandShown(**errands.as_json(e)) for e in found],
            waits=errands.nobody(session, run),
            able=list(errands.able(run)),
        )


@router.post(
    "/api/runs/{run_id}/errands",
    status_code=201,
    summary="Ask something of a run's checkpoint",
    responses=_ASKED,
)
def ask_errand(run_id: RunId, wish: Wish, response: Response) -> ErrandShown:
    """A worker on the run's host carries it out. 409 where the run's trainer cannot, or there is no checkpoint."""
    return _ask(run_id, wish.kind, wish.ask, response)


@router.post(
    "/api/runs/{run_id}/say", status_code=201, summary="Have a run of tts say a sentence", responses=_ASKED
)
def say(run_id: RunId, sentence: Sentence, response: Response) -> ErrandShown:
    """The errand ``say``: the sound comes from the checkpoint, as a sample of the series ``said/speech``."""
    return _ask(run_id, "say", sentence.model_dump(exclude_none=True), response)


@router.get("/api/runs/{run_id}/errands/{errand_id}", summary="One errand", responses=documented(404))
def get_errand(run_id: RunId, errand_id: ErrandId) -> ErrandShown:
    with db.reading() as session:
        return ErrandShown(**errands.as_json(errands.get(session, run_id, errand_id)))


@router.delete(
    "/api/runs/{run_id}/errands/{errand_id}",
    status_code=204,
    summary="Forget an errand, or stop one that still runs",
    responses=documented(404),
)
def delete_errand(run_id: RunId, errand_id: ErrandId) -> None:
    """Samples that it left stay with the run."""
    with db.transaction() as session:
        errands.remove(session, run_id, errand_id)
    bell.ring(run_id)
