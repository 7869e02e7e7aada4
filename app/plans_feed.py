"""Feeding the queue from plans: an item starts when a slot is free for it, the earliest plan's first item first.

Called after a plan was made or changed, when a trainer has ended, and every few seconds by the chores worker. Several
callers at once do no harm: the plans' rows are locked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, undefer

from app import db, dispatch, launching, plans
from app.errors import Problem
from app.models import Lease, Run
from app.settings import get_settings
from app.tables_plans import Plan, PlanItem
from recipes.base import BadRecipe
from recipes.registry import load

log = logging.getLogger("nashboard.plans")
NOBODY = "no training worker for {device} has been heard"
LACKING = "Optuna is not installed where the chores worker runs: pip install optuna"
FULL = "every slot is taken by other runs, or by plans that were made before"

Think = Callable[[Session, Plan, Sequence[plans.Entry]], PlanItem | None]
"""Makes a search's next item, waiting; None where there is none to make."""


def fits(slot: str, auto: bool, wish: str) -> bool:
    """Whether a run that wants ``auto``, ``cpu`` or ``cuda:N`` may take a worker's slot."""
    if wish == "auto":
        return auto
    return wish == slot or (wish == "cpu" and slot.startswith("cpu"))


def slots_for(workers: Sequence[dict[str, Any]], device: str) -> set[str]:
    """Names, ``host/slot``, of the slots of these workers that a device's runs may take."""
    return {
        f"{w['host']}/{slot}"
        for w in workers
        for slot in w["slots"]
        if fits(slot, w.get("auto", True), device)
    }


def room(session: Session, workers: Sequence[dict[str, Any]], device: str) -> int:
    """How many runs for a device would start at once: free slots, less the runs that wait for such a slot already."""
    mine = slots_for(workers, device)
    taken = set(session.scalars(select(Lease.slot)))
    queued = session.scalars(
        select(Run.device).where(Run.status == "queued", Run.id.not_in(select(Lease.run_id)))
    )
    ahead = sum(bool(mine & slots_for(workers, wish or "auto")) for wish in queued)
    return max(0, len(mine - taken) - ahead)


def feed(think: Think | None = None) -> list[str]:
    """Start what there is room for; the ids of the runs. ``think`` is given where searches can be asked.

    Raises `dispatch.BrokerDown` where nobody can be told; then nothing was started.
    """
    with db.reading() as session:
        if session.scalar(select(Plan.id).where(Plan.state.in_(("running", "paused"))).limit(1)) is None:
            return []
    try:
        workers = dispatch.workers(get_settings().redis_url)
    except dispatch.BrokerDown as problem:
        with db.transaction() as session:
            session.execute(
                update(Plan).where(Plan.state == "running").values(reason=db.clean(str(problem), 2000))
            )
        raise
    started: list[str] = []
    with db.transaction() as session:
        wanted = select(Plan).where(Plan.state.in_(("running", "paused"))).order_by(Plan.created, Plan.id)
        for plan in session.scalars(wanted.with_for_update()).all():
            listed = plans.entries(session, plan.id)
            if plans.settle(session, plan, listed) or plan.state == "paused":
                continue
            if think is None and _thinks(plan, listed, workers):
                break  # its turn: nothing that was made later takes the slot before the chores worker has asked it
            started += _from(session, plan, listed, workers, think)
    return started


def _thinks(plan: Plan, listed: Sequence[plans.Entry], workers: Sequence[dict[str, Any]]) -> bool:
    """Whether a search has trials to think of, a slot to run them on, and somebody who can."""
    left = plan.kind == "search" and len(listed) < plans.total_of(plan, len(listed))
    return left and plan.reason != LACKING and bool(slots_for(workers, plan.device))


def _from(
    session: Session,
    plan: Plan,
    listed: Sequence[plans.Entry],
    workers: Sequence[dict[str, Any]],
    think: Think | None,
) -> list[str]:
    """Start what there is room for of one plan; what cannot start is refused, and the next has its turn."""
    if not slots_for(workers, plan.device):
        plan.reason = NOBODY.format(device=plan.device)
        return []
    plan.reason = ""
    waiting = [e.item for e in listed if e.status == "waiting"]
    started: list[str] = []
    while room(session, workers, plan.device) > 0:
        item = waiting.pop(0) if waiting else None
        if item is None and plan.kind == "search" and think is not None:
            item = think(session, plan, plans.entries(session, plan.id))
        if item is None:
            break
        run = _start(session, plan, item)
        if run is not None:
            started.append(run.id)
    if not started and not any(e.status in plans.ACTIVE_RUN for e in listed) and not plan.reason:
        plan.reason = FULL
    return started


def _start(session: Session, plan: Plan, item: PlanItem) -> Run | None:
    stored = session.scalars(
        select(PlanItem)
        .where(PlanItem.plan_id == plan.id, PlanItem.index == item.index)
        .options(undefer(PlanItem.recipe))
        .execution_options(populate_existing=False)
    ).one()
    try:
        with session.begin_nested():
            run = launching.start(
                session,
                load(plan.trainer, stored.recipe),
                name=plans.name_of(item, plan.varied),
                project=plan.project,
                group=plan.id,
                device=plan.device,
                tags=plan.tags,
                stop_on=plan.sheet.get("stop_on") or (),
            )
    except BadRecipe as bad:
        item.state, item.reason = "refused", db.clean(str(bad), 2000)
        return None
    item.state, item.run_id = "launched", run.id
    session.flush()
    return run


def try_feed(think: Think | None = None) -> list[str]:
    """As `feed`; trouble is logged, and the next turn tries again."""
    try:
        return feed(think)
    except (dispatch.BrokerDown, SQLAlchemyError, Problem, OSError) as problem:
        log.warning("plans wait: %s", problem)
        return []


def soon(session: Session) -> None:
    """Feed once this transaction is committed."""
    db.after_commit(session, try_feed)
