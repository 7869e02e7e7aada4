"""Runs a function in two processes with gloo, or in this one: ``python -m tests.trainers.kit.two`` is each of them."""

import os
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from trainers.kit import processes

ROOT = Path(__file__).parents[3]


def in_two(where: str, out: Path, **given: Any) -> list[Any]:
    """What ``module:function(**given)`` returns in each of two processes."""
    torch.save(given, out / "given.pt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2"}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCH_CPP_LOG_LEVEL": "ERROR"}
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.trainers.kit.two", where, str(out)],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=ROOT,
        )
        for rank in (0, 1)
    ]
    try:
        assert [p.wait(timeout=90) for p in both] == [0, 0]
    finally:
        for p in both:
            p.kill()
    return [torch.load(out / f"{rank}.pt", weights_only=False) for rank in (0, 1)]


if __name__ == "__main__":
    module, name = sys.argv[1].split(":")
    folder = Path(sys.argv[2])
    team = processes.join(2, "cpu")
    found = getattr(import_module(module), name)(**torch.load(folder / "given.pt", weights_only=False))
    torch.save(found, folder / f"{team.rank}.pt")
    team.leave()
