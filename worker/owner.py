"""Who holds a lease: a process, named so that others on its machine see whether it lives."""

from __future__ import annotations

import os
from pathlib import Path


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; "" when there is none, or only its zombie."""
    rest = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return "" if len(rest) < 20 or rest[0] in "ZX" else rest[19]


def _place() -> str:
    """The machine's boot and the namespace that process ids of this process count in."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{_read('/proc/sys/kernel/random/boot_id')[:8]}.{space[5:-1]}"


def me(host: str) -> str:
    """The name of this process: ``host:pid:start:place``."""
    return f"{host}:{os.getpid()}:{_started(os.getpid())}:{_place()}"


def alive(owner: str) -> bool | None:
    """Whether the process that goes by ``owner`` lives; None where it cannot be seen from here."""
    host, _, rest = owner.partition(":")
    parts = rest.split(":")
    if not host or len(parts) != 3 or parts[2] != _place() or not parts[1]:
        return None
    return _started(int(parts[0])) == parts[1] if parts[0].isdigit() else None


def host_of(owner: str) -> str:
    return owner.partition(":")[0]
