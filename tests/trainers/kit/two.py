"""Runs a function in two processes with gloo, for comparison with one."""

import multiprocessing
import os
import socket
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from trainers.kit import processes

ROOT = Path(__file__).parents[3]
LONGEST = 120.0  # seconds; on a busy machine

# one process imports torch, once a test session; all others fork from it in no time
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "torch._dynamo"])  # the latter by the first optimiser


def in_two(where: str, out: Path, **given: Any) -> list[Any]:
    """What ``module:function(**given)`` returns in each of two processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [_FORKS.Process(target=_one, args=(where, str(out), port, rank, given)) for rank in (0, 1)]
    for process in both:
        process.start()
    try:
        for process in both:
            process.join(LONGEST)
        assert [process.exitcode for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
            process.join()
            process.close()
    return [torch.load(out / f"{rank}.pt", weights_only=False) for rank in (0, 1)]


def _one(where: str, out: str, port: int, rank: int, given: dict[str, Any]) -> None:
    os.environ.update(
        {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        | {"MASTER_PORT": str(port), "TORCH_CPP_LOG_LEVEL": "ERROR"}
    )
    torch.set_num_threads(1)
    team = processes.join(2, "cpu")
    module, name = where.split(":")
    found = getattr(import_module(module), name)(**given)
    torch.save(found, Path(out) / f"{rank}.pt")
    team.leave()
