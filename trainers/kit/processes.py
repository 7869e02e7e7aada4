"""The processes that train one run together: who this one is, and what it agrees on with the others.

Each process makes the whole batch and takes its own rows (`Team.rows`), so that a run sees the same data
whatever their number. Gradients are averaged by name after backward (`Team.reduce`), not by a wrapper around
the network: phases, frozen players and several forwards before one backward need no exceptions that way.
Everything else goes by way of a gloo group of its own and costs no wait for a GPU.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from trainers.kit import stats
from trainers.kit.errors import BadInput

LONGEST_WAIT = datetime.timedelta(minutes=10)  # within a step; a process that died is seen at once
PATIENCE = datetime.timedelta(hours=12)  # where the first one works alone: caches, evaluations
NOTICE = 3.0  # seconds in which a process that died says why, or its id disappears


class PeerLost(RuntimeError):
    """Another process of the run has ended, or failed; the message says which and why."""


class Team:
    """One of ``size`` processes, the ``rank``-th from 0. With one process everything is a plain no-op."""

    def __init__(self, rank: int = 0, size: int = 1, group: Any = None, patient: Any = None) -> None:
        self.rank, self.size, self._group, self._patient = rank, size, group, patient
        self.norms: dict[str, Tensor] = {}
        self.waited = 0.0  # seconds in exchanges: waiting for the others
        self._pids = self.gather(os.getpid())

    @property
    def leads(self) -> bool:
        """Whether this is the process that journals, evaluates and saves."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """This process's rows of a batch of ``count``: an equal part where ``size`` divides it."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def reduce(self, params: Iterable[nn.Parameter], player: str, *, detail: bool = False) -> None:
        """Gradients become their mean over all processes; ``detail`` notes this one's norm before it.

        Call it after backward and before anything reads the gradients. Every process must have gradients for
        the same parameters.
        """
        if self.size == 1:
            return
        held = [p for p in params if p.grad is not None]
        if detail:
            self.norms[f"ranks/grad_norm_{player}"] = stats.grad_norm(held)
        self.average([p.grad for p in held if p.grad is not None])

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Each tensor becomes its mean over all processes, in place; one exchange a kind of number."""
        if self.size == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for each in kinds.values():
            together = torch.cat([t.reshape(-1) for t in each])
            with self._lost():
                dist.all_reduce(together)
            together /= self.size
            for tensor, mean in zip(each, together.split([t.numel() for t in each]), strict=True):
                tensor.copy_(mean.view_as(tensor))

    def average_norms(self, net: nn.Module) -> None:
        """Running statistics of batch norms become their mean; each process normalises its own rows."""
        if self.size > 1:
            norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
            self.average([b for m in norms for b in m.buffers() if b.is_floating_point()])

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes; a new tensor where there are several."""
        if self.size == 1:
            return tensor
        total = tensor.detach().clone()
        with self._lost():
            dist.all_reduce(total)
        return total

    def gather(self, value: Any) -> list[Any]:
        """``value`` of every process, in their order."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with self._lost():
            dist.all_gather_object(found, value, group=self._group)
        return found

    def collect(self, value: Any) -> list[Any]:
        """As `gather`, for what is large: the first process has all values, the others their own alone."""
        if self.size == 1:
            return [value]
        found: list[Any] | None = [None] * self.size if self.leads else None
        with self._lost():
            dist.gather_object(value, found, group=self._group)
        return [value] if found is None else found

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        if self.size == 1:
            return flag
        told = torch.tensor([int(flag)])
        with self._lost():
            dist.all_reduce(told, dist.ReduceOp.MAX, group=self._group)
        return bool(told)

    def meet(self) -> None:
        """Waits for all others, however long the first process works alone meanwhile."""
        if self.size > 1:
            with self._lost():
                dist.all_reduce(torch.zeros(1), group=self._patient)

    def leave(self, reason: str = "") -> None:
        """Ends the membership; with a reason the others are told that this process failed, and why."""
        global _current
        _current = SOLO
        if self.size == 1:
            return
        if reason:
            self._store().set("failed", f"process {self.rank + 1} of {self.size}: {reason}")
        else:
            self.meet()  # nobody goes before all have come here
        dist.destroy_process_group()

    @contextmanager
    def _lost(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
            self.waited += time.monotonic() - began
        except RuntimeError as problem:
            raise PeerLost(self._why(problem)) from problem

    def _why(self, problem: RuntimeError) -> str:
        """What the others left behind: a reason, or a process id that is no more."""
        until = time.monotonic() + NOTICE
        while time.monotonic() < until:
            try:
                if self._store().check(["failed"]):
                    return self._store().get("failed").decode()
            except RuntimeError:
                pass  # the store went with the process that kept it
            for rank, pid in enumerate(getattr(self, "_pids", [])):
                if rank != self.rank and _gone(pid):
                    return (
                        f"process {rank + 1} of {self.size} (pid {pid}) has ended without a word: killed, or out "
                        "of memory"
                    )
            time.sleep(0.1)
        if "timed out" in str(problem).lower():
            minutes = LONGEST_WAIT.total_seconds() / 60
            return (
                f"another process of the run has not answered for {minutes:g} min and still runs: it hangs, at a "
                "disk or in a deadlock"
            )
        return f"the connection to another process of the run is lost ({str(problem).splitlines()[0]:.120})"

    @staticmethod
    def _store() -> Any:
        return dist.distributed_c10d._get_default_store()


def _gone(pid: int) -> bool:
    """Whether no such process runs here any more; one that waits to be reaped has ended too."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[-1].split()[0] in ("Z", "X")
    except ProcessLookupError:
        return True
    except OSError:
        return False  # another's process, or a system without /proc


SOLO = Team()
_current = SOLO


def current() -> Team:
    """The team that this process has joined; one of its own until then."""
    return _current


def called() -> bool:
    """Whether a launcher (ours, torchrun) has started this process as one of several or more."""
    return all(name in os.environ for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"))


def check(processes: int, device: str) -> None:
    """Raises BadInput where so many processes cannot have a device each."""
    if processes == 1 or device == "cpu":
        return
    if ":" in device:
        raise BadInput(
            f"device {device!r} is one GPU for trainer.processes={processes}; write device=auto, which gives "
            "each process its own"
        )
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if processes > gpus and (gpus or device != "auto"):
        raise BadInput(
            f"trainer.processes {processes} is more than the {gpus} GPUs here: each process takes one; lower it, "
            "or take device=cpu"
        )


def join(processes: int, device: str) -> Team:
    """Joins the others by the environment of a launcher and becomes `current`.

    Raises:
        BadInput: where the launcher started another number of processes than the recipe asks for.
        PeerLost: where the others do not come.
    """
    global _current
    size, rank = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    if size != processes:
        raise BadInput(
            f"trainer.processes is {processes} and {size} were started: start as many, or set "
            f"trainer.processes={size}"
        )
    if size == 1:
        return SOLO
    check(processes, device)
    if os.environ["MASTER_ADDR"] in ("127.0.0.1", "localhost"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(local_rank())
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=LONGEST_WAIT)
        groups = [dist.new_group(backend="gloo", timeout=wait) for wait in (LONGEST_WAIT, PATIENCE)]
        _current = Team(rank, size, *groups)
    except RuntimeError as problem:
        raise PeerLost(f"the processes of the run did not find each other: {problem}") from problem
    return _current


def local_rank() -> int:
    """The place of this process among those of this machine: the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))
