"""What a run's contents are, as one digest: its points and its samples, however its journal is laid out.

The journal of a run folder and the one that a server puts together from its tables differ line by line; the points
of each series in the order of their coming, and the samples by step and digest, are the same.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from nashboard.events import Event, Points, SampleMade

if TYPE_CHECKING:
    from hashlib import _Hash

_POINT = struct.Struct("<qdd")


class Content:
    """Takes a run's events, or its series as columns, in the order of their coming; `digest` says what they are."""

    def __init__(self) -> None:
        self._series: dict[str, _Hash] = {}
        self._samples: set[str] = set()
        self.points = 0

    def take(self, event: Event) -> None:
        """One more event; those that are neither points nor samples do not count."""
        if type(event) is Points:
            step, time = event.step, event.time
            for name, value in event.values.items():
                self._of(name).update(_POINT.pack(step, time, value))
                self.points += 1
        elif isinstance(event, SampleMade):
            self.sample(event.step, event.series, event.sha256)

    def column(self, series: str, data: bytes) -> None:
        """More points of a series: step (int64), time and value (float64) of each, little-endian."""
        self._of(series).update(data)
        self.points += len(data) // _POINT.size

    def sample(self, step: int, series: str, sha256: str) -> None:
        """A sample that the run made."""
        self._samples.add(f"{step} {series} {sha256}")

    def digest(self) -> str:
        """64 hex digits."""
        whole = hashlib.sha256()
        for name in sorted(self._series):
            whole.update(f"{name} {self._series[name].hexdigest()}\n".encode())
        for line in sorted(self._samples):
            whole.update(f"{line}\n".encode())
        return whole.hexdigest()

    def _of(self, name: str) -> _Hash:
        found = self._series.get(name)
        if found is None:
            found = self._series[name] = hashlib.sha256()
        return found
