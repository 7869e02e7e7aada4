"""The uplink: a thread that copies the journal to the server while training goes on.

It reads the file, not the reporter's memory. Whatever the server does, the run goes on: trouble is one line
on stderr and back-off, and what was not sent stays in the journal for ``python -m nashboard push``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from nashboard.client import Client, Trouble
from nashboard.sender import Sender
from nashboard.telling import say as _say

LINGER_S = 0.5
HEARTBEAT_S = 4.0
BACK_OFF_S = (0.5, 30.0)
TELL_AGAIN_S = 600.0


class Uplink:
    """Starts copying the journal of ``run_dir`` to the run ``run_id`` at ``url``, at once and until `close`.

    Args:
        token: the server's; by default NASHBOARD_TOKEN.
        start: what the server is told of a run that it does not know; by default the journal's first line.
        say: takes the few lines meant for the user; by default they go to stderr.
        linger, heartbeat, back_off: seconds between batches, between signs of life at the most, and between
            attempts (first, longest) while there is trouble.

    Raises:
        BadAddress: when ``url`` is no server's address.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        url: str,
        run_id: str,
        token: str | None = None,
        start: dict[str, Any] | None = None,
        *,
        say: Callable[[str], None] = _say,
        linger: float = LINGER_S,
        heartbeat: float = HEARTBEAT_S,
        back_off: tuple[float, float] = BACK_OFF_S,
        client: Client | None = None,
    ) -> None:
        self._client = client or Client(url, token)
        self._say, self._linger, self._heartbeat, self._back_off = say, linger, heartbeat, back_off
        self._sender = Sender(run_dir, self._client, run_id, start, say)
        self._run_dir = run_dir
        self._wake, self._turn = threading.Event(), threading.Condition()
        self._closing: float | None = None
        self._failures = 0
        self._told: dict[str, float] = {}
        self._in_trouble = False
        if not self._client.loopback and not self._client.token:
            say(f"{self._client.url} is another machine, which will want a token: set NASHBOARD_TOKEN")
        self._thread = threading.Thread(target=self._work, name="nashboard-uplink", daemon=True)
        self._thread.start()

    @property
    def stop_requested(self) -> bool:
        """Whether a receipt said stop. It stays true: the run ends after its step."""
        return self._sender.stop

    def flush(self, timeout: float) -> bool:
        """Waits until all that the journal holds now is filed, at most ``timeout`` seconds; whether it is."""
        size = self._size()
        self._wake.set()
        with self._turn:
            return self._turn.wait_for(
                lambda: self._filed(size) or not self._thread.is_alive(), timeout
            ) and (self._filed(size))

    def close(self, timeout: float) -> bool:
        """Sends the rest within ``timeout`` seconds and ends the thread; whether all was sent.

        With a server that never answered it does not wait. What is left is told, with the command that sends
        it.
        """
        if self._closing is None:
            self._closing = time.monotonic() + max(timeout, 0.0)
            self._wake.set()
            self._thread.join(timeout)
            if not self._filed(self._size()):
                self._say(
                    f"not all of {self._run_dir} has reached {self._client.url}; this sends the rest: "
                    f"python -m nashboard push {self._run_dir} --to {self._client.url}"
                )
        return self._filed(self._size())

    def _size(self) -> int:
        try:
            return os.stat(self._sender.path).st_size
        except OSError:
            return 0

    def _filed(self, size: int) -> bool:
        return self._sender.filed >= size and not self._sender.owing

    def _work(self) -> None:
        go_on = True
        while go_on:
            try:
                again = self._exchange()
                pause = 0.0 if again else self._linger
            except (
                Exception
            ) as problem:  # whatever it is, this thread's end would make a lost run of a live one
                pause = self._after(problem)
            with self._turn:
                self._turn.notify_all()
            go_on = self._rest(pause)

    def _exchange(self) -> bool:
        """One batch and some wanted samples; True to go on at once."""
        begun = time.monotonic()
        again = self._sender.exchange()
        if self._sender.receipt is not None:
            self._sender.put_blobs(lambda: time.monotonic() - begun > self._heartbeat / 2)
            if self._in_trouble:
                self._say(f"{self._client.url} answers again; the journal is being sent")
            self._failures, self._in_trouble = 0, False
        return again

    def _after(self, problem: Exception) -> float:
        """Tells the user once, and says how long to wait before the next attempt."""
        kind = problem.kind if isinstance(problem, Trouble) else type(problem).__name__
        now = time.monotonic()
        if now - self._told.get(kind, -TELL_AGAIN_S) >= TELL_AGAIN_S:
            self._told[kind] = now
            self._in_trouble = True
            self._say(
                f"{str(problem) or kind}; the run goes on, its journal keeps everything, sending is tried again"
            )
        first, longest = self._back_off
        self._failures += 1
        return min(first * 2.0 ** (min(self._failures, 20) - 1), longest)

    def _rest(self, pause: float) -> bool:
        """Waits for something to do: new lines after ``pause`` seconds, a heartbeat, a flush or the end.

        False when the thread shall end.
        """
        begun = time.monotonic()
        while self._closing is None:
            waited = time.monotonic() - begun
            new = waited >= pause and (self._failures or self._sender.more)
            if pause == 0.0 or new or waited >= max(pause, self._heartbeat):
                return True
            if self._wake.wait(min(self._linger, max(pause, self._heartbeat) - waited)):
                self._wake.clear()
                if self._closing is None:
                    return True
        return self._last_turns(pause)

    def _last_turns(self, pause: float) -> bool:
        """Whether to try once more while closing."""
        assert self._closing is not None
        left = self._closing - time.monotonic()
        if self._filed(self._size()) or left <= 0.0:
            return False
        if self._failures:
            if self._sender.filed < 0:  # it never answered: not worth anybody's wait
                return False
            time.sleep(min(pause, left))
        return True
