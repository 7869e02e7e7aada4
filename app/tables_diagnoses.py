"""The table of diagnoses: what the doctor last said of each run, so that no page has to ask it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base


class StoredDiagnosis(Base):
    """The newest diagnosis of a run.

    ``next_seq`` is the run's when it was made: where they differ, the run has reported since. ``grave`` counts the
    findings that warn or fail, ``worst`` is the title of the first of them. ``body``: `app.findings.shown`.
    """

    __tablename__ = "diagnoses"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    next_seq: Mapped[int] = mapped_column(BigInteger)
    last_step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    made: Mapped[float] = mapped_column(Float)
    verdict: Mapped[str] = mapped_column(String(10))
    grave: Mapped[int] = mapped_column(Integer, default=0)
    worst: Mapped[str] = mapped_column(String(200), default="")
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
