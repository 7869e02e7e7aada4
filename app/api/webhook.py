"""The webhook: what it is set to, what was sent, and a test."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app import webhooks
from app.settings import get_settings

router = APIRouter(tags=["webhook"])


class Sent(BaseModel):
    """A message and what came of it."""

    run: str
    event: str
    state: str = Field(description="waiting, sent or given_up.")
    tries: int
    outcome: str
    made: float


class Webhook(BaseModel):
    """The setting, without what is secret of it: of the address only the host."""

    on: bool
    host: str
    events: list[str]
    signed: bool
    recent: list[Sent]


class Tested(BaseModel):
    ok: bool
    status: int = Field(description="The answer's HTTP status; 0 where there was none.")
    said: str


@router.get("/api/webhook", summary="What the webhook is set to, and what was sent")
def setting() -> Webhook:
    own = get_settings()
    return Webhook(
        on=bool(own.webhook),
        host=urlsplit(own.webhook).hostname or "" if own.webhook else "",
        events=list(own.webhook_events),
        signed=bool(own.webhook_secret),
        recent=[
            Sent(run=n.run_id, event=n.event, state=n.state, tries=n.tries, outcome=n.outcome, made=n.made)
            for n in webhooks.recent()
        ],
    )


@router.post("/api/webhook/test", summary="Send a test message to the webhook now")
def test_message() -> Tested:
    told = webhooks.try_out()
    return Tested(ok=told.ok, status=told.status, said=told.said)
