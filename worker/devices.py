"""What a worker can train on: GPUs as the driver lists them, without torch, and CPU cores."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from app.settings import BadSettings

GPU = re.compile(r"cuda:(\d{1,3})")


def cores() -> int:
    """Cores that this process may use: its affinity, cut by the container's quota."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        if quota != "max":
            own = min(own, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        return max(1, own)
    return max(1, own)


def gpus() -> list[str]:
    """``cuda:0`` … for each NVIDIA GPU that this process may use.

    CUDA_VISIBLE_DEVICES, where it is set, says how many; else ``nvidia-smi`` does.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [f"cuda:{i}" for i, _ in enumerate(_visible(visible))]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        told = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    count = sum(line.startswith("GPU ") for line in told.stdout.splitlines()) if told.returncode == 0 else 0
    return [f"cuda:{i}" for i in range(count)]


def _visible(text: str) -> list[str]:
    """The entries of CUDA_VISIBLE_DEVICES up to the first that hides the rest, as CUDA reads it."""
    found: list[str] = []
    for part in (p.strip() for p in text.split(",")):
        if not part or part == "-1" or part in found:
            break
        found.append(part)
    return found


def visible_name(device: str) -> str:
    """What CUDA_VISIBLE_DEVICES must hold so that a process sees only ``device``; "" for the CPU."""
    match = GPU.fullmatch(device)
    if not match:
        return ""
    number = int(match[1])
    given = _visible(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    return given[number] if number < len(given) else str(number)


def of_worker(wanted: Sequence[str] = (), count: int = 0) -> list[str]:
    """The slots of a worker: its GPUs, one trainer each; without a GPU ``cpu:0`` …, one a core.

    ``wanted`` replaces what is found: GPUs by name, or ``cpu``. Raises `BadSettings` for any other name.
    """
    wrong = [w for w in wanted if w != "cpu" and not GPU.fullmatch(w)]
    if wrong or ("cpu" in wanted and len(wanted) > 1):
        raise BadSettings(
            f"NASHBOARD_WORKER_DEVICES={','.join(wanted)}: give cuda:0,cuda:1,… or cpu, not both"
        )
    found = list(dict.fromkeys(wanted)) or gpus() or ["cpu"]
    if found == ["cpu"]:
        return [f"cpu:{i}" for i in range(count or cores())]
    return found


def kind(slot: str) -> str:
    """``gpu`` or ``cpu``."""
    return "gpu" if GPU.fullmatch(slot) else "cpu"


def fits(slot: str, wish: str) -> bool:
    """Whether a run that wants ``auto``, ``cpu`` or ``cuda:N`` may take this slot of the worker."""
    return wish == "auto" or wish == slot or (wish == "cpu" and kind(slot) == "cpu")
