"""The worker's part in plans: ask a search for its next trial, stop trials that fall behind, keep the queue fed.

A search has no storage of its own. Its study is made anew from the plan's items whenever something is asked of it, so
that a restart changes nothing: the same items give the same next trial. Optuna is imported when a search wants it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db, plans, plans_feed, reading, runs, words
from app.errors import NotFound
from app.models import Run
from app.tables_plans import Plan, PlanItem
from nashboard.vocabulary import describe
from recipes import compose, space
from recipes.base import BadRecipe, Recipe, flat, nested

log = logging.getLogger("nashboard.worker")
PRUNED = "pruned: "


def tick() -> list[str]:
    """What the clock does for plans: prune, say why of what was pruned, start what there is room for."""
    prune()
    with db.transaction() as session:
        say_why(session)
    return plans_feed.feed(think)


def values_of(session: Session, run_id: str, objective: str) -> list[float]:
    """The values of a run's evaluations so far, in their order; may be non-finite. [] before the first."""
    try:
        return [float(v) for v in reading.whole(session, run_id, objective).value]
    except NotFound:
        return []


def best_of(values: Sequence[float], better: str) -> float | None:
    """The best finite value; None where there is none."""
    finite = [v for v in values if math.isfinite(v)]
    return None if not finite else max(finite) if better == "up" else min(finite)


def distributions(axes: Sequence[space.Axis]) -> dict[str, Any]:
    """The axes of a search as Optuna's distributions, by knob."""
    from optuna import distributions as kinds

    found: dict[str, Any] = {}
    for axis in axes:
        if axis.kind == "choice":
            found[axis.knob] = kinds.CategoricalDistribution(axis.choices)
        elif axis.kind == "int":
            low, high, step = int(axis.low), int(axis.high), int(axis.step or 1)
            found[axis.knob] = kinds.IntDistribution(low, high, log=axis.log, step=step)
        else:
            found[axis.knob] = kinds.FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)
    return found


def study_of(session: Session, search: space.Search, base: Recipe, entries: Sequence[plans.Entry]) -> Any:
    """Optuna's study of a search, from its items and their runs' evaluations; trials are numbered as the items.

    A finished run counts with its best evaluation. A pruned one counts with those that it had. What failed, or has no
    finite value, tells nothing.
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ordered = sorted(entries, key=lambda e: e.item.index)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=search.seed + len(ordered), n_startup_trials=search.startup),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=search.startup, n_warmup_steps=search.warmup + 1),
        direction="maximize" if search.better == "up" else "minimize",
    )
    spaces = distributions(space.axes(search, base))
    for entry in ordered:
        values = values_of(session, entry.run.id, search.objective) if entry.run else []
        best = best_of(values, search.better)
        state, value = TrialState.FAIL, None
        if entry.status in plans.ACTIVE_RUN:
            state = TrialState.RUNNING
        elif entry.status == "pruned":
            state = TrialState.PRUNED
        elif entry.status == "finished" and best is not None:
            state, value = TrialState.COMPLETE, best
        seen = dict(enumerate(values, 1)) if state != TrialState.FAIL else {}
        study.add_trial(
            create_trial(
                state=state, params=entry.item.at, distributions=spaces, value=value, intermediate_values=seen
            )
        )
    return study


def think(session: Session, plan: Plan, entries: Sequence[plans.Entry]) -> PlanItem | None:
    """A search's next item, waiting; None where its trials are all there. One that no recipe can be is refused."""
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError:
        plan.reason = plans_feed.LACKING
        return None
    sheet = plans.sheet_of(plan)
    if sheet.search is None or len(entries) >= sheet.search.trials:
        return None
    base = plans.base_of(sheet)
    study = study_of(session, sheet.search, base, entries)
    params = study.ask(distributions(space.axes(sheet.search, base))).params
    patch = {**sheet.patch, **params}
    index = len(entries)
    item = PlanItem(
        plan_id=plan.id, index=index, place=index, title=f"trial {index + 1}", preset=sheet.preset or "fixed",
        seed=sheet.seed_list[0], patch=patch, at=params, state="waiting", reason="", pruned="", recipe={},
    )  # fmt: skip
    try:
        recipe = compose.build(plan.trainer, item.preset, plan.size, {**patch, "seed": item.seed})
        item.recipe, item.steps = nested(flat(recipe)), plans.total_steps(recipe)
    except BadRecipe as bad:
        item.state, item.reason = "refused", db.clean(str(bad), 2000)
    session.add(item)
    session.flush()
    if item.state == "refused":
        return think(session, plan, plans.entries(session, plan.id))
    return item


def prune() -> list[str]:
    """Ask trials to stop that are behind the median of the finished ones at the same evaluation; their runs' ids."""
    with db.reading() as session:
        live = select(Run.id).where(Run.status == "running", Run.stop.is_(False))
        wanted = select(PlanItem.plan_id).where(PlanItem.pruned == "", PlanItem.run_id.in_(live)).distinct()
        found = session.scalars(select(Plan).where(Plan.kind == "search", Plan.id.in_(wanted))).all()
        behind: list[tuple[str, int, str, str]] = []
        for plan in found:
            behind += _behind(session, plan)
    for plan_id, index, run_id, why in behind:
        with db.transaction() as session:
            item = session.get(PlanItem, (plan_id, index), with_for_update=True)
            run = session.get(Run, run_id, with_for_update=True)
            if item is None or run is None or item.run_id != run_id or run.status != "running":
                continue
            item.pruned = db.clean(why, 2000)
            runs.request_stop(session, run_id)
            run.reason = item.pruned
            log.info("run %s: %s", run_id, why)
    return [run_id for _, _, run_id, _ in behind]


def _behind(session: Session, plan: Plan) -> list[tuple[str, int, str, str]]:
    sheet = plans.sheet_of(plan)
    if sheet.search is None or not sheet.search.prune:
        return []
    entries = sorted(plans.entries(session, plan.id), key=lambda e: e.item.index)
    study = study_of(session, sheet.search, plans.base_of(sheet), entries)
    trials = study.get_trials(deepcopy=False)
    found = []
    for entry, trial in zip(entries, trials, strict=True):
        live = entry.status == "running" and entry.run is not None and not entry.run.stop
        if live and trial.intermediate_values and study.pruner.prune(study, trial):
            assert entry.run is not None
            found.append((plan.id, entry.item.index, entry.run.id, _why(sheet.search, trial, trials)))
    return found


def _why(search: space.Search, trial: Any, trials: Sequence[Any]) -> str:
    """ "pruned: mel 1.9 at evaluation 2 is behind 1.4, the median of 5 finished trials"."""
    at = trial.last_step
    values = list(trial.intermediate_values.values())
    done = [
        t.intermediate_values[at]
        for t in trials
        if t.state.name == "COMPLETE" and at in t.intermediate_values
    ]
    best = best_of(values, search.better)
    row = describe(search.objective)
    shown = "no number" if best is None else words.measured(best, row.unit)
    level = words.measured(float(np.nanmedian(done)), row.unit) if done else "none"
    return (
        f"{PRUNED}{row.title} {shown} by evaluation {at} is behind {level}, the median of "
        f"{words.plural(len(done), 'finished trial')} there"
    )


def say_why(session: Session) -> None:
    """Runs that were pruned say so, whatever their trainer wrote as the reason of its stop."""
    told = (
        select(Run, PlanItem.pruned)
        .join(PlanItem, PlanItem.run_id == Run.id)
        .where(PlanItem.pruned != "", Run.status == "stopped", Run.reason != PlanItem.pruned)
    )
    for run, why in session.execute(told).all():
        run.reason = why
