"""The thread that looks for silent runs, and removes deleted ones for good, beside the server."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy.exc import DBAPIError

from app import bins, db, runs
from app.live import bell
from app.settings import Settings

log = logging.getLogger("nashboard.server")


class Sweeper(threading.Thread):
    """Marks runs lost that have been silent for the setting's time, until `stop`.

    A server that was down hears nothing, so silence counts from its own start at the earliest.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.settings = settings
        self.since = time.time()
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(self.settings.sweep_every_s):
            try:
                self.sweep()
                bins.sweep()
            except DBAPIError as problem:  # the database may come back; the next round tries again
                log.warning("cannot look for lost runs: %s", " ".join(str(problem.orig).split()))

    def sweep(self, now: float | None = None) -> list[str]:
        """One round; the ids of the runs that it found lost."""
        now = time.time() if now is None else now
        after = self.settings.lost_after_s
        with db.reading() as session:  # mostly there is nothing to do, and readers hold nobody up
            if not runs.silent(session, now, after, self.since):
                return []
        with db.transaction() as session:
            lost = [run.id for run in runs.sweep_lost(session, now, after, self.since)]
        for run_id in lost:
            bell.ring(run_id)
        return lost

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._end.set()
        if self.is_alive():
            self.join(timeout=5)
