"""What kombu's Redis transport (5.7) lacks when the broker dies while tasks run and comes back.

A channel whose connection is gone cannot acknowledge, nor put messages back when it closes: both look for the
connection's address through None, and the AttributeError ends the worker. Here a late acknowledgement takes a
new connection, and messages are put back at a worker's start only (`worker.app.restore_unacked`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport import redis

log = logging.getLogger("nashboard.worker")


def install(connect: Callable[[], Connection]) -> None:
    """Have every channel of this process behave so; ``connect`` makes a new connection."""

    class QoS(redis.QoS):
        def ack(self, delivery_tag: str) -> None:
            if self._lives():
                super().ack(delivery_tag)
                return
            with _another(connect, "acknowledged") as other:
                other.ack(delivery_tag)

        def reject(self, delivery_tag: str, requeue: bool = False) -> None:
            if self._lives():
                super().reject(delivery_tag, requeue=requeue)
                return
            with _another(connect, "put back") as other:
                other.reject(delivery_tag, requeue=requeue)

        def _lives(self) -> bool:
            return bool(self.channel.connection and self.channel.connection.client)

    redis.Channel.QoS = QoS
    redis.Channel.do_restore = False


@contextmanager
def _another(connect: Callable[[], Connection], what: str) -> Iterator[Any]:
    """The bookkeeping of a new channel. A broker that is still away is noted: a message twice is harmless."""
    try:
        with connect() as connection:
            yield connection.default_channel.qos
    except (OperationalError, OSError, *redis.Transport.connection_errors) as problem:
        log.warning("a message could not be %s: %s", what, problem)
