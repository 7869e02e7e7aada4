"""Reading a journal that somebody is still writing: whole lines, from any line on, back and forth."""

from __future__ import annotations

import os
from pathlib import Path

from nashboard.journal import path_of


class Tail:
    """A place in a growing journal: ``seq`` is the next line to be taken, ``offset`` where it starts."""

    def __init__(self, run_dir: str | os.PathLike[str]) -> None:
        self.path: Path = path_of(run_dir)
        self.seq = self.offset = 0
        self._mark = (0, 0)  # where the last batch started: going back to it needs no search

    def take(self, max_lines: int, max_bytes: int) -> list[bytes]:
        """The next whole lines, with their ends: at least one if there is one, else within both limits.

        Raises FileNotFoundError while there is no journal.
        """
        self._mark = (self.seq, self.offset)
        lines: list[bytes] = []
        size = 0
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while len(lines) < max_lines:
                line = file.readline()
                if not line.endswith(b"\n") or (lines and size + len(line) > max_bytes):
                    break  # the end, a line that is still being written, or enough
                lines.append(line)
                size += len(line)
        self.seq += len(lines)
        self.offset += size
        return lines

    def seek(self, seq: int) -> bool:
        """Goes to line ``seq``; False when the journal has fewer lines (then it stands at its end)."""
        if seq < self.seq:
            self.seq, self.offset = self._mark if seq >= self._mark[0] else (0, 0)
        while self.seq < seq:
            if not self.take(seq - self.seq, 1 << 20):
                return False
        return True

    @property
    def more(self) -> bool:
        """Whether the file reaches past this place (by a whole line or a part of one)."""
        try:
            return self.path.stat().st_size > self.offset
        except OSError:
            return False
