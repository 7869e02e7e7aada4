"""What changes, as it changes: server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app import runs as known_runs
from app.errors import BadInput
from app.live import MAX_RUNS, changes

router = APIRouter(tags=["live"])


def asked(
    runs: Annotated[str, Query(description="Ids, split by commas; none: all runs.", max_length=8000)] = "",
) -> list[str]:
    """The ids that a stream watches; checked before it begins, as its status cannot change later."""
    ids = [known_runs.check_id(part.strip()) for part in runs.split(",") if part.strip()]
    if len(ids) > MAX_RUNS:
        raise BadInput(f"{len(ids)} runs asked for; the limit is {MAX_RUNS}", field="runs")
    return ids


@router.get(
    "/api/live",
    response_class=EventSourceResponse,
    summary="Changes of runs as server-sent events",
    responses={200: {"description": "event: run, with the fields of a change as JSON"}},
)
async def live(ids: Annotated[list[str], Depends(asked)]) -> AsyncIterator[ServerSentEvent]:
    """``event: run``, data ``{"run", "name", "status", "reason", "next_seq", "last_step", "series": [names
    that changed], "samples": how many came, "verdict": the doctor's, "" before its first, "findings": how
    many of them warn or fail, "diagnosed": the ``next_seq`` that they are of, "ended", "first"}``.

    One for each run at the start (``first``, with all its series), then one whenever it has changed, at most
    four a second a run. A run that was deleted has the status ``deleted``.
    """
    yield ServerSentEvent(comment="here", retry=1000)
    async for some in changes(ids):
        for change in some:
            yield ServerSentEvent(event="run", data=change)
