"""Where a run computes: ``auto``, ``cpu`` or ``cuda:N`` as a Lightning Fabric; optimisers and their rates."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray

from trainers.kit import processes
from trainers.kit.errors import BadInput


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Inside, a package that is not loaded yet cannot be imported."""
    here = package not in sys.modules
    if here:
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if here:
            del sys.modules[package]


# Fabric imports all of torchmetrics, scipy with it, to learn its version: a second of CPU at every start, for a
# callback that is not used here
with _without("torchmetrics"):
    from lightning_fabric import Fabric

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # stderr is kept for what goes wrong

SPELLED = re.compile(r"auto|cpu|cuda(:(\d{1,3}))?")


def fabric_for(device: str, precision: Any = "32-true", threads: int = 0) -> Fabric:
    """A Fabric on one device; ``threads`` limits torch's on the CPU, 0 leaves them (OMP_NUM_THREADS counts).

    Of several processes each gets the GPU of its place on this machine.

    Raises:
        BadInput: for a device that is none, or that torch cannot use here.
    """
    found = SPELLED.fullmatch(device)
    if not found:
        raise BadInput(f"device {device!r} is none of auto, cpu, cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if threads:
        torch.set_num_threads(threads)
    if device == "cpu" or (device == "auto" and not count):
        return Fabric(accelerator="cpu", devices=1, precision=precision)
    index = int(found[2] or 0) if processes.current().size == 1 else processes.local_rank()
    if index >= count:
        there = f"the last one is cuda:{count - 1}" if count else "torch finds none on this machine"
        raise BadInput(f"device {device!r}: there is no such GPU, {there}; device=cpu always works")
    return Fabric(accelerator="cuda", devices=[index], precision=precision)


def batch_on(device: torch.device, batch: NDArray[Any]) -> torch.Tensor:
    """A numpy batch as a tensor on the device; to a GPU it goes from pinned memory, without waiting."""
    tensor = torch.from_numpy(batch)
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def adamw(params: Iterable[torch.nn.Parameter], part: Any) -> torch.optim.AdamW:
    """AdamW with the learning rate and betas of a recipe's part (``lr``, ``beta1``, ``beta2``)."""
    return torch.optim.AdamW(list(params), lr=part.lr, betas=(part.beta1, part.beta2))


def set_rate(optimizer: torch.optim.Optimizer, part: Any, gamma: float, steps: int) -> float:
    """Sets the rate ``part.lr * gamma ** steps`` and the part's betas; returns the rate.

    The rate depends on the step alone: a resumed run needs no state for it, and a fork with another rate
    takes that one from its first step on.
    """
    rate: float = part.lr * gamma**steps
    for group in optimizer.param_groups:
        group["lr"], group["betas"] = rate, (part.beta1, part.beta2)
    return rate


def gpu_memory() -> dict[str, float]:
    """``system/gpu_memory``: most MiB that tensors took on this process's GPU since the last call; {} on the CPU."""
    if not torch.cuda.is_initialized():
        return {}
    peaks = []
    for gpu in range(torch.cuda.device_count()):
        peaks.append(torch.cuda.max_memory_allocated(gpu))
        torch.cuda.reset_peak_memory_stats(gpu)
    return {"system/gpu_memory": max(peaks) / 2**20}


def count(net: torch.nn.Module) -> int:
    """Number of trained parameters."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)
