"""The tables of bands that somebody made or imported: a named set, and each of its versions whole."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Float, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base


class BandSet(Base):
    """Bands under one name; ``version`` is the newest. ``always``: drawn wherever it fits, without being chosen."""

    __tablename__ = "band_sets"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    trainer: Mapped[str] = mapped_column(String(40), default="", index=True)
    always: Mapped[bool] = mapped_column(Boolean, default=False)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created: Mapped[float] = mapped_column(Float)
    updated: Mapped[float] = mapped_column(Float)


class BandVersion(Base):
    """One version of a set: ``body`` has ``bands``, as `recipes.band.Band.to_dict` gives them."""

    __tablename__ = "band_versions"
    set_id: Mapped[str] = mapped_column(ForeignKey("band_sets.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    created: Mapped[float] = mapped_column(Float)
    note: Mapped[str] = mapped_column(Text, default="")
    change: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
