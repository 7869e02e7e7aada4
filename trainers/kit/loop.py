"""The generic part of a training loop: when to report, evaluate, save and stop. Steps stay in the trainer.

for step in loop.steps():
    with loop.waiting():
        batch = …
    …
    loop.took({"loss/disc": …, "loss/gen": …}, items=8, seconds=2.0)
    if loop.reports:
        loop.report({…})
    if loop.evaluates:
        loop.save(evaluate(step))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nashboard.reporter import Reporter
from trainers.kit import processes, stats
from trainers.kit.checkpoints import Checkpoint, Keeper, copied
from trainers.kit.device import gpu_memory
from trainers.kit.errors import Diverged
from trainers.kit.report import Bad, Window, over_ranks
from trainers.kit.signals import EndedAtOnce as EndedAtOnce
from trainers.kit.signals import Signals

COPY_SHARE = 0.02  # of the time goes into copies of the last good state


@dataclass(frozen=True)
class Schedule:
    """When things happen, in generator steps. ``total`` is the last step."""

    total: int
    per_epoch: int
    log_every: int
    eval_every: int

    @classmethod
    def of(cls, trainer: Any) -> Schedule:
        """From a recipe's part ``trainer``."""
        per = trainer.steps_per_epoch
        return cls(trainer.total_steps, per, trainer.log_every, trainer.eval_every * per)


class Loop:
    """Steps of one run. ``state`` gives what a checkpoint keeps: live tensors and plain values.

    Where several processes train, each has a loop: they stop at the same step, report their means, and the
    first one writes. ``state`` is asked for in all of them then.

    Attributes:
        step: the generator step being made, or made last.
        reports, evaluates: whether this step ends with a report, with an evaluation.
        goes_on: the journal goes on from a checkpoint: its start was evaluated and heard before.
        stopped: why the run was stopped before its last step; empty if it was not.
    """

    def __init__(
        self,
        reporter: Reporter,
        schedule: Schedule,
        keeper: Keeper,
        signals: Signals,
        *,
        identity: Checkpoint,
        state: Callable[[], dict[str, Any]],
        start: int = 0,
        goes_on: bool = False,
    ) -> None:
        self.reporter, self.schedule, self.keeper, self.signals = reporter, schedule, keeper, signals
        self.step = self.start = start
        self.goes_on = goes_on
        self.team = processes.current()
        self.stopped = ""
        self.saved = -1
        self._identity, self._state = identity, state
        self._window, self._speed = Window(), stats.Speed()
        self._waited = self._copying = 0.0
        self._good: tuple[int, dict[str, Any]] = (start, self._copy())
        self._since = self._copied = time.monotonic()

    @property
    def reports(self) -> bool:
        # a journal that goes on has its first report: another one would cut the means of the next in two
        first = self.step == self.start + 1 and not self.goes_on
        due = self.step % self.schedule.log_every == 0 or first
        return due or self.evaluates

    @property
    def evaluates(self) -> bool:
        return self.step % self.schedule.eval_every == 0 or self.step == self.schedule.total

    @property
    def epoch(self) -> float:
        return self.step / self.schedule.per_epoch

    def steps(self) -> Iterator[int]:
        """The steps from the start to the last, fewer when the run is asked to stop."""
        self.team.meet()  # the first process may have evaluated meanwhile
        self.resume_clock()
        while self.step < self.schedule.total and not self._asked():
            self.step += 1
            yield self.step

    def _asked(self) -> bool:
        asked = ""
        if self.signals.asked:
            asked = f"{self.signals.asked} received"
        elif self.reporter.stop_requested:
            asked = "stop requested on the server"
        if self.team.any(bool(asked)):
            self.stopped = next(text for text in self.team.gather(asked) if text)
        return bool(self.stopped)

    def resume_clock(self) -> None:
        """Leaves what came before (an evaluation, a save) out of the speeds."""
        self._speed.points()
        self._since, self._waited, self.team.waited = time.monotonic(), 0.0, 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time inside as waiting for data."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._waited += time.monotonic() - began

    def took(self, terms: Mapping[str, Tensor], *, items: int, seconds: float = 0.0) -> None:
        """One step's losses, averaged at the next report and watched for NaN; costs no transfer."""
        self._window.add(self.step, terms)
        self._speed.add(items, seconds)

    def report(self, values: Mapping[str, Tensor | float]) -> dict[str, float]:
        """Reports the means of the window, ``values`` of this step, epoch and speeds.

        Raises:
            Diverged: when a loss of the window was not finite; the last good state is saved by then.
        """
        steps = len(self._window)
        found, bad = self._window.read(values)
        wall = max(time.monotonic() - self._since, 1e-9)
        found["progress/epoch"] = self.epoch
        found |= {**self._speed.points(), "speed/data_wait": min(self._waited / wall, 1.0)}
        found |= gpu_memory()
        due = self._copy_due()
        if self.team.size > 1:
            found, bad, due = self._shared(found, bad, due, (wall - self.team.waited) / max(steps, 1))
        self._since, self._waited, self.team.waited = time.monotonic(), 0.0, 0.0
        self.reporter.points(self.step, found)
        if bad is not None:
            self._write(*self._good, {})
            raise Diverged(*bad)
        if due:
            self._remember()
        return found

    def _shared(
        self, found: dict[str, float], bad: Bad | None, due: bool, seconds: float
    ) -> tuple[dict[str, float], Bad | None, bool]:
        """(means over the processes with each one's own values, what is not finite anywhere, the first's due)."""
        own = {"ranks/step_seconds": seconds, **stats.read(self.team.norms)}
        told = self.team.gather((found | own, bad, due))
        bads = [b for _, b, _ in told if b is not None]
        return over_ranks([values for values, _, _ in told]), min(bads, default=None), told[0][2]

    def _copy_due(self) -> bool:
        """Whether the last good state may be copied again, by `COPY_SHARE` of the time."""
        return (time.monotonic() - self._copied) * COPY_SHARE >= self._copying

    def _copy(self) -> dict[str, Any]:
        state = self._state()
        return copied(state) if self.team.leads else {}

    def _remember(self) -> None:
        """Copies the state as the last good one."""
        now = time.monotonic()
        self._good = (self.step, self._copy())
        self._copied = time.monotonic()
        self._copying = self._copied - now

    def save(self, metrics: Mapping[str, float]) -> None:
        """Writes a checkpoint of this step; ``metrics`` decide whether it is the best."""
        self.team.meet()  # the first process has evaluated, the others have not
        if self.saved != self.step:
            self._write(self.step, self._state(), metrics)
            self.saved = self.step
        self.resume_clock()

    def _write(self, step: int, state: dict[str, Any], metrics: Mapping[str, float]) -> None:
        if not self.team.leads:
            return
        done = self.keeper.save(Checkpoint(**{**vars(self._identity), "step": step, "state": state}), metrics)
        self.reporter.checkpoint(step, done.path, best=done.best, kept=[str(p) for p in done.kept])
