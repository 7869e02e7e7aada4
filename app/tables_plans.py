"""The tables of plans: several runs that were asked for together, and what became of each (`app.plans`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models import Base


class Plan(Base):
    """A list of runs to make, or a search that thinks of them as it goes.

    ``sheet`` is what was asked for, as `recipes.plan.Sheet` wrote it. ``state``: running, paused, finished or cancelled.
    ``reason`` says why nothing is started at the moment, "" where nothing hinders.
    """

    __tablename__ = "plans"
    __table_args__ = (Index("ix_plans_state", "state"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(12))
    trainer: Mapped[str] = mapped_column(String(40))
    size: Mapped[str] = mapped_column(String(20))
    device: Mapped[str] = mapped_column(String(40), default="auto")
    project: Mapped[str] = mapped_column(String(200), default="default")
    tags: Mapped[list[str]] = mapped_column(default=list)
    sheet: Mapped[dict[str, Any]] = mapped_column(default=dict)
    varied: Mapped[list[str]] = mapped_column(default=list)
    state: Mapped[str] = mapped_column(String(12), default="running")
    reason: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[float] = mapped_column(Float)
    ended: Mapped[float | None] = mapped_column(Float, default=None)


class PlanItem(Base):
    """One run of a plan. ``place`` is its turn in the queue, ``at`` its value on each varied knob.

    ``state``: waiting, launched, cancelled or refused (its recipe could not be started, ``reason`` says why). How a
    launched one goes is its run's status; where the run was deleted ``run_id`` is None. ``pruned`` is why a search
    gave it up. ``recipe`` is what was validated when the plan was made, and what runs.
    """

    __tablename__ = "plan_items"
    __table_args__ = (
        Index("ix_plan_items_run", "run_id"),
        Index("ix_plan_items_place", "plan_id", "state", "place"),
    )
    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True)
    index: Mapped[int] = mapped_column("idx", Integer, primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200), default="")
    preset: Mapped[str] = mapped_column(String(80))
    seed: Mapped[int] = mapped_column(BigInteger)
    patch: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[dict[str, Any]] = mapped_column("at_values", default=dict)
    steps: Mapped[int | None] = mapped_column(BigInteger, default=None)
    recipe: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    reason: Mapped[str] = mapped_column(Text, default="")
    pruned: Mapped[str] = mapped_column(Text, default="")
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), default=None)
