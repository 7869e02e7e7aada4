"""The table of runs that a bundle brought (`app.opening`): what they are and where they came from."""

from __future__ import annotations

from sqlalchemy import Float, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base


class Imported(Base):
    """A run that came in a bundle. ``source`` is its id there, ``content`` the digest of its points and samples.

    ``file`` is the bundle's name, ``maker`` what wrote it, ``packed`` and ``opened`` when (Unix seconds).
    """

    __tablename__ = "imported_runs"
    __table_args__ = (Index("ix_imported_runs_source", "source", "content"),)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(String(32))
    content: Mapped[str] = mapped_column(String(64))
    file: Mapped[str] = mapped_column(String(200))
    maker: Mapped[str] = mapped_column(String(80), default="")
    packed: Mapped[float | None] = mapped_column(Float, default=None)
    opened: Mapped[float] = mapped_column(Float)
