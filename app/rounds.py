"""The thread in which the doctor makes its rounds: runs that have reported are looked at, soon but not too often."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy.exc import DBAPIError

from app import db, findings
from app.live import bell

log = logging.getLogger("nashboard.server")
SWEEP_S = 5.0
REST = 1.0
"""After a look the thread rests as long as the look took, so that it takes half a core at most."""

_due: dict[str, None] = {}
_rung = threading.Event()
_lock = threading.Lock()


def due(run_id: str) -> None:
    """The run has reported; may be called from any thread."""
    with _lock:
        _due.setdefault(run_id)
    _rung.set()


class Rounds(threading.Thread):
    """Looks at runs that are due, each at most every `app.findings.EVERY_S` seconds, until `stop`."""

    def __init__(self) -> None:
        super().__init__(name="doctor", daemon=True)
        self._end = threading.Event()
        self._looked: dict[str, float] = {}

    def run(self) -> None:
        swept = time.monotonic()
        while not self._end.is_set():
            waits = self.once()
            now = time.monotonic()
            if now - swept > SWEEP_S:
                swept = now
                self._guarded(self._sweep)
            _rung.clear()
            if not _due or waits:
                _rung.wait(waits if waits else SWEEP_S)

    def once(self) -> float:
        """Look at all runs that are due; the seconds until the next one that had to wait may be looked at."""
        with _lock:
            asked = list(_due)
        soonest = 0.0
        for run_id in asked:
            if self._end.is_set():
                break
            left = self._looked.get(run_id, -1e9) + findings.EVERY_S - time.monotonic()
            if left > 0:
                soonest = min(soonest or left, left)
                continue
            with _lock:
                _due.pop(run_id, None)
            began = time.monotonic()
            self._looked[run_id] = began
            if self._guarded(partial(findings.look, run_id)):
                bell.ring(run_id)
            self._end.wait(REST * (time.monotonic() - began))
        if len(self._looked) > 1000:
            self._looked = dict(list(self._looked.items())[-500:])
        return soonest

    def _sweep(self) -> bool:
        """Runs that others have filed, or that were here before: what this process was not told of."""
        with db.reading() as session:
            for run_id in findings.behind(session):
                due(run_id)
        return False

    def _guarded(self, act: Callable[[], bool]) -> bool:
        try:
            return act()
        except DBAPIError as problem:  # the database may come back; the next round tries again
            log.warning("the doctor cannot look: %s", " ".join(str(problem.orig).split()))
        except Exception:  # a run that a rule trips over must not end the rounds of the others
            log.exception("the doctor stumbled")
        return False

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._end.set()
        _rung.set()
        if self.is_alive():
            self.join(timeout=5)
        with _lock:
            _due.clear()
