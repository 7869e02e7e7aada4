"""Where senders post a run's events."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from app import batches, db, ingest, rounds
from app.api.shapes import RunId
from app.live import bell
from app.replies import documented
from nashboard.receipt import Receipt

router = APIRouter(tags=["events"])


class ReceiptShown(BaseModel):
    """The answer to a batch."""

    next_seq: int = Field(description="Where to go on: everything before it is filed.")
    stop: bool = Field(description="Somebody asked the run to stop.")
    wants: list[str] = Field(description="Digests of samples whose bytes have not come.")


_POINTS = {
    "type": "object",
    "required": ["seq", "time", "step", "series"],
    "properties": {
        "seq": {"type": "array", "items": {"type": "integer"}},
        "time": {"type": "array", "items": {"type": "number"}},
        "step": {"type": "array", "items": {"type": "integer"}},
        "series": {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": {"oneOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]},
            },
        },
    },
}
_BODY = {
    "requestBody": {
        "description": "Lines of the journal, or points by columns. None at all is a sign of life.",
        "content": {
            batches.LINES: {"schema": {"type": "string", "description": "One JSON object a line."}},
            batches.COLUMNS: {"schema": _POINTS},
        },
    }
}


@router.post(
    "/api/runs/{run_id}/events",
    summary="File events of a run",
    responses=documented(404, 409, 413, 415, 507),
    openapi_extra=_BODY,
)
async def post_events(run_id: RunId, request: Request) -> ReceiptShown:
    """Idempotent by seq: what is filed already is passed over, a gap is answered by the old ``next_seq``.

    A line that is no event is a 422 that names it, and nothing of its batch is stored: send the batch again
    with that line replaced. 404: register the run first.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise batches.BadType(f"a batch is sent as it is, not encoded as {encoding!r:.40}")
    receipt = await run_in_threadpool(_file, run_id, body, kind)
    if body:
        bell.ring(run_id)
        rounds.due(run_id)
    return ReceiptShown(next_seq=receipt.next_seq, stop=receipt.stop, wants=receipt.wants)


def _file(run_id: str, body: bytes, kind: str) -> Receipt:
    found = batches.read(body, kind)
    with db.transaction() as session:
        return ingest.apply(session, run_id, found)
