"""Plans: several runs that are asked for together, kept as a queue that can be put in another order, paused, cancelled.

A plan starts few runs at a time (`app.plans_feed`): as many as there are free slots. So its order is what the workers
follow, a run that is launched by itself need not wait for all of a plan, and what waits can still be changed. How a
launched item goes is its run's status; a plan keeps no copy of it. All state lies in the tables, so a restart of
server or worker goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from app import db, launching, runs, stopping, words
from app.errors import BadInput, Conflict, NotFound
from app.models import Run
from app.tables_plans import Plan, PlanItem
from recipes import compose, plan, space
from recipes.base import BadRecipe, Problem, Recipe, flat, knobs, nested

ACTIVE_RUN = ("queued", "running", "stopping")
AGAIN = ("cancelled", "refused", "stopped", "failed", "lost", "deleted")
STATUSES = ("waiting", *ACTIVE_RUN, "finished", "pruned", *AGAIN)
MOST_PLANS = 1000


@dataclass(frozen=True)
class Entry:
    """An item with its run; ``status`` is one of `STATUSES`."""

    item: PlanItem
    run: Run | None
    status: str

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come of it."""
        return self.status not in ("waiting", *ACTIVE_RUN)


@dataclass(frozen=True)
class Origin:
    """Where a run of a plan comes from: it is the plan's ``number``-th item (from 1) of ``total``."""

    id: str
    name: str
    number: int
    total: int


@dataclass(frozen=True)
class Listed:
    """A plan in a list; ``counts`` are its items by status, ``total`` what it will have in all."""

    plan: Plan
    counts: dict[str, int]
    total: int

    @property
    def done(self) -> int:
        """Items of which nothing more is to come."""
        return sum(n for s, n in self.counts.items() if s not in ("waiting", *ACTIVE_RUN))


def drawn(values: Mapping[str, Any] | str = "", shipped: str = "", **changes: Any) -> plan.Sheet:
    """The sheet that is asked for: a mapping, a text of YAML or JSON, or a shipped one by name; with ``changes`` of its
    own lines (size, seeds, title, …), where they are not None. Raises `BadRecipe`.
    """
    if bool(values) == bool(shipped):
        raise BadRecipe([Problem("plan", None, "give a plan or the name of a shipped one, and not both")])
    if shipped:
        sheet = plan.shipped_one(shipped).sheet
    else:
        sheet = plan.read(values) if isinstance(values, str) else plan.of(values)
    told = {k: v for k, v in changes.items() if v is not None}
    return plan.of({**sheet.model_dump(exclude_unset=True), **told}) if told else sheet


def base_of(sheet: plan.Sheet) -> Recipe:
    """The recipe of a search that its trials are patches of. Raises `BadRecipe`."""
    patch = {**sheet.patch, "seed": sheet.seed_list[0]}
    return compose.build(sheet.trainer, sheet.preset or "fixed", sheet.size, patch)


def checked(sheet: plan.Sheet, device: str = "auto") -> plan.Made:
    """The items of a sheet; of a search none. Raises `BadRecipe` or `BrokerDown` where it could not be started."""
    stopping.check(sheet.stop_on)
    if sheet.search is not None:
        recipe = base_of(sheet)
        made = plan.Made((), tuple(a.knob for a in space.axes(sheet.search, recipe)), 0)
        recipes = [recipe]
    else:
        made = plan.make(sheet)
        recipes = [item.recipe for item in made.items]
    wrong: dict[tuple[str, str], Problem] = {}
    paths = [k.name for k in knobs(recipes[0]) if k.path]
    seen = set()
    for recipe in recipes:
        values = flat(recipe)
        key = tuple(values[p] for p in paths)
        if key in seen:  # a folder is walked once, not once an item
            continue
        seen.add(key)
        try:
            launching.check(recipe, device)
        except BadRecipe as bad:
            wrong |= {(p.knob, p.message): p for p in bad.problems}
    if wrong:
        raise BadRecipe(wrong.values())
    return made


def create(
    session: Session,
    sheet: plan.Sheet,
    *,
    name: str = "",
    project: str = "default",
    device: str = "auto",
    tags: Sequence[str] = (),
    paused: bool = False,
) -> Plan:
    """Make a plan with its items; nothing starts before the transaction is committed (`plans_feed.feed`).

    Raises:
        BadRecipe: an item, or the device, cannot be. Then nothing was made.
        BrokerDown: nobody could be told.
    """
    made = checked(sheet, device)
    found = Plan(
        id=runs.new_id(),
        name=db.clean(name or sheet.title or f"{sheet.trainer} plan", 200),
        kind="search" if sheet.search is not None else "plan",
        trainer=sheet.trainer,
        size=sheet.size,
        device=device,
        project=db.clean(project or "default", 200),
        tags=runs.check_tags(tags),
        sheet=sheet.model_dump(mode="json"),
        varied=list(made.varied),
        state="paused" if paused else "running",
        reason="",
        created=time.time(),
    )
    session.add(found)
    session.flush()
    for index, item in enumerate(made.items):
        session.add(
            PlanItem(
                plan_id=found.id,
                index=index,
                place=index,
                title=db.clean(item.title, 200),
                preset=item.preset,
                seed=item.seed,
                patch=item.patch,
                at=item.at,
                steps=total_steps(item.recipe),
                recipe=nested(flat(item.recipe)),
                state="waiting",
                reason="",
                pruned="",
            )
        )
    session.flush()
    return found


def total_steps(recipe: Recipe) -> int | None:
    """Generator updates that a recipe asks for, where it says."""
    found = getattr(getattr(recipe, "trainer", None), "total_steps", None)
    return None if found is None else int(found)


def sheet_of(found: Plan) -> plan.Sheet:
    """What was asked for. Raises `BadRecipe` for a plan of another version."""
    return plan.of(found.sheet)


def get(session: Session, plan_id: str, *, lock: bool = False) -> Plan:
    """A plan by its id; ``lock``: until the transaction ends. Raises `NotFound`."""
    found = session.get(Plan, plan_id, with_for_update=lock or None) if runs.ID.fullmatch(plan_id) else None
    if found is None:
        raise NotFound(f"there is no plan {plan_id!r:.80} here", code="unknown_plan")
    return found


def status_of(item: PlanItem, run_status: str | None) -> str:
    """One of `STATUSES` for an item and the status of its run, None where there is none."""
    if item.state != "launched":
        return item.state
    if run_status is None:
        return "deleted"
    return "pruned" if item.pruned and run_status == "stopped" else run_status


def entries(session: Session, plan_id: str) -> list[Entry]:
    """The items of a plan in the order of its queue, with their runs; one query."""
    wanted = (
        select(PlanItem, Run)
        .outerjoin(Run, Run.id == PlanItem.run_id)
        .where(PlanItem.plan_id == plan_id)
        .order_by(PlanItem.place, PlanItem.index)
    )
    return [Entry(i, r, status_of(i, r.status if r else None)) for i, r in session.execute(wanted)]


def of_run(session: Session, run_id: str) -> Origin | None:
    """The plan that made a run; None for a run that no plan did. One query."""
    total = select(func.count()).where(PlanItem.plan_id == Plan.id).correlate(Plan).scalar_subquery()
    wanted = select(Plan, PlanItem.index, total).join(PlanItem, PlanItem.plan_id == Plan.id)
    found = session.execute(wanted.where(PlanItem.run_id == run_id)).first()
    return (
        None
        if found is None
        else Origin(found[0].id, found[0].name, found[1] + 1, total_of(found[0], found[2]))
    )


def listing(session: Session, limit: int = 100, only: ColumnElement[bool] | None = None) -> list[Listed]:
    """Plans with their counts, the newest first; two queries."""
    wanted = select(Plan).order_by(Plan.created.desc(), Plan.id).limit(limit)
    found = list(session.scalars(wanted if only is None else wanted.where(only)))
    marked = PlanItem.pruned != literal_column("''")
    grouped = (
        select(PlanItem.plan_id, PlanItem.state, marked, Run.status, func.count())
        .outerjoin(Run, Run.id == PlanItem.run_id)
        .where(PlanItem.plan_id.in_([p.id for p in found]))
        .group_by(PlanItem.plan_id, PlanItem.state, marked, Run.status)
    )
    counts: dict[str, dict[str, int]] = {p.id: {} for p in found}
    for plan_id, state, pruned, run_status, many in session.execute(grouped):
        status = state if state != "launched" else run_status or "deleted"
        status = "pruned" if pruned and status == "stopped" else status
        counts[plan_id][status] = counts[plan_id].get(status, 0) + many
    return [Listed(p, counts[p.id], total_of(p, sum(counts[p.id].values()))) for p in found]


def total_of(found: Plan, items: int) -> int:
    """How many runs a plan has in all; a search adds its own as it goes."""
    search = found.sheet.get("search") or {}
    return max(items, int(search.get("trials") or 0)) if found.state != "cancelled" else items


def pause(session: Session, plan_id: str, paused: bool = True) -> Plan:
    """Start nothing more of a plan, or go on; what runs already is left alone. Raises `Conflict` where it is over."""
    found = get(session, plan_id, lock=True)
    if found.state not in ("running", "paused"):
        raise Conflict(f"plan {found.id} is {found.state}; nothing of it waits any more", code="ended")
    found.state, found.reason = ("paused" if paused else "running"), ""
    return found


def cancel(
    session: Session, plan_id: str, indexes: Sequence[int] | None = None, *, stop: bool = True
) -> Plan:
    """Cancel items by their index, or the whole plan for None.

    What waits never starts; what runs is asked to stop, unless ``stop`` is False. Items that are over stay as they are.

    Raises:
        BadInput: no such item.
    """
    found = get(session, plan_id, lock=True)
    listed = entries(session, plan_id)
    chosen = _chosen(listed, indexes)
    for entry in chosen:
        if entry.status == "waiting":
            entry.item.state, entry.item.reason = "cancelled", ""
        elif stop and entry.run is not None and entry.status in ("queued", "running"):
            launching.stop(session, entry.run.id)
    if indexes is None and found.state in ("running", "paused"):
        found.state, found.ended, found.reason = "cancelled", time.time(), ""
    return found


def reorder(session: Session, plan_id: str, indexes: Sequence[int]) -> Plan:
    """Have these waiting items start first, in this order; the others follow in theirs.

    Raises:
        Conflict: one of them does not wait any more.
        BadInput: no such item, or one is named twice.
    """
    found = get(session, plan_id, lock=True)
    if len(set(indexes)) < len(indexes):
        raise BadInput("an item is named twice in the order", field="items")
    listed = entries(session, plan_id)
    first = _chosen(listed, indexes)
    late = next((e for e in first if e.status != "waiting"), None)
    if late is not None:
        raise Conflict(
            f"item {late.item.index + 1} is {late.status}; only waiting items can be moved", code="started"
        )
    waiting = [e for e in listed if e.status == "waiting"]
    by_index = {e.item.index: e for e in first}
    order = [*(by_index[i] for i in indexes), *(e for e in waiting if e.item.index not in by_index)]
    places = sorted(e.item.place for e in waiting)
    for place, entry in zip(places, order, strict=True):
        entry.item.place = place
    return found


def again(session: Session, plan_id: str, indexes: Sequence[int]) -> Plan:
    """Put items that did not finish back into the queue, at its end; their old runs stay, outside of the plan.

    Raises:
        Conflict: the plan is a search, or an item has finished or is still going.
    """
    found = get(session, plan_id, lock=True)
    if found.kind == "search":
        raise Conflict("a search goes on by new trials; none is run again", code="search")
    listed = entries(session, plan_id)
    place = max((e.item.place for e in listed), default=0)
    for entry in _chosen(listed, indexes):
        if entry.status not in AGAIN:
            raise Conflict(
                f"item {entry.item.index + 1} is {entry.status}; it needs no second start", code="status"
            )
        place += 1
        entry.item.state, entry.item.run_id, entry.item.place = "waiting", None, place
        entry.item.reason, entry.item.pruned = "", ""
    if found.state in ("finished", "cancelled"):
        found.state, found.ended = "running", None
    return found


def remove(session: Session, plan_id: str) -> None:
    """Forget a plan; its runs stay. Raises `Conflict` while something of it waits or runs."""
    found = get(session, plan_id, lock=True)
    if found.state in ("running", "paused"):
        raise Conflict(f"plan {found.id} is {found.state}; cancel it first", code="active")
    session.delete(found)


def _chosen(listed: Sequence[Entry], indexes: Sequence[int] | None) -> list[Entry]:
    if indexes is None:
        return list(listed)
    by_index = {e.item.index: e for e in listed}
    for index in indexes:
        if index not in by_index:
            raise BadInput(
                f"the plan has no item {index}; they go from 0 to {len(by_index) - 1}", field="items"
            )
    return [by_index[i] for i in dict.fromkeys(indexes)]


def settle(session: Session, found: Plan, listed: Sequence[Entry]) -> bool:
    """Whether a plan is over; it is marked so."""
    if found.state in ("running", "paused") and all(e.ended for e in listed):
        if len(listed) < total_of(found, len(listed)):
            return False
        found.state, found.reason = "finished", ""
        found.ended = max((e.run.ended or 0.0 for e in listed if e.run), default=0.0) or time.time()
    return found.state in ("finished", "cancelled")


def name_of(item: PlanItem, varied: Sequence[str]) -> str:
    """The name of an item's run: its title, or what it varies, and its seed."""
    told = ", ".join(
        f"{name.rsplit('.', 1)[-1]} {words.knob(value) or 'none'}" if name != "preset" else str(value)
        for name, value in item.at.items()
        if name in varied
    )
    return f"{item.title or told or item.preset} s{item.seed}"
