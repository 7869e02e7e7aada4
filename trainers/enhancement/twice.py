"""One step of both players from a checkpoint in any number of processes: losses and gradients, for comparison.

``python -m trainers.enhancement.twice CHECKPOINT_FOLDER OUT`` is one of several that `trainers.kit.launch` starts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recipes.registry import load as load_recipe
from trainers.enhancement.model import magnitude
from trainers.enhancement.train import Training, own
from trainers.kit import checkpoints, launch, processes, stats
from trainers.kit.signals import Signals

COUNT = 2


def measured(training: Training, items: int) -> dict[str, Tensor]:
    """``loss`` and each player's gradient of the first ``items`` rows of the next batch, over all processes."""
    training.net.eval()
    training.game.bare.eval()
    crops = training.data.crops
    where, before = crops.position, crops.size
    crops.size = items
    batch = own(crops.next(), training.team)
    crops.position, crops.size = where, before
    clean, noisy = torch.from_numpy(batch.clean), torch.from_numpy(batch.noisy)
    turn = training.objective.turn(training.gen, clean, noisy)
    terms = training.objective.terms(turn)
    terms["adv"] = training.game.gen_term(magnitude(turn.clean), magnitude(turn.estimate))
    loss, _ = stats.weighted(terms, training.objective.weights)
    gen, disc = list(training.net.parameters()), list(training.game.bare.parameters())
    for p in (*gen, *disc):
        p.grad = None
    loss.backward()
    estimate = magnitude(turn.estimate.detach())
    (1 - training.game.bare(magnitude(turn.clean), estimate)).square().mean().backward()
    training.team.reduce(gen, "gen")
    training.team.reduce(disc, "disc")
    total = loss.detach().reshape(1)
    training.team.average([total])
    found = {
        player: torch.cat([p.grad.flatten() for p in params if p.grad is not None])
        for player, params in (("gen", gen), ("disc", disc))
    }
    return {"loss": total, **found}


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
    recipe: Any = load_recipe("enhancement", checkpoint.recipe)
    found = measured(Training(recipe, "cpu", checkpoint), int(items))
    if team.leads:
        torch.save(found, out)
    team.leave()
    return 0
