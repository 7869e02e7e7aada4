"""The journal of a run: the append-only file ``events.jsonl``, one event a line.

The line number is the event's ``seq``. One process writes a journal at a time (an advisory lock on the file
sees to it), any number may read it. A line that a crash tore is cut when the journal is opened again.
"""

from __future__ import annotations

import errno
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from nashboard import events as ev
from nashboard.events import BadEvent, Event, UnknownKind
from nashboard.journalfile import (
    BadJournal,
    JournalBusy,
    JournalClosed,
    JournalError,
    JournalFull,
    claim,
    mend,
    told,
)

__all__ = [
    "BadJournal",
    "Journal",
    "JournalBusy",
    "JournalClosed",
    "JournalError",
    "JournalFull",
    "events",
    "exists",
    "last_step",
    "path_of",
    "read",
    "started",
]
NAME = "events.jsonl"
_OPENING = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def path_of(place: str | os.PathLike[str]) -> Path:
    """The journal's file for a run folder or for the file itself."""
    path = Path(place)
    return path / NAME if path.is_dir() or path.suffix != ".jsonl" else path


class Journal:
    """Opens the journal of ``run_dir``, or goes on with the one that is there.

    Safe for any number of threads. Every line is handed to the operating system before `append` returns.
    ``repaired`` counts the bytes of a torn last line that were cut on opening.

    Raises:
        JournalBusy: when somebody else writes it.
        BadJournal: when the file is there and its lines are not numbered as a journal's are.
        JournalError: when folder or file cannot be made.
    """

    def __init__(self, run_dir: str | os.PathLike[str], clock: Callable[[], float] = time.time) -> None:
        self.path = path_of(run_dir)
        self.repaired = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._fd = -1
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, _OPENING, 0o666)
        except OSError as problem:
            raise told(problem, self.path, "cannot be opened") from problem
        try:
            claim(self._fd, self.path)
            self._next, self._size, self.repaired = mend(self._fd, self.path)
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise
        _OPEN.add(self)

    @property
    def next_seq(self) -> int:
        """The ``seq`` that the next event will have: the number of lines so far."""
        return self._next

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def append(self, event: Event) -> Event:
        """Writes the event as the next line and returns it with its ``seq`` and ``time``.

        Raises:
            JournalFull: when there is no room; the journal keeps its last whole line.
            BadEvent: when the event breaks what its kind promises (`events.check`) or is no JSON.
        """
        ev.check(event)
        seq, when = self.append_body(ev.encode_body(event))
        return ev.stamped(event, seq, when)

    def end(self, event: Event) -> None:
        """Writes the last line and closes the journal, so that no other thread comes after it."""
        try:
            ev.check(event)
            self.append_body(ev.encode_body(event), last=True)
        finally:
            self.close()

    def append_body(self, body: str, last: bool = False) -> tuple[int, float]:
        """Writes a line whose fields from ``kind`` on are the JSON text ``body`` (`events.encode_body`)."""
        if len(body) > ev.MAX_LINE - 100:
            raise BadEvent(f"an event of {len(body)} characters; the limit of a line is {ev.MAX_LINE}")
        tail = body.encode()
        with self._lock:
            if self._fd < 0:
                raise JournalClosed(
                    errno.EBADF,
                    f"{self.path}: closed, as its run has ended or belongs to the process that forked this one",
                )
            seq, when = self._next, round(self._clock(), 6)
            line = b'{"seq":%d,"time":%b,%b\n' % (seq, repr(when).encode(), tail[1:])
            self._write(line)
            self._next += 1
            self._size += len(line)
            if last:
                self._release()
        return seq, when

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as problem:
            if len(rest) < len(line):
                self._undo()
            raise told(problem, self.path, "cannot be written") from problem

    def _undo(self) -> None:
        """Takes back the first part of a line that did not fit."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:  # then the torn line is mended when the journal is opened again
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Puts everything on the disk and lets go of the file. A second call does nothing."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        if self._fd < 0:
            return
        try:
            os.fsync(self._fd)
        except OSError as problem:
            if problem.errno not in (errno.EINVAL, errno.ENOTSUP):  # devices and pipes cannot
                raise told(problem, self.path, "cannot be written") from problem
        finally:
            os.close(self._fd)
            self._fd = -1
            _OPEN.discard(self)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            os.close(self._fd)
            self._fd = -1


_OPEN: weakref.WeakSet[Journal] = weakref.WeakSet()


def _forked() -> None:
    """In a forked child: the parent's journals are not ours to write, nor to keep locked after its end."""
    for journal in list(_OPEN):
        journal._lock = threading.Lock()
        if journal._fd >= 0:
            os.close(journal._fd)
            journal._fd = -1
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def read(path: str | os.PathLike[str], start: int = 0) -> Iterator[tuple[int, bytes]]:
    """(line number, line without its end) of each whole line from ``start`` on; a torn last line is left out.

    ``path`` is a run folder or the file. Raises FileNotFoundError where there is no journal.
    """
    with open(path_of(path), "rb") as file:
        for seq, line in enumerate(file):
            if not line.endswith(b"\n"):
                return
            if seq >= start:
                yield seq, line[:-1]


def events(path: str | os.PathLike[str], start: int = 0) -> Iterator[Event]:
    """The events from line ``start`` on; lines of an unknown kind are passed over.

    Raises:
        BadJournal: for a line that is no event, naming it.
    """
    where = path_of(path)
    for seq, line in read(where, start):
        try:
            yield ev.decode(line)
        except UnknownKind:
            continue
        except BadEvent as problem:
            raise BadJournal(errno.EINVAL, f"{where}: line {seq + 1}: {problem}") from None


def started(run_dir: str | os.PathLike[str]) -> ev.RunStarted:
    """The event that the journal begins with.

    Raises:
        BadJournal: when it begins with anything else.
        FileNotFoundError: where there is no journal.
    """
    first = next(events(run_dir), None)
    if not isinstance(first, ev.RunStarted):
        raise BadJournal(
            errno.EINVAL, f"{path_of(run_dir)} does not begin with run_started: no journal of a run"
        )
    return first


def last_step(run_dir: str | os.PathLike[str]) -> int | None:
    """The step of the last points in the journal; None where there are none. Reads the file's end first."""
    path = path_of(run_dir)
    size = path.stat().st_size
    for reach in (1 << 18, size):
        with path.open("rb") as file:
            file.seek(max(size - reach, 0))
            lines = file.read().split(b"\n")
        for line in reversed(lines):
            if b'"points"' in line:
                try:
                    event = ev.decode(line)
                except BadEvent:  # the first line of this stretch may lack its beginning
                    continue
                if isinstance(event, ev.Points):
                    return event.step
    return None


def exists(run_dir: str | os.PathLike[str]) -> bool:
    """Whether the folder holds a journal with anything in it."""
    path = path_of(run_dir)
    return path.is_file() and path.stat().st_size > 0
