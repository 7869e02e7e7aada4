"""One run from request to exit status: where it lives, what it goes on from, how it ends."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from nashboard import events, journal
from nashboard.reporter import Reporter, new_id
from recipes.base import Recipe, flat, knobs, patched
from recipes.command import quoted
from recipes.compose import Request
from recipes.registry import load as load_recipe
from trainers.kit import checkpoints, launch, member, processes, together
from trainers.kit.checkpoints import Checkpoint, Keeper
from trainers.kit.errors import BadInput, Diverged
from trainers.kit.loop import Loop
from trainers.kit.processes import PeerLost
from trainers.kit.report import Console
from trainers.kit.signals import EndedAtOnce, Signals

TRACEBACK_LINES = 20


@dataclass(frozen=True)
class Plan:
    """Everything decided and checked before the first byte is written."""

    recipe: Recipe
    run_dir: Path
    run_id: str
    training: Any
    checkpoint: Checkpoint | None
    earlier: events.RunStarted | None
    fork: bool


@dataclass(frozen=True)
class Chosen:
    """What is trained, and what it goes on from: a run folder, its checkpoint."""

    recipe: Recipe
    source: Path | None
    checkpoint: Checkpoint | None


def carry_out(request: Request) -> int:
    """Makes the run that was asked for; returns 0 (finished, stopped) or 1 (failed).

    With ``trainer.processes`` above 1 it starts them and waits, or is one of them.

    Raises:
        BadInput, BadRecipe: before anything was written.
    """
    with Signals(quiet=member.inside()) as signals:
        member.ready()
        try:
            with _as_bad_input(request):
                chosen = _chosen(request)
            count = getattr(chosen.recipe, "trainer").processes  # noqa: B009 - each trainer's own type
            if processes.called():
                return together.carry_out(request, chosen, count, signals)
            if count > 1:
                processes.check(count, request.device)
                start = getattr(chosen.recipe, "trainer").start  # noqa: B009
                return launch.start("trainers.cli", words(request), count, start, signals, request.url)
            return run(planned(request, chosen), request, signals)
        except EndedAtOnce:
            print("ended before the run began", file=sys.stderr)
            return 0


def words(request: Request) -> list[str]:
    """The command line that asks for the same again."""
    paths = {k.name for k in knobs(request.recipe) if k.path}
    said = [f"{k}={v if k in paths else quoted(v)}" for k, v in request.given.items()]
    if not request.resume and "size" not in request.given:
        said.append(f"size={request.recipe.size}")
    rest = {"run_dir": request.run_dir, "resume": request.resume, "url": request.url,
            "stop_on": ",".join(request.stop_on) or None}  # fmt: skip
    said += [f"{k}={v}" for k, v in rest.items() if v is not None]
    return [request.trainer, *said, f"device={request.device}"]


@contextmanager
def _as_bad_input(request: Request) -> Iterator[None]:
    """A file that cannot be read and memory that does not suffice, in one line."""
    try:
        yield
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        raise BadInput(f"{where}{problem.strerror or problem}") from problem
    except (torch.OutOfMemoryError, MemoryError) as problem:
        raise BadInput(
            f"there is not enough memory for size={request.recipe.size}: take a smaller size or data.batch"
        ) from problem


def _chosen(request: Request) -> Chosen:
    source, checkpoint = _source(request)
    return Chosen(_recipe(request, source, checkpoint), source, checkpoint)


def planned(request: Request, chosen: Chosen) -> Plan:
    """Everything that a run needs; of several processes only the first has a place to write to."""
    recipe, source, checkpoint = chosen.recipe, chosen.source, chosen.checkpoint
    run_id, run_dir, same, earlier = "", Path(), False, None
    with _as_bad_input(request):
        if processes.current().leads:
            run_id = os.environ.get("NASHBOARD_RUN") or new_id()
            run_dir, same = _place(request, recipe, source, run_id)
            earlier = _first_start(run_dir) if same else None
            if same and not os.environ.get("NASHBOARD_RUN"):
                run_id = earlier.run if earlier else checkpoint.run if checkpoint else run_id
        _steps_left(recipe, checkpoint)
        training = import_module(f"trainers.{request.trainer}.train").Training(
            recipe, request.device, checkpoint
        )
    return Plan(recipe, run_dir, run_id, training, checkpoint, earlier, checkpoint is not None and not same)


def _source(request: Request) -> tuple[Path | None, Checkpoint | None]:
    """(the run folder that is gone on from, its checkpoint); a run that died before it saved has none."""
    if not request.resume:
        return None, None
    folder = Path(request.resume)
    if folder.is_dir() and journal.exists(folder) and not checkpoints.listed(folder):
        return folder, None
    checkpoint = checkpoints.load(checkpoints.find(request.resume), request.trainer)
    return checkpoints.run_folder(checkpoint.path), checkpoint


def _recipe(request: Request, source: Path | None, checkpoint: Checkpoint | None) -> Recipe:
    """The recipe gone on from, with the knobs that were named; a named preset or size starts anew."""
    if "preset" in request.given or "size" in request.given:
        return request.recipe
    earlier = None if checkpoint or source is None else _first_start(source)
    if earlier is not None and earlier.trainer != request.trainer:
        raise BadInput(f"resume {request.resume!r} is a run of the trainer {earlier.trainer!r}")
    known = checkpoint.recipe if checkpoint else earlier.recipe if earlier else None
    return request.recipe if known is None else patched(load_recipe(request.trainer, known), request.given)


def _place(request: Request, recipe: Recipe, source: Path | None, run_id: str) -> tuple[Path, bool]:
    """(the run's folder, whether it is the one that is gone on from)."""
    if request.run_dir is not None:
        run_dir = Path(request.run_dir)
    elif source is not None and (source / journal.NAME).exists():
        run_dir = source
    else:
        run_dir = Path("runs") / f"{request.trainer}-{recipe.preset}-s{recipe.seed}-{run_id}"
    same = source is not None and run_dir.resolve() == source.resolve()
    if not same and (run_dir / journal.NAME).exists():
        way = "to go on with it add resume=DIR" if source is None else "a fork needs a folder of its own"
        raise BadInput(f"run_dir {str(run_dir)!r} holds the journal of another run: choose another, or {way}")
    there = run_dir
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise BadInput(f"run_dir {str(run_dir)!r} cannot be made: {str(there)!r} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise BadInput(f"run_dir {str(run_dir)!r} cannot be written: no permission in {str(there)!r}")
    return run_dir, same


def _first_start(run_dir: Path) -> events.RunStarted | None:
    if not journal.exists(run_dir):
        return None
    first = next(iter(journal.events(run_dir)), None)
    return first if isinstance(first, events.RunStarted) else None


def _steps_left(recipe: Any, checkpoint: Checkpoint | None) -> None:
    total = recipe.trainer.total_steps
    if checkpoint is not None and checkpoint.step >= total:
        raise BadInput(
            f"the checkpoint is at step {checkpoint.step} and the run ends at step {total}: "
            f"set trainer.max_steps above {checkpoint.step}"
        )


def _reporter(plan: Plan, request: Request) -> Reporter:
    checkpoint, earlier, recipe, env = plan.checkpoint, plan.earlier, plan.recipe, os.environ
    parent = checkpoint.run if checkpoint and plan.fork else earlier.parent if earlier else None
    try:
        return Reporter(
            plan.run_dir,
            run_id=plan.run_id,
            url=request.url,
            name=env.get("NASHBOARD_NAME", ""),
            project=env.get("NASHBOARD_PROJECT") or (earlier.project if earlier else "default"),
            trainer=request.trainer,
            preset=recipe.preset,
            size=recipe.size,
            seed=recipe.seed,
            recipe=flat(recipe),
            parent=env.get("NASHBOARD_PARENT") or parent,
            treats=env.get("NASHBOARD_TREATS") or (earlier.treats if earlier else None),
            resumed_from=checkpoint.step if checkpoint else 0 if earlier else None,
            total_steps=plan.training.schedule.total,
            facts=plan.training.facts,
            stop_on=request.stop_on,
        )
    except OSError as problem:
        raise BadInput(
            f"run_dir {str(plan.run_dir)!r} cannot be used: {problem.strerror or problem}"
        ) from problem


def run(plan: Plan, request: Request, signals: Signals) -> int:
    """Trains and journals; returns the exit status. Others of the same run follow, see `kit.together`."""
    team = processes.current()
    reporter = _reporter(plan, request)
    member.begun(plan.run_dir)
    training, trainer = plan.training, plan.training.recipe.trainer
    status, reason, step = "finished", "", plan.training.start

    def say(line: str, stream: str) -> None:
        reporter.log(line, stream=stream, level="warning" if stream == "stderr" else "info")

    with Console(say):
        try:
            print(f"run {reporter.id} in {plan.run_dir}", flush=True)
            goes_on = bool(team.gather(_told_from(plan, reporter))[0])
            best = plan.checkpoint.best if plan.checkpoint and not plan.fork else {}
            keeper = Keeper(plan.run_dir, keep_last=trainer.keep_last, best_by=trainer.best_by, best=best)
            identity = Checkpoint(reporter.id, request.trainer, 0, flat(plan.recipe), {})
            loop = Loop(
                reporter,
                training.schedule,
                keeper,
                signals,
                identity=identity,
                state=training.state,
                start=training.start,
                goes_on=goes_on,
            )
            try:
                training.train(reporter, loop)
            finally:
                step = loop.step
            if loop.stopped:
                status, reason = "stopped", loop.stopped
            team.leave()
        except EndedAtOnce as problem:
            status, reason = "stopped", f"ended at once by a second {problem}, without a checkpoint"
        except Diverged as problem:
            status, reason = "failed", f"{problem}; the last good state is saved"
            print(reason, file=sys.stderr, flush=True)
        except (checkpoints.Unwritable, journal.JournalFull) as problem:
            status, reason = "failed", f"{problem} (step {step})"
            print(reason, file=sys.stderr, flush=True)
        except PeerLost as problem:
            status, reason = "failed", f"{problem} (step {step})"
            print(reason, file=sys.stderr, flush=True)
        except Exception as problem:
            status, reason = "failed", f"{type(problem).__name__}: {problem} (step {step})"
            lines = traceback.format_exc().strip().splitlines()[-TRACEBACK_LINES:]
            print("\n".join(lines), file=sys.stderr, flush=True)
        processes.current().leave(reason)  # with nobody to leave after an orderly end
        print(f"run {reporter.id} {status} at step {step}{': ' if reason else ''}{reason}", flush=True)
    return _ended(reporter, status, reason, step)


def _told_from(plan: Plan, reporter: Reporter) -> bool:
    """Says what the run goes on from; whether its journal does, on the same evaluation set."""
    checkpoint = plan.checkpoint
    if checkpoint is None:
        return False
    print(f"goes on from step {checkpoint.step} of {checkpoint.path}", flush=True)
    if plan.fork:
        checkpoints.pin(checkpoint.path, reporter.id)
        reporter.mark(checkpoint.step, "forked", f"from run {checkpoint.run}")
        return False
    reporter.mark(checkpoint.step, "resumed", checkpoint.path.name)
    before = plan.earlier.environment.get("eval_hash") if plan.earlier else None
    if before not in (None, plan.training.facts.get("eval_hash")):
        reporter.note(
            "The data has changed since the run began: its evaluation set is another one from here on, and "
            "scores before and after cannot be compared.",
            checkpoint.step,
        )
        return False
    return plan.earlier is not None


def _ended(reporter: Reporter, status: str, reason: str, step: int) -> int:
    try:
        reporter.finish(status, reason, step)
    except EndedAtOnce:
        pass  # the last line is written; only the uplink's last wait was cut short
    except OSError as problem:
        print(f"the journal could not be ended: {problem}", file=sys.stderr)
        return 1
    return 1 if status == "failed" else 0
