"""The table of preflights: what was asked of a recipe before its launch, and what came of it (`app.preflights`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base


class Preflight(Base):
    """A data card or a dry run: queued, running, then done or failed with its reason.

    ``key`` names all that its outcome depends on, so that the newest one of a key answers who asks again. ``ask``
    holds the ``words`` of its command line and the ``device``. ``owner``: as of an errand.
    """

    __tablename__ = "preflights"
    __table_args__ = (Index("ix_preflights_key", "key", "created"), Index("ix_preflights_state", "state"))
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    key: Mapped[str] = mapped_column(String(64))
    ask: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    reason: Mapped[str] = mapped_column(Text, default="")
    outcome: Mapped[dict[str, Any]] = mapped_column(default=dict)
    owner: Mapped[str] = mapped_column(String(200), default="")
    created: Mapped[float] = mapped_column(Float)
    started: Mapped[float | None] = mapped_column(Float, default=None)
    ended: Mapped[float | None] = mapped_column(Float, default=None)
