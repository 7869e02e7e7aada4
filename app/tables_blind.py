"""The tables of blind listening tests: the test, who listened, each trial, and each sound that a trial gave out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base, BigId


class BlindTest(Base):
    """One test. ``token`` is the link of its listeners; it opens nothing else.

    ``sources``: ``[{key, run, name, step, epoch}]``; ``slots``: ``[{slot, clips: {key: sha256}, gains: {key: dB}}]``,
    with the keys ``R`` (reference) and ``L`` (low anchor, made of it) beside those of the sources. The names of the runs
    are kept as they were, so that a result can be read when a run is gone.
    """

    __tablename__ = "blind_tests"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    level: Mapped[str] = mapped_column(String(12))
    alone: Mapped[bool] = mapped_column(Boolean)
    trials: Mapped[int] = mapped_column(Integer)
    seed: Mapped[int] = mapped_column(BigInteger)
    sources: Mapped[list[Any]] = mapped_column(default=list)
    slots: Mapped[list[Any]] = mapped_column(default=list)
    note: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[float] = mapped_column(Float, index=True)
    closed: Mapped[float | None] = mapped_column(Float, default=None)


class BlindListener(Base):
    """Somebody who took the test. ``id`` is what their browser shows to go on."""

    __tablename__ = "blind_listeners"
    __table_args__ = (Index("ix_blind_listeners_test", "test_id", "number", unique=True),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    test_id: Mapped[str] = mapped_column(ForeignKey("blind_tests.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(80), default="")
    begun: Mapped[float] = mapped_column(Float)
    finished: Mapped[float | None] = mapped_column(Float, default=None)


class BlindTrial(Base):
    """One trial of one listener: made when it is served, answered once.

    ``hidden``: label → key of the source. ``answer`` is ``{"choice": label}`` or ``{"ratings": {label: 0 to 100}}``.
    """

    __tablename__ = "blind_trials"
    __table_args__ = (Index("ix_blind_trials_listener", "listener_id", "number", unique=True),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    listener_id: Mapped[str] = mapped_column(ForeignKey("blind_listeners.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    slot: Mapped[str] = mapped_column(String(200))
    hidden: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)
    served: Mapped[float] = mapped_column(Float)
    answered: Mapped[float | None] = mapped_column(Float, default=None)


class BlindSound(Base):
    """A sound as one trial gives it out: the opaque name in its address, the source that it is."""

    __tablename__ = "blind_sounds"
    opaque: Mapped[str] = mapped_column(String(64), primary_key=True)
    trial_id: Mapped[str] = mapped_column(ForeignKey("blind_trials.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(String(8))
    key: Mapped[str] = mapped_column(String(8))
    noise: Mapped[int] = mapped_column(BigId)
