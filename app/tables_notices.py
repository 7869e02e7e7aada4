"""The table of notices: what a webhook has to be told, written with what happened and sent afterwards (`app.webhooks`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base, BigId


class Notice(Base):
    """One message to the webhook. ``event``: run.ended or doctor.fail. ``state``: waiting, sent or given_up.

    ``due`` is when it may be tried next; who tries it moves that on first, so that no other process does.
    """

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_due", "state", "due"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(20))
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made: Mapped[float] = mapped_column(Float)
    due: Mapped[float] = mapped_column(Float)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    outcome: Mapped[str] = mapped_column(Text, default="")
