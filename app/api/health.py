"""Whether the server, its database and the broker answer."""

from __future__ import annotations

import socket
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import text

from app import db
from app.replies import documented
from app.settings import get_settings
from nashboard import __version__

router = APIRouter(tags=["health"])
PATIENCE_S = 0.5


class Health(BaseModel):
    status: str = Field(description="ok; a database that does not answer is a 503.")
    version: str
    database: str = Field(description="sqlite or postgresql.")
    broker: str = Field(description="ok, down, or none where no REDIS_URL is set.")


@router.get("/healthz", summary="Whether server, database and broker answer", responses=documented(503))
def health() -> Health:
    """Needs no token, so that a container's health check can ask."""
    with db.reading() as session:
        session.execute(text("SELECT 1"))
    return Health(status="ok", version=__version__, database=db.engine().dialect.name, broker=broker())


def broker() -> str:
    """Whether something answers at the broker's address: a connection, no more."""
    url = get_settings().redis_url
    if not url:
        return "none"
    parts = urlsplit(url)
    try:
        if parts.scheme in ("unix", "redis+socket"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
                made.settimeout(PATIENCE_S)
                made.connect(unquote(parts.path))
        else:
            address = (parts.hostname or "127.0.0.1", parts.port or 6379)
            socket.create_connection(address, PATIENCE_S).close()
    except (OSError, ValueError):
        return "down"
    return "ok"
