"""Launching: every way in which a run starts or ends by page and API.

A launch is validated whole before anything is made, the run is queued in the caller's transaction, and its
message leaves after the commit. Nothing is ever half made: bad input raises `BadRecipe` before the first row,
and a broker that is down raises `errors.BrokerDown` (503) before the first row too.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import dataroots, db, dispatch, errors, runs, stopping
from app.models import Checkpoint, Lease, Run
from app.settings import get_settings
from nashboard import events
from recipes import TRAINERS, compose
from recipes.base import BadRecipe, Problem, Recipe, flat, nested, patched
from recipes.registry import load

DEVICE = re.compile(r"auto|cpu|cuda:\d{1,3}")
PAIR = ("old", "fixed")
LEASE_S = 60.0


def launch(
    session: Session,
    trainer: str,
    *,
    preset: str = "fixed",
    size: str = "tiny",
    patch: Mapping[str, Any] | None = None,
    name: str = "",
    project: str = "default",
    group: str = "",
    parent: str | None = None,
    resume: str | None = None,
    device: str = "auto",
    tags: Sequence[str] = (),
    treats: str | None = None,
    stop_on: Sequence[str] = (),
) -> Run:
    """Queue one run. Raises `BadRecipe` (problems by knob) or `errors.BrokerDown`; then nothing was made."""
    recipe = compose.build(trainer, preset, size, dict(patch or {}))
    stops = stopping.check(stop_on)
    check(recipe, device)
    return _queue(
        session, recipe, name=name, project=project, group=group, parent=parent, resume=resume, device=device,
        tags=tags, treats=treats, stop_on=stops,
    )  # fmt: skip


def launch_pair(
    session: Session,
    trainer: str,
    presets: Sequence[str] = PAIR,
    *,
    size: str = "tiny",
    patch: Mapping[str, Any] | None = None,
    sides: Mapping[str, Mapping[str, Any]] | None = None,
    name: str = "",
    project: str = "default",
    device: str = "auto",
    tags: Sequence[str] = (),
    stop_on: Sequence[str] = (),
) -> list[Run]:
    """Queue runs of several presets with the same seed, data and evaluation set, in one group.

    ``patch`` holds for all, ``sides[preset]`` for one alone. Data and seed are the first preset's with the
    patch. All are validated before the first is made; raises as `launch` does.
    """
    if len(presets) < 2:
        raise BadRecipe([Problem("presets", list(presets), "a pair needs two presets")])
    if len(set(presets)) < len(presets):
        raise BadRecipe(
            [Problem("presets", list(presets), "a preset stands here twice; choose different ones")]
        )
    patch, sides = dict(patch or {}), sides or {}
    _check_sides(sides, presets)
    first = compose.build(trainer, presets[0], size, {**patch, **sides.get(presets[0], {})})
    shared = {k: v for k, v in flat(first).items() if _shared(k)}
    others = [compose.build(trainer, p, size, {**patch, **sides.get(p, {}), **shared}) for p in presets[1:]]
    recipes = [first, *others]
    stops = stopping.check(stop_on)
    for recipe in recipes:
        check(recipe, device)
    group = uuid.uuid4().hex[:12]
    return [
        _queue(
            session,
            recipe,
            name=f"{name} {preset}" if name else "",
            project=project,
            group=group,
            device=device,
            tags=tags,
            stop_on=stops,
        )
        for preset, recipe in zip(presets, recipes, strict=True)
    ]


def _shared(knob: str) -> bool:
    return knob == "seed" or knob.startswith("data.")


def _check_sides(sides: Mapping[str, Mapping[str, Any]], presets: Sequence[str]) -> None:
    wrong = [
        Problem("sides", p, f"{p!r} is none of the presets {', '.join(presets)}")
        for p in sides
        if p not in presets
    ]
    for own in sides.values():
        text = "the runs of a pair share seed and data; change it for both"
        wrong += [Problem(knob, value, text) for knob, value in own.items() if _shared(knob)]
    if wrong:
        raise BadRecipe(wrong)


def start(
    session: Session, recipe: Recipe, *, name: str, project: str, group: str, device: str, tags: Sequence[str],
    stop_on: Sequence[str] = (),
) -> Run:  # fmt: skip
    """Queue a run of a recipe that is built already, as `launch` does and with its errors."""
    check(recipe, device)
    stops = stopping.check(stop_on)
    return _queue(
        session, recipe, name=name, project=project, group=group, device=device, tags=tags, treats=None, stop_on=stops,
    )  # fmt: skip


def stop(session: Session, run_id: str) -> Run:
    """Ask a run to stop. A queued run that no worker has taken stops at once; an ended one is left alone."""
    run = runs.get(session, run_id, lock=True)
    if run.status == "queued" and session.scalar(select(Lease).where(Lease.run_id == run.id)) is not None:
        runs.set_status(session, run, "stopping")  # its trainer is starting: the worker sees to it
        return run
    if run.status in events.ENDED and run.status != "lost":
        return run
    return runs.request_stop(session, run.id)


def resume(session: Session, run_id: str) -> Run:
    """Queue an ended run again, to go on from its last checkpoint on the host that holds it.

    Raises `errors.Conflict` for a run that is not over, whose trainer still lives, or that left nothing to
    go on from.
    """
    run = runs.get(session, run_id, lock=True)
    if run.status not in events.ENDED:
        raise errors.Conflict(f"run {run.id} is {run.status}; only a run that ended can be resumed")
    if run.status == "finished":
        raise errors.Conflict(
            f"run {run.id} has finished its steps; fork it from its last checkpoint with more of them"
        )
    if not run.trainer or run.trainer not in TRAINERS:
        raise errors.Conflict(
            f"run {run.id} was not started by Nashboard, so its trainer is unknown; start it again by hand"
        )
    lease = session.scalar(select(Lease).where(Lease.run_id == run.id))
    if run.status == "lost" and lease is not None and lease.renewed > time.time() - LEASE_S:
        raise errors.Conflict(f"run {run.id} still has a trainer on {lease.slot}; stop it first")
    last = _last_checkpoint(session, run.id)
    if last is None and run.next_seq > 0:
        raise errors.Conflict(
            f"run {run.id} left no checkpoint to go on from; fork it to start anew with the same recipe"
        )
    _broker()
    run.device = "cpu" if run.device == "cpu" else "auto"
    run.resume = run.run_dir if last is not None else ""
    host = run.host if last is not None else ""
    words = [f"resumes from step {last.step}"] if last else []
    if host and host not in {w["host"] for w in dispatch.workers(get_settings().redis_url)}:
        words.append(f"waits for a worker on {host}, which holds its checkpoint")
    runs.set_status(session, run, "queued", "; ".join(words))
    _send_after_commit(session, run, host)
    return run


def fork(
    session: Session,
    run_id: str,
    patch: Mapping[str, Any] | None = None,
    from_checkpoint: int | None = None,
    *,
    name: str = "",
    treats: str | None = None,
    device: str = "auto",
    stop_on: Sequence[str] | None = None,
) -> Run:
    """Queue a new run with this run's recipe and the patch; from its start, or from one of its checkpoints.

    Without ``stop_on`` it is stopped for the same rules as its parent.

    Raises `BadRecipe` for a patch that does not fit, `errors.NotFound` for a checkpoint that is gone.
    """
    parent = runs.get(session, run_id)
    recipe = recipe_of(parent, patch)
    if stop_on is None:
        stop_on = stopping.codes_of(session, [parent.id]).get(parent.id, [])
    stops = stopping.check(stop_on)
    check(recipe, device)
    start = None
    if from_checkpoint is not None:
        start = session.get(Checkpoint, from_checkpoint) if 0 <= from_checkpoint < 2**53 else None
        if start is None or start.run_id != parent.id or not start.present:
            raise errors.NotFound(f"run {parent.id} has no checkpoint {from_checkpoint}")
        _check_left(recipe, start.step)
    run = _queue(
        session,
        recipe,
        name=name or f"{parent.name or parent.id} fork",
        project=parent.project,
        parent=parent.id,
        resume=start.path if start else None,
        host=parent.host if start else "",
        device=device,
        tags=parent.tags,
        treats=treats,
        stop_on=stops,
        since=start.step if start else None,
    )
    if start:
        chore = (dispatch.PIN, [start.path, run.id], dispatch.chores_queue(parent.host))
        db.after_commit(session, partial(_chore, *chore))
    return run


def demo(session: Session) -> list[Run]:
    """Queue the demo pair if the installation has no run at all; else []."""
    if session.scalar(select(Run.id).limit(1)) is not None:
        return []
    return launch_pair(session, "codec", name="demo", project="demo", tags=["demo"])


def recipe_of(run: Run, patch: Mapping[str, Any] | None = None) -> Recipe:
    """A run's recipe with a patch. Raises `errors.Conflict` where it has none, or `BadRecipe`."""
    if run.trainer not in TRAINERS or not run.recipe:
        raise errors.Conflict(f"run {run.id} has no recipe that a trainer here knows")
    return patched(load(run.trainer, run.recipe), dict(patch or {}))


def check(recipe: Recipe, device: str) -> None:
    """Raise `BadRecipe` or `errors.BrokerDown` where such a run could not be queued."""
    if not DEVICE.fullmatch(device):
        raise BadRecipe([Problem("device", device, f"{device!r} is none of auto, cpu, cuda:N")])
    dataroots.check(recipe, get_settings().data_roots)
    _broker()
    if device.startswith("cuda"):
        slots = sorted({s for worker in dispatch.workers(get_settings().redis_url) for s in worker["slots"]})
        if slots and device not in slots:
            gpus = [s for s in slots if s.startswith("cuda")]
            have = f"there are {', '.join(gpus)}" if gpus else "no worker has a GPU; take auto or cpu"
            raise BadRecipe([Problem("device", device, f"no worker has {device}: {have}")])


def _check_left(recipe: Recipe, step: int) -> None:
    """Raise `BadRecipe` where a checkpoint at ``step`` leaves nothing to do."""
    total = getattr(getattr(recipe, "trainer", None), "total_steps", None)
    if total is not None and total <= step:
        knob = "trainer.max_steps"
        text = (
            f"the checkpoint is at step {step} and the run would end at step {total}; set {knob} above {step}"
        )
        raise BadRecipe([Problem(knob, flat(recipe).get(knob), text)])


def _broker() -> None:
    try:
        dispatch.check(get_settings().redis_url)
    except dispatch.BrokerDown as problem:
        raise errors.BrokerDown(str(problem)) from None


def _queue(
    session: Session, recipe: Recipe, *, name: str, project: str, group: str = "", parent: str | None = None,
    resume: str | None = None, device: str, tags: Sequence[str], treats: str | None = None, host: str = "",
    stop_on: Sequence[str] = (), since: int | None = None,
) -> Run:  # fmt: skip
    run = runs.create(
        session,
        name=name or f"{recipe.name} {recipe.preset}",
        project=project or "default",
        trainer=recipe.name,
        preset=recipe.preset,
        size=recipe.size,
        seed=recipe.seed,
        recipe=nested(flat(recipe)),
        tags=list(tags),
        group=group,
        parent=parent,
        treats=treats,
        resume=resume or "",
        device=device,
        host=host,
        status="queued",
    )
    stopping.keep(session, run.id, stop_on, since)
    _send_after_commit(session, run, host)
    return run


def _send_after_commit(session: Session, run: Run, host: str) -> None:
    run.task = uuid.uuid4().hex
    db.after_commit(session, partial(_send, run.id, run.task, dispatch.queue_for(run.device or "auto", host)))


def _send(run_id: str, task: str, queue: str) -> None:
    """The message leaves; a broker that died since it was checked fails the run: none waits for ever."""
    try:
        dispatch.send(get_settings().redis_url, dispatch.TRAIN, [run_id], queue, task)
    except dispatch.BrokerDown as problem:
        with db.transaction() as session:
            run = runs.get(session, run_id)
            if run.status == "queued":
                runs.set_status(session, run, "failed", f"it could not be queued: {problem}")
        raise errors.BrokerDown(str(problem)) from None


def _chore(task: str, args: list[Any], queue: str) -> None:
    try:
        dispatch.send(get_settings().redis_url, task, args, queue)
    except dispatch.BrokerDown as problem:
        raise errors.BrokerDown(str(problem)) from None


def _last_checkpoint(session: Session, run_id: str) -> Checkpoint | None:
    query = (
        select(Checkpoint)
        .where(Checkpoint.run_id == run_id, Checkpoint.present)
        .order_by(Checkpoint.step.desc())
    )
    return session.scalars(query).first()
