"""Sending a run folder to a server: all that it lacks, once, from the journal and the samples beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from nashboard import journal
from nashboard.client import Client
from nashboard.receipt import Receipt
from nashboard.sender import Sender
from nashboard.telling import say as _say


@dataclass(frozen=True)
class Pushed(Receipt):
    """The server's last receipt, and what was sent to get it: ``events`` (lines), ``blobs`` (samples).

    ``refused`` lines were replaced by a log line that says so.
    """

    run: str = ""
    events: int = 0
    blobs: int = 0
    refused: int = 0


def push(
    run_dir: str | os.PathLike[str],
    url: str,
    token: str | None = None,
    say: Callable[[str], None] = _say,
) -> Pushed:
    """Sends the run in ``run_dir``, finished or still running, to the server at ``url``.

    What the server has already is not sent again, so a second push sends nothing.

    Raises:
        FileNotFoundError: where there is no journal.
        BadJournal: for one that does not begin with ``run_started``.
        BadAddress: when ``url`` is no server's address.
        Trouble: when the server cannot be reached or refuses.
    """
    client = Client(url, token)
    run = journal.started(run_dir).run
    sender = Sender(run_dir, client, run, say=say)
    again = True
    while again:
        again = sender.exchange()
        sender.put_blobs()
    assert sender.receipt is not None
    last = sender.receipt
    return Pushed(last.next_seq, last.stop, last.wants, run, sender.sent, sender.blobs, sender.refused)
