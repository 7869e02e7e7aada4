"""The launcher's children: a log each, started again with back-off when they die, ended in order."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from worker import process

ROOT = Path(__file__).resolve().parent.parent
LOG_LIMIT = 8 * 1024 * 1024
STEADY_S = 60.0
LONGEST_WAIT_S = 30.0


def say(text: str) -> None:
    """One line to the person at the console; stdout holds the address alone."""
    print(f"nashboard: {text}", file=sys.stderr, flush=True)


@dataclass
class Child:
    """A process that shall run as long as the launcher does."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    death_signal: int = signal.SIGTERM
    keep: tuple[int, ...] = ()
    process: Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    next_start: float = field(default=0.0)

    def start(self) -> None:
        """Start it, its output at the end of its log; a log that has grown long is put aside first."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            os.replace(self.log, self.log.with_suffix(".old.log"))
        with self.log.open("ab") as out:
            self.process = process.spawn(
                self.command, env=self.env, log=out, cwd=ROOT, death_signal=self.death_signal, keep=self.keep
            )
        self.started = time.monotonic()

    @property
    def running(self) -> bool:
        return self.process is not None and not process.has_exited(self.process)

    def mend(self) -> None:
        """Start it again if it has died: at once the first time, then after longer and longer waits."""
        if self.running:
            return
        now = time.monotonic()
        if self.process is not None:
            code = process.reap(self.process)
            self.process = None
            self.deaths = 1 if now - self.started > STEADY_S else self.deaths + 1
            wait = 0.0 if self.deaths == 1 else min(LONGEST_WAIT_S, 2.0 ** (self.deaths - 2))
            self.next_start = now + wait
            when = f"in {wait:g} s" if wait else "now"
            say(f"the {self.name} ended ({ended_by(code)}); it is started again {when}; see {self.log}")
        if now >= self.next_start:
            self.start()

    def stop(self, seconds: float, number: int = signal.SIGTERM) -> bool:
        """End it with SIGTERM, with SIGKILL after ``seconds``; whether it ended by itself."""
        if self.process is None:
            return True
        process.tell(self.process, number)
        until = time.monotonic() + seconds
        while self.running and time.monotonic() < until:
            time.sleep(0.02)
        willing = not self.running
        if not willing:
            process.kill_group(self.process)
            while self.running:
                time.sleep(0.01)
        process.reap(self.process)
        self.process = None
        return willing

    def last_line(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text("utf-8", "replace").split("\n") if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def ended_by(code: int) -> str:
    """An exit status in words."""
    if code >= 0:
        return f"exit status {code}"
    return signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
