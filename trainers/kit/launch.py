"""Starts the processes of one run, passes signals on to the first, and sees to it that all end.

``spawn`` starts them by Python's multiprocessing, as torch.multiprocessing does; ``torchrun`` by
``python -m torch.distributed.run``. What they say to each other is the same. Needs no torch.
"""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from nashboard import events, journal
from nashboard.client import Trouble
from nashboard.journal import Journal
from nashboard.pushing import push
from trainers.kit import member
from trainers.kit.signals import EndedAtOnce, Signals

GRACE = 45.0  # seconds that the others have when one has died: to notice, to journal, to send the rest
TURN = 0.05
PR_SET_PDEATHSIG = 1


Words = Sequence[str]
Environment = Mapping[str, str]


class Started(Protocol):
    """The processes, however they were started."""

    def lost(self) -> str:
        """Which one died without a word and how; empty while none did."""

    def running(self) -> bool: ...

    def kill(self) -> None: ...


class Spawned:
    """By multiprocessing with the start method ``spawn``."""

    def __init__(self, words: Words, environment: Environment, processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._all = [
            context.Process(
                target=member.spawned,
                args=({**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)}, list(words)),
                name=f"rank {rank}",
            )
            for rank in range(processes)
        ]
        for process in self._all:
            process.start()

    def lost(self) -> str:
        for rank, process in enumerate(self._all):
            if process.exitcode:
                return f"process {rank + 1} of {len(self._all)} {_how(process.exitcode)}"
        return ""

    def running(self) -> bool:
        return any(process.is_alive() for process in self._all)

    def kill(self) -> None:
        for process in self._all:
            process.kill()
        for process in self._all:
            process.join()


class Torchrun:
    """By torch.distributed.run, whose agent is a process of its own between us and them."""

    def __init__(self, words: Words, environment: Environment, processes: int) -> None:
        self._folder, self._processes = Path(environment[member.FOLDER]), processes
        options = [
            "--nnodes=1",
            f"--nproc-per-node={processes}",
            f"--master-addr={environment['MASTER_ADDR']}",
            f"--master-port={environment['MASTER_PORT']}",
            "--max-restarts=0",
        ]
        self._agent = subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *options, "-m", member.__name__, *words],
            env={**os.environ, **environment},
            start_new_session=True,
            preexec_fn=_tied,
        )

    def lost(self) -> str:
        status = self._agent.poll()
        if not status:
            return ""
        silent = [r + 1 for r in range(self._processes) if not member.told(self._folder, f"ended.{r}")]
        if not silent:
            return f"torchrun {_how(status)}"
        return f"process {' and '.join(map(str, silent))} of {self._processes} ended without a word under torchrun"

    def running(self) -> bool:
        return self._agent.poll() is None

    def kill(self) -> None:
        self._agent.kill()
        self._agent.wait()
        for rank in range(self._processes):
            pid = member.told(self._folder, f"ready.{rank}").get("pid")
            if pid is not None and not member.told(self._folder, f"ended.{rank}"):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)


STARTS: dict[str, Callable[[Words, Environment, int], Started]] = {"spawn": Spawned, "torchrun": Torchrun}


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _tied() -> None:
    """In a child before its program begins: the kernel kills it when this process dies, however that comes."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was killed by {signal.Signals(-status).name}" if -status in set(signal.Signals) else "was killed"


def start(
    module: str, words: Sequence[str], processes: int, how: str, signals: Signals, url: str | None = None
) -> int:
    """Runs ``main(words)`` of a module in so many processes; returns the first one's exit status.

    Where a process dies, the others end too and 1 is returned; a journal that they began is ended as failed,
    and sent to ``url``.
    """
    folder = Path(tempfile.mkdtemp(prefix="nashboard-"))
    try:
        with open(folder / member.LEASH, "wb") as leash:
            fcntl.flock(leash, fcntl.LOCK_EX)
            started = STARTS[how]([module, *words], _environment(folder, processes), processes)
            try:
                lost = _watch(started, folder, processes, signals)
            except EndedAtOnce as problem:
                lost = f"ended at once by a second {problem}"
            finally:
                started.kill()
        return _result(folder, lost, signals, url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, processes: int) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    each = max(len(os.sched_getaffinity(0)) // processes, 1)
    return {
        member.FOLDER: str(folder),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        # torch's lines about the others' end, stacks and all; what the first process makes of it is one line
        "TORCH_CPP_LOG_LEVEL": os.environ.get("TORCH_CPP_LOG_LEVEL", "ERROR"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(each)),
    }


def _watch(started: Started, folder: Path, processes: int, signals: Signals) -> str:
    """Waits until all have ended; returns who was lost, if anyone was."""
    passed, until, lost = False, float("inf"), ""
    while started.running():
        lost = lost or started.lost()
        # one that failed says so in its file; the others are given time to hear of it
        over = lost or any(member.told(folder, f"ended.{r}").get("status") for r in range(processes))
        if over and until == float("inf"):
            until = time.monotonic() + GRACE
        if time.monotonic() > until:
            return lost or "the other processes did not end after one had failed"
        if signals.asked and not passed:
            passed = True
            first = member.told(folder, "ready.0").get("pid")
            if first is None:  # it does not hear yet, and nothing is written
                return ""
            _tell(first, signals.asked)
        try:
            time.sleep(TURN)
        except EndedAtOnce as problem:
            _tell(member.told(folder, "ready.0").get("pid"), str(problem))
            until = min(until, time.monotonic() + GRACE)
    return lost or started.lost()


def _tell(pid: int | None, name: str) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.Signals[name])


def _result(folder: Path, lost: str, signals: Signals, url: str | None) -> int:
    """The first process's status; where it left none, its journal is ended in its stead."""
    status = member.told(folder, "ended.0").get("status")
    run_dir = member.told(folder, "run").get("run_dir")
    if status is not None and (run_dir is None or _ended(run_dir)):
        return int(status)
    if not lost and signals.asked:
        print("ended before the run began", file=sys.stderr)
        return 0
    reason = lost or "the first process ended without a word"
    if run_dir is not None and not _ended(run_dir):
        step = journal.last_step(run_dir)
        with Journal(run_dir) as book:
            book.end(events.RunEnded(status="failed", reason=reason, step=step))
        if url is not None:
            with suppress(Trouble, OSError):  # the journal says it in any case
                push(run_dir, url)
    print(reason, file=sys.stderr)
    return 1


def _ended(run_dir: str) -> bool:
    last = deque(journal.events(run_dir), maxlen=1)
    return bool(last) and isinstance(last[0], events.RunEnded)
