"""The table of errands: what a person asked of a run's checkpoint, and what came of it (`app.errands`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base


class Errand(Base):
    """One verb of ``python -m trainers`` on one run: queued, running, then done or failed with its reason.

    ``ask`` was validated when it was made, ``outcome`` is what the verb printed as JSON. ``owner`` is the worker
    process that carries it out (`worker.owner`).
    """

    __tablename__ = "errands"
    __table_args__ = (
        Index("ix_errands_run_created", "run_id", "created"),
        Index("ix_errands_state", "state"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    ask: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    reason: Mapped[str] = mapped_column(Text, default="")
    outcome: Mapped[dict[str, Any]] = mapped_column(default=dict)
    owner: Mapped[str] = mapped_column(String(200), default="")
    created: Mapped[float] = mapped_column(Float)
    started: Mapped[float | None] = mapped_column(Float, default=None)
    ended: Mapped[float | None] = mapped_column(Float, default=None)
