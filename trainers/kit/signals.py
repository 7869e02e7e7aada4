"""What SIGINT and SIGTERM mean to a run: end this step and save; a second one ends at once. Needs no torch."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any


class EndedAtOnce(BaseException):
    """A second signal: the run ends where it is, without a checkpoint."""


class Signals:
    """While entered, SIGINT and SIGTERM set `asked`; a second one raises `EndedAtOnce`, a third one kills.

    ``quiet``: another process has said already what the signal does.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.asked = ""
        self.quiet = quiet
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        for which in (signal.SIGINT, signal.SIGTERM):
            self._before[which] = signal.signal(which, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for which, handler in self._before.items():
            signal.signal(which, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.asked:
            for which in self._before:
                signal.signal(which, signal.SIG_DFL)
            raise EndedAtOnce(name)
        self.asked = name
        if not self.quiet:
            # not print(): the line may be heard in the middle of a write to the journal
            os.write(2, f"{name}: ending this step and saving; a second signal ends at once\n".encode())
