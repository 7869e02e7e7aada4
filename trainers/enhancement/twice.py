"""One step of both players from a checkpoint in any number of processes: losses and gradients, for comparison.

On the CPU, in float32 and without an optimiser: what is compared is who has which rows and how they come
together. So a process needs neither Fabric nor what torch loads for optimisers, two thirds of its start.

``python -m trainers.enhancement.twice RUN_DIR ITEMS OUT`` is one of several that `trainers.kit.launch` starts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from recipes.enhancement import Enhancement
from recipes.registry import load as load_recipe
from trainers.enhancement.data import speech
from trainers.enhancement.game import to_one
from trainers.enhancement.model import Generator, MetricDiscriminator, magnitude
from trainers.enhancement.objective import Objective
from trainers.kit import checkpoints, launch, processes, stats
from trainers.kit.checkpoints import Checkpoint
from trainers.kit.pairs import PairCrops, own
from trainers.kit.signals import Signals

COUNT = 2


@dataclass(frozen=True)
class Players:
    """Both networks of a checkpoint, without dropout, what they are measured by, and the data where it stands."""

    gen: nn.Module
    judge: nn.Module
    objective: Objective
    crops: PairCrops


def players(recipe: Enhancement, checkpoint: Checkpoint) -> Players:
    """The players of a checkpoint that fits its recipe."""
    gen, judge, crops = Generator(recipe.gen), MetricDiscriminator(recipe.disc), speech(recipe).crops
    gen.load_state_dict(checkpoint.state["gen"])
    judge.load_state_dict(checkpoint.state["game"]["discriminator"])
    crops.load_state_dict(checkpoint.state["crops"])
    return Players(gen.eval(), judge.eval(), Objective(recipe), crops)


def measured(found: Players, items: int) -> dict[str, Tensor]:
    """``loss`` and each player's gradient of the first ``items`` rows of the next batch, over all processes."""
    team, crops, objective = processes.current(), found.crops, found.objective
    where, before = crops.position, crops.size
    crops.size = items
    batch = own(crops.next(), team)
    crops.position, crops.size = where, before
    turn = objective.turn(found.gen, torch.from_numpy(batch.clean), torch.from_numpy(batch.noisy))
    terms = objective.terms(turn)
    terms["adv"] = to_one(found.judge, magnitude(turn.clean), magnitude(turn.estimate))
    loss, _ = stats.weighted(terms, objective.weights)
    gen, disc = list(found.gen.parameters()), list(found.judge.parameters())
    for p in (*gen, *disc):
        p.grad = None
    loss.backward()
    estimate = magnitude(turn.estimate.detach())
    (1 - found.judge(magnitude(turn.clean), estimate)).square().mean().backward()
    team.reduce(gen, "gen")
    team.reduce(disc, "disc")
    total = loss.detach().reshape(1)
    team.average([total])
    grads = {
        player: torch.cat([p.grad.flatten() for p in params if p.grad is not None])
        for player, params in (("gen", gen), ("disc", disc))
    }
    return {"loss": total, **grads}


def apart(alone: dict[str, Tensor], together: dict[str, Tensor]) -> dict[str, float]:
    """Differences by name, relative to the largest value of one process."""
    return {
        n: float((alone[n] - together[n]).abs().max() / alone[n].abs().max().clamp(min=1e-30)) for n in alone
    }


def in_processes(run_dir: str, start: str, items: int, out: Path) -> dict[str, Tensor] | str:
    """`measured` by two processes that ``start`` starts; where they gave nothing, why."""
    path = out / f"{start}.pt"
    with Signals(quiet=True) as signals:
        status = launch.start(__name__, [run_dir, str(items), str(path)], COUNT, start, signals)
    if signals.asked:
        return f"{signals.asked} ended them"
    if status or not path.exists():
        return f"they failed with status {status}; their last words are in the log"
    found: dict[str, Tensor] = torch.load(path, weights_only=True)
    return found


def main(words: Sequence[str]) -> int:
    """One of the processes."""
    from trainers.kit import member

    run_dir, items, out = words
    member.ready()
    team = processes.join(int(os.environ["WORLD_SIZE"]), "cpu")
    checkpoint = checkpoints.load(checkpoints.find(run_dir), "enhancement")
    recipe = load_recipe("enhancement", checkpoint.recipe)
    assert isinstance(recipe, Enhancement)
    found = measured(players(recipe, checkpoint), int(items))
    if team.leads:
        torch.save(found, out)
    team.leave()
    return 0
