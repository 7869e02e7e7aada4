"""Processes that end with us: started in their own session, killed by the kernel when their starter dies."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tied(death_signal: int, parent: int) -> Callable[[], None]:
    """To run in the child between fork and exec: ``death_signal`` comes when the parent's thread ends."""

    def tie() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return tie


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: IO[bytes] | int,
    cwd: Path,
    death_signal: int = signal.SIGKILL,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in its own session, output to ``log``, that ``death_signal`` ends when we die.

    ``keep``: descriptors that it inherits. Raises OSError.
    """
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
        pass_fds=tuple(keep),
        preexec_fn=tied(death_signal, os.getpid()),
    )


def has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended, leaving its zombie in place so that its process group cannot be another's yet."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def reap(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a process that has ended, after whatever it left in its session is killed."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def tell(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal if it still runs."""
    if not has_exited(process):
        process.send_signal(number)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill it with all that it started in its session."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of grandchildren whose parent dies, so that `descendants` finds them."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int | None = None) -> list[int]:
    """Process ids below ``root`` (this process), from /proc; [] where there is none."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            rest = entry.read_text().rpartition(")")[2].split()
            if rest[0] not in "ZX":
                below.setdefault(int(rest[1]), []).append(int(entry.parent.name))
    found, todo = [], [root or os.getpid()]
    while todo:
        children = below.get(todo.pop(), [])
        found += children
        todo += children
    return found


def kill_descendants(spare: Collection[int] = (), wait_s: float = 2.0) -> int:
    """Kill every process below this one but those to ``spare``; how many there were."""

    def below() -> list[int]:
        return [pid for pid in descendants() if pid not in spare]

    first = pids = below()
    until = time.monotonic() + wait_s
    while pids:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > until:
            break
        time.sleep(0.02)
        pids = below()
    return len(first)
