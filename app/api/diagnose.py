"""The doctor over the API, for a log from anywhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from app import findings, uploads
from app.api.runs import Findings
from app.replies import documented

router = APIRouter(tags=["doctor"])
_TEXT = {"schema": {"type": "string"}}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "A CSV with a step column, or a journal (one JSON object a line).",
        "content": {"text/csv": _TEXT, "application/x-ndjson": _TEXT},
    }
}


@router.post(
    "/api/diagnose",
    summary="What the doctor says of a log from anywhere",
    responses=documented(413),
    openapi_extra=_BODY,
)
async def diagnose(
    request: Request,
    adv_loss: Annotated[
        str,
        Query(
            description="hinge, vanilla, logistic, least_square or wasserstein; empty: not told.",
            max_length=40,
        ),
    ] = "",
    name: Annotated[str, Query(description="Stands in errors.", max_length=200)] = "log",
) -> Findings:
    """Nothing is stored. 422 names the line and the value that cannot be read."""
    body = await request.body()
    found = await run_in_threadpool(uploads.diagnosed, body, name, adv_loss)
    return Findings.model_validate(findings.shown(found.diagnosis))
