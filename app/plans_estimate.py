"""How long a plan will take: seconds a step of earlier runs of the same trainer and size on the same kind of device."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app import dispatch, plans, plans_feed, words
from app.models import Run
from app.settings import get_settings
from app.tables_plans import Plan
from recipes import plan as papers

MOST_RUNS = 200


@dataclass(frozen=True)
class Estimate:
    """``seconds`` for all that is left, ``slots`` at a time; None where no earlier run tells. ``text`` says it."""

    seconds: float | None
    slots: int
    runs: int
    text: str


@dataclass(frozen=True)
class Pace:
    """Seconds a step: the median of each preset's earlier runs, and of all of them; ``runs`` are how many there were."""

    by_preset: Mapping[str, float]
    all: float | None
    runs: int
    kind: str

    def of(self, preset: str) -> float | None:
        return self.by_preset.get(preset, self.all)


def workers() -> list[dict[str, Any]]:
    """The training workers that are there; none where the broker does not answer."""
    try:
        return dispatch.workers(get_settings().redis_url)
    except dispatch.BrokerDown:
        return []


def kind_of(device: str, there: Sequence[dict[str, Any]]) -> str:
    """``cpu`` or ``GPU``: where runs for a device would go."""
    if device != "auto":
        return "cpu" if device == "cpu" else "GPU"
    slots = plans_feed.slots_for(there, device)
    return "GPU" if any("/cuda" in slot for slot in slots) else "cpu"


def pace(session: Session, trainer: str, size: str, kind: str) -> Pace:
    """The pace of finished runs; those that were resumed are left out, their time has a hole. One query."""
    where = (
        Run.device.startswith("cuda")
        if kind == "GPU"
        else or_(Run.device == "cpu", Run.device.startswith("cpu"))
    )
    rows = session.execute(
        select(Run.preset, Run.started, Run.ended, Run.last_step)
        .where(
            Run.status == "finished",
            Run.trainer == trainer,
            Run.size == size,
            Run.last_step > 0,
            Run.resume == "",
            where,
        )
        .order_by(Run.ended.desc())
        .limit(MOST_RUNS)
    ).all()
    found: dict[str, list[float]] = {}
    for preset, started, ended, steps in rows:
        if started and ended and steps and ended > started:
            found.setdefault(preset, []).append((ended - started) / steps)
    every = [v for some in found.values() for v in some]
    medians = {preset: statistics.median(v) for preset, v in found.items()}
    return Pace(medians, statistics.median(every) if every else None, len(every), kind)


def of_sheet(session: Session, sheet: papers.Sheet, made: papers.Made, device: str) -> Estimate:
    """For a plan that was not made yet; of a search the most that it can be, as pruned trials end early."""
    there = workers()
    if sheet.search is not None:
        steps = plans.total_steps(plans.base_of(sheet))
        jobs = [(sheet.preset or "fixed", steps)] * sheet.search.trials
    else:
        jobs = [(item.preset, plans.total_steps(item.recipe)) for item in made.items]
    known = pace(session, sheet.trainer, sheet.size, kind_of(device, there))
    slots = len(plans_feed.slots_for(there, device))
    return _told(known, jobs, slots, sheet.trainer, sheet.size, at_most=sheet.search is not None)


def of_jobs(
    session: Session, trainer: str, size: str, device: str, jobs: Sequence[tuple[str, int | None]]
) -> Estimate:
    """For runs of (preset, steps) each."""
    there = workers()
    slots = len(plans_feed.slots_for(there, device))
    return _told(
        pace(session, trainer, size, kind_of(device, there)), jobs, slots, trainer, size, at_most=False
    )


def of_plan(session: Session, plan: Plan, entries: Sequence[plans.Entry]) -> Estimate | None:
    """For what is left of a plan; None where nothing is."""
    there = workers()
    jobs = []
    for entry in entries:
        if entry.status == "waiting" or entry.status in plans.ACTIVE_RUN:
            done = (entry.run.last_step or 0) if entry.run is not None else 0
            jobs.append(
                (entry.item.preset, None if entry.item.steps is None else max(0, entry.item.steps - done))
            )
    search = plan.sheet.get("search")
    if search and plan.state != "cancelled":
        sheet = plans.sheet_of(plan)
        left = max(0, int(search.get("trials") or 0) - len(entries))
        jobs += [(sheet.preset or "fixed", plans.total_steps(plans.base_of(sheet)))] * left
    if not jobs:
        return None
    known = pace(session, plan.trainer, plan.size, kind_of(plan.device, there))
    slots = len(plans_feed.slots_for(there, plan.device))
    return _told(known, jobs, slots, plan.trainer, plan.size, at_most=bool(search))


def _told(
    known: Pace, jobs: Sequence[tuple[str, int | None]], slots: int, trainer: str, size: str, *, at_most: bool
) -> Estimate:
    where = f"{trainer} at {size} on {'a GPU' if known.kind == 'GPU' else 'a CPU'}"
    times = []
    for preset, steps in jobs:
        each = known.of(preset)
        if each is None or steps is None:
            return Estimate(None, slots, known.runs, f"no earlier run of {where} to estimate from")
        times.append(each * steps)
    seconds = max([sum(times) / max(1, slots), *times], default=0.0)
    text = (
        f"{'at most ' if at_most else ''}about {words.duration(seconds)} with {max(1, slots)} at a time, by "
        f"{words.plural(known.runs, 'earlier run')} of {where}"
    )
    return Estimate(seconds, slots, known.runs, text)
