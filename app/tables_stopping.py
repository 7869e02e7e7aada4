"""The table of stop rules: at whose *fail* a run is to be stopped, and whether it was (`app.stopping`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base


class StopOn(Base):
    """The rules at whose *fail* a run is stopped.

    ``since``: a failure at or before this step stops it no more, since it was resumed from there by somebody who
    knew. ``code``, ``step`` and ``reason`` say for what it was stopped; "" while it was not.
    """

    __tablename__ = "stop_on"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    codes: Mapped[list[str]] = mapped_column(default=list)
    since: Mapped[int | None] = mapped_column(BigInteger, default=None)
    code: Mapped[str] = mapped_column(String(80), default="")
    step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[float | None] = mapped_column(Float, default=None)
