"""A run by several processes: all plan, the first journals and saves, the others follow it step by step."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.base import BadRecipe, flat
from recipes.compose import Request
from trainers.kit import processes, runs
from trainers.kit.checkpoints import Checkpoint, Keeper
from trainers.kit.errors import BadInput, Diverged
from trainers.kit.loop import Loop
from trainers.kit.processes import PeerLost, Team
from trainers.kit.signals import EndedAtOnce, Signals

if TYPE_CHECKING:
    from trainers.kit.runs import Chosen, Plan


class Mute:
    """The reporter of a process that is not the first: it takes every event and keeps none."""

    stop_requested = False

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def carry_out(request: Request, chosen: Chosen, count: int, signals: Signals) -> int:
    """One process of ``count`` that a launcher has started; returns its exit status.

    Raises:
        BadInput: in the first process, whichever of them could not use what it was given.
    """
    first = os.environ["RANK"] == "0"
    try:
        team = processes.join(count, request.device)
        plan = _agreed(request, chosen, team)
    except BadInput:
        if first:
            raise
        return 2
    except PeerLost as problem:
        if first:
            print(problem, file=sys.stderr)
        return 1
    return runs.run(plan, request, signals) if first else _follow(plan, request, signals, team)


def _agreed(request: Request, chosen: Chosen, team: Team) -> Plan:
    """This process's plan once all have one. The first goes ahead, so that caches are made once."""
    plan, problem = None, ""
    for turn in range(min(team.size, 2)):
        if turn == int(not team.leads):
            try:
                plan = runs.planned(request, chosen)
            except (BadInput, BadRecipe) as found:
                problem = str(found) or type(found).__name__
        team.meet()
        told = next((text for text in team.gather(problem) if text), "")
        if told:
            team.leave()
            raise BadInput(told)
    assert plan is not None
    return plan


def _follow(plan: Plan, request: Request, signals: Signals, team: Team) -> int:
    """Trains with the first process, without a word."""
    training, mute = plan.training, Mute()
    silent: Any = mute
    try:
        goes_on = bool(team.gather(False)[0])
        trainer = training.recipe.trainer
        loop = Loop(
            silent,
            training.schedule,
            Keeper(Path(os.devnull), keep_last=trainer.keep_last, best_by=trainer.best_by),
            signals,
            identity=Checkpoint("", request.trainer, 0, flat(plan.recipe), {}),
            state=training.state,
            start=training.start,
            goes_on=goes_on,
        )
        training.train(silent, loop)
        team.leave()
        return 0
    except EndedAtOnce:
        return 0
    except (PeerLost, Diverged):
        return 1  # the first process says why
    except Exception as problem:
        traceback.print_exc()
        team.leave(f"{type(problem).__name__}: {problem}")
        return 1
