"""What a trainer printed, and how its journal ended: read from the ends of the files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nashboard import events, journal

TAIL = 256 * 1024
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Ending:
    """The state of a journal: how many lines it has, and its last event if that ends the run."""

    lines: int
    ended: events.RunEnded | None


def ending(run_dir: Path) -> Ending:
    """How the journal in ``run_dir`` ends; no lines where there is none. A torn last line does not count."""
    tail = _tail(journal.path_of(run_dir), 2 * events.MAX_LINE)
    for line in reversed(tail.split(b"\n")[:-1]):
        try:
            event = events.decode(line)
        except events.UnknownKind as other:
            return Ending(other.seq + 1, None)
        except events.BadEvent:
            continue
        return Ending(event.seq + 1, event if isinstance(event, events.RunEnded) else None)
    return Ending(0, None)


def _tail(path: Path, size: int, start: int = 0) -> bytes:
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(start, end - size))
            return file.read()
    except OSError:
        return b""


def last_lines(path: Path, start: int = 0, count: int = 40) -> list[str]:
    """The last lines of a console from byte ``start`` on; no colours, bars at their last state."""
    found = []
    for raw in _tail(path, TAIL, start).decode("utf-8", "replace").split("\n"):
        shown = [_CONTROL.sub("", part).rstrip() for part in raw.rstrip("\r").split("\r")]
        if line := next((s for s in reversed(shown) if s), ""):
            found.append(line[:2000])
    return found[-count:]
