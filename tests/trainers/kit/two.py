"""Runs a function in two processes with gloo, for comparison with one."""

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from nashboard import events, journal
from recipes.compose import Request, build
from tests.trainers.support import differences
from trainers.kit import processes

ROOT = Path(__file__).parents[3]
LONGEST = 120.0  # seconds; on a busy machine

# one process imports torch, once a test session; all others fork from it in no time
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "torch._dynamo", "trainers.kit.runs"])  # what every trainer loads


def in_two(where: str, out: Path, **given: Any) -> list[Any]:
    """What ``module:function(**given)`` returns in each of two processes that have joined each other."""
    both(_joined, where, str(out), given)
    return [torch.load(out / f"{rank}.pt", weights_only=False) for rank in (0, 1)]


def trained_in_two(
    trainer: str, patch: Mapping[str, Any], run_dir: Path, *, preset: str = "fixed", resume: bool = False
) -> Path:
    """A run at size tiny by two processes, without a launcher, from its start or its checkpoint; its folder."""
    both(_trained, trainer, preset, {**patch, "trainer.processes": 2}, str(run_dir), resume)
    return run_dir


def resumed_in_two(trainer: str, patch: Mapping[str, Any], folder: Path) -> list[str]:
    """Where 3 + save + load + 3 steps of two processes differ from 6 in one go, state and journal; [] if nowhere."""
    every = {**patch, "trainer.steps_per_epoch": 3, "trainer.log_every": 3}
    whole = trained_in_two(trainer, {**every, "trainer.max_steps": 6}, folder / "whole")
    half = trained_in_two(trainer, {**every, "trainer.max_steps": 3}, folder / "half")
    trained_in_two(trainer, {**every, "trainer.max_steps": 6}, half, resume=True)
    return differences(whole, half, 3)


def both(target: Callable[..., None], *args: Any) -> None:
    """``target(*args)`` in two processes that can find each other; both must end well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    two = [_FORKS.Process(target=_one, args=(port, rank, target, args)) for rank in (0, 1)]
    for process in two:
        process.start()
    try:
        for process in two:
            process.join(LONGEST)
        assert [process.exitcode for process in two] == [0, 0]
    finally:
        for process in two:
            process.kill()
            process.join()
            process.close()


def _one(port: int, rank: int, target: Callable[..., None], args: tuple[Any, ...]) -> None:
    os.environ.update(
        {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        | {"MASTER_PORT": str(port), "TORCH_CPP_LOG_LEVEL": "ERROR"}
    )
    torch.set_num_threads(1)
    target(*args)


def _joined(where: str, out: str, given: dict[str, Any]) -> None:
    team = processes.join(2, "cpu")
    module, name = where.split(":")
    found = getattr(import_module(module), name)(**given)
    torch.save(found, Path(out) / f"{team.rank}.pt")
    team.leave()


def _trained(trainer: str, preset: str, patch: dict[str, Any], run_dir: str, resume: bool) -> None:
    from trainers.kit.runs import carry_out

    recipe = build(trainer, preset, "tiny", patch)
    source, given = run_dir if resume else None, {"preset": preset, **patch}
    request = Request(trainer, recipe, run_dir, source, device="cpu", given=given)
    sys.exit(carry_out(request))


def marked(place: Path) -> list[int]:
    """Process ids of all that were started with ``MARK=place`` in their environment, launcher and agent too."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"MARK={place}".encode() in line.split(b"\0"):
            found.append(int(process.name))
    return found


def losses(run_dir: Path) -> dict[str, dict[int, float]]:
    """{name: {step: value}} of all series ``loss/…`` that a run's journal holds."""
    found: dict[str, dict[int, float]] = {}
    for event in journal.events(run_dir):
        if isinstance(event, events.Points):
            for name, value in event.values.items():
                if name.startswith("loss/"):
                    found.setdefault(name, {})[event.step] = value
    return found


def one_journal(run_dir: Path, steps: int) -> None:
    """Asserts that one run of two processes is told once, from its start to its last step."""
    lines = list(journal.read(run_dir))
    assert [seq for seq, _ in lines] == list(range(len(lines)))
    told = list(journal.events(run_dir))
    (start,) = (e for e in told if isinstance(e, events.RunStarted))
    (end,) = (e for e in told if isinstance(e, events.RunEnded))
    assert start.environment["processes"] == 2
    assert (end.status, end.step, told[-1]) == ("finished", steps, end)
