"""Copying a journal to a server, one exchange at a time: the protocol without threads and clocks.

The server's ``next_seq`` is the only state: lines before it are filed, lines from it on are sent.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nashboard import events, journal
from nashboard.client import Client, Trouble
from nashboard.receipt import Receipt
from nashboard.tail import Tail
from nashboard.telling import say as _say

MAX_LINES = 1000
MAX_BYTES = 1024 * 1024
MAX_REFUSED = 20
MAX_PUTS = 3
_ENDS = ("wav", "png", "jpg", "webp")


class Sender:
    """Copies the journal of ``run_dir`` to the run ``run_id`` of the client's server.

    ``start`` is what the server is told of a run that it does not know; by default the journal's first line.
    Counts what was done: ``sent`` lines, ``refused`` lines, ``blobs``. ``filed`` is how many bytes of the
    journal the server has acknowledged, -1 before its first answer; ``receipt`` is its last answer,
    ``wanted`` the digests still to be sent, ``owing`` whether the last answer wanted any, ``stop``
    whether any asked for the run's end.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        client: Client,
        run_id: str,
        start: dict[str, Any] | None = None,
        say: Callable[[str], None] = _say,
    ) -> None:
        self.client, self.run_id = client, run_id
        self.run_dir = journal.path_of(run_dir).parent
        self.receipt: Receipt | None = None
        self.wanted: list[str] = []
        self.sent = self.refused = self.blobs = 0
        self.filed, self.owing, self.stop = -1, False, False
        self._start, self._say = start, say
        self._tail = Tail(run_dir)
        self._lines, self._bytes = MAX_LINES, MAX_BYTES
        self._instead: dict[int, bytes] = {}
        self._put: Counter[str] = Counter()
        self._hopeless: set[str] = set()
        self._in_a_row = 0
        self._registered = False

    @property
    def path(self) -> Path:
        """The journal."""
        return self._tail.path

    @property
    def more(self) -> bool:
        """Whether the journal reaches past what was sent."""
        return self._tail.more

    def exchange(self) -> bool:
        """Posts the next lines (the first time none, to ask for ``next_seq``); whether to go on at once.

        Raises:
            Trouble: when the server cannot be reached or will not have it. Nothing is lost: the next exchange
                starts where the server is.
            OSError: when the journal cannot be read.
        """
        first, known = self._tail.seq, self.receipt is not None
        lines = self._tail.take(self._lines, self._bytes) if known else []
        body = b"".join(self._instead.get(first + i, line) for i, line in enumerate(lines))
        try:
            receipt = self.client.post_events(self.run_id, body)
        except Trouble as trouble:
            self._tail.seek(first)
            return self._after(trouble, first, lines)
        self._follow(receipt, first, len(lines))
        return self.owing or ((not known or bool(lines)) and self._tail.more)

    def _follow(self, receipt: Receipt, first: int, count: int) -> None:
        """Goes where the receipt says."""
        known = self.receipt is not None
        self.receipt, self._registered = receipt, False
        self.stop = self.stop or receipt.stop
        for digest in receipt.wants:
            if self._put[digest] >= MAX_PUTS:
                self._give_up(digest, f"{self.client.url} took it {MAX_PUTS} times and still asks for it")
        self.wanted = [digest for digest in receipt.wants if digest not in self._hopeless]
        self.owing = bool(self.wanted)
        if receipt.next_seq != first + count and not self._tail.seek(receipt.next_seq):
            self.receipt, self.filed = None, -1
            raise Trouble(
                "conflict",
                f"{self.client.url} holds {receipt.next_seq} lines of run {self.run_id}, more than "
                f"{self._tail.path} has: another journal was sent under this id",
            )
        if known and count and receipt.next_seq == first:
            raise Trouble("server", f"{self.client.url} takes no events of run {self.run_id}")
        self.filed = self._tail.offset
        self.sent += max(receipt.next_seq - first, 0) if known else 0
        self._lines = min(self._lines * 2, MAX_LINES)
        self._in_a_row = 0 if count > 1 else self._in_a_row

    def _after(self, trouble: Trouble, first: int, lines: list[bytes]) -> bool:
        """What to do after a refused batch; raises the trouble where nothing helps."""
        if trouble.kind == "unknown_run" and not self._registered:
            self.receipt = None
            self.client.create_run(self._start or registration(self.run_dir))
            self._registered = True
            return True
        self._registered = False
        if not lines or trouble.kind not in ("too_large", "refused"):
            raise trouble
        if len(lines) > 1:
            self._lines = (len(lines) + 1) // 2
            if trouble.kind == "too_large":
                self._bytes = max(sum(map(len, lines)) // 2, 1)
            return True
        if first in self._instead or self._in_a_row >= MAX_REFUSED:
            raise trouble
        self._in_a_row += 1
        self.refused += 1
        self._say(f"line {first} of {self._tail.path} stays here: {trouble}")
        told = f"line {first} of the journal ({len(lines[0])} bytes) was not taken: {trouble}"
        event = events.LogLine(seq=first, time=_time(lines[0]), text=told, level="error")
        self._instead[first] = events.encode(event).encode() + b"\n"
        return True

    def put_blobs(self, enough: Callable[[], bool] = lambda: False) -> None:
        """Sends wanted samples until there are none left or ``enough()``. Raises `Trouble`."""
        while self.wanted and not enough():
            digest = self.wanted[0]
            path = self._sample(digest)
            try:
                if path is None:
                    raise FileNotFoundError(f"{self.run_dir / 'samples'} has no file {digest}")
                self.client.put_blob(digest, path)
                self._put[digest] += 1
                self.blobs += 1
            except OSError as problem:
                self._give_up(digest, str(problem))
            except Trouble as trouble:
                if trouble.kind not in ("too_large", "refused"):
                    raise
                self._give_up(digest, str(trouble))
            self.wanted.remove(digest)

    def _give_up(self, digest: str, why: str) -> None:
        if digest not in self._hopeless:
            self._hopeless.add(digest)
            self._say(f"sample {digest[:12]} is not sent: {why}")

    def _sample(self, digest: str) -> Path | None:
        folder = self.run_dir / "samples"
        for end in _ENDS:
            if (folder / f"{digest}.{end}").is_file():
                return folder / f"{digest}.{end}"
        return next(folder.glob(f"{digest}.*"), None)


def _time(line: bytes) -> float:
    """When the event on a line was written, as far as it can be read; 0.0 otherwise."""
    try:
        when = events.number(events.loads(line)["time"])
    except (events.BadEvent, LookupError, TypeError):
        return 0.0
    return when if math.isfinite(when) else 0.0


def registration(run_dir: str | os.PathLike[str]) -> dict[str, Any]:
    """What ``POST /api/runs`` is told: the journal's first line, as far as it describes the run.

    Raises `journal.BadJournal` when the journal does not begin with ``run_started``.
    """
    begun = journal.started(run_dir)
    told = events.to_dict(begun)
    names = ("name", "project", "trainer", "preset", "size", "seed", "recipe", "parent", "treats", "command")
    return events.spelled({"id": begun.run, **{name: told[name] for name in (*names, "tags")}})
