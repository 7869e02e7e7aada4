"""The file under a journal: its lock, its torn end, and what can be wrong with it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from nashboard.strict import BadEvent, loads

try:
    import fcntl
except ImportError:  # Windows has no advisory locks of this kind: there nothing watches for a second writer
    fcntl = None  # type: ignore[assignment]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


class JournalError(OSError):
    """The journal cannot be written or read; the message names the file and the way out."""

    def __str__(self) -> str:
        return str(self.strerror or super().__str__())


class JournalFull(JournalError):
    """No room for the line (disk full, quota or file size limit). Nothing of it stays in the journal."""


class JournalBusy(JournalError):
    """Another process, or another `Journal` of this one, is writing this journal."""


class JournalClosed(JournalError):
    """The journal was closed, or belongs to the process that this one was forked from."""


class BadJournal(JournalError):
    """The file's contents are no journal that could be gone on with."""


def told(problem: OSError, path: Path, what: str) -> JournalError:
    """The operating system's error as ours, with the file and the way out."""
    reason = os.strerror(problem.errno) if problem.errno else str(problem)
    if problem.errno in _FULL:
        return JournalFull(
            problem.errno, f"{path}: {what}, there is no room ({reason}); free some and resume the run"
        )
    return JournalError(problem.errno, f"{path}: {what} ({reason})")


def claim(fd: int, path: Path) -> None:
    """Locks the file for this process until it is closed. Raises `JournalBusy` when somebody else has it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in _BUSY:
            raise JournalBusy(
                problem.errno,
                f"{path}: another process is writing this journal; use another folder or end it first",
            ) from None
        # some network file systems know no locks: then nothing watches for a second writer


def mend(fd: int, path: Path) -> tuple[int, int, int]:
    """(next seq, bytes of the whole lines, bytes cut) after mending a torn last line.

    Raises:
        BadJournal: when the last whole line does not have the number that its place asks for.
        JournalError: when the file cannot be changed.
    """
    count = size = last = before = 0  # lines; bytes; where the last whole line ends; where it starts
    held = os.fstat(fd).st_size  # 0 for what is no ordinary file, such as /dev/full
    while size < held and (chunk := _read(fd, min(1 << 20, held - size), size)):
        found = chunk.count(b"\n")
        if found:
            count += found
            end = chunk.rfind(b"\n")
            start = chunk.rfind(b"\n", 0, end)
            before = size + start + 1 if start >= 0 else last
            last = size + end + 1
        size += len(chunk)
    if count:
        seq = _seq(_read(fd, last - before, before))
        if seq != count - 1:
            what = "is no event" if seq is None else f"has seq {seq}, not {count - 1}"
            raise BadJournal(errno.EINVAL, f"{path}: line {count} {what}: a damaged journal, mend it by hand")
    torn = size - last
    if torn:
        try:
            if _seq(_read(fd, torn, last)) == count:  # only the line's end was lost
                os.write(fd, b"\n")
                return count + 1, size + 1, 0
            os.ftruncate(fd, last)
        except OSError as problem:
            raise told(problem, path, "cannot be mended") from problem
    return count, last, torn


def _read(fd: int, size: int, place: int) -> bytes:
    os.lseek(fd, place, os.SEEK_SET)  # what is written goes to the end nevertheless
    return os.read(fd, size)


def _seq(line: bytes) -> int | None:
    """The ``seq`` of a line that is one whole JSON object; None of anything else."""
    try:
        data = loads(line)
    except BadEvent:
        return None
    seq = data.get("seq") if isinstance(data, dict) else None
    return seq if type(seq) is int else None
