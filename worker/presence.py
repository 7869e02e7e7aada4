"""A training worker makes itself known on the broker, so that pages can say who could take a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import redis
from celery.signals import worker_ready, worker_shutdown

from app import dispatch
from app.settings import get_settings

log = logging.getLogger("nashboard.worker")
EVERY_S = 10.0


def announce(host: str, slots: Sequence[str]) -> None:
    """From the worker's start to its end, say every few seconds that it is there."""
    key = f"{host}:{os.getpid()}"

    def say() -> None:
        try:
            dispatch.here(get_settings().redis_url, key, {"host": host, "slots": list(slots)})
        except (redis.RedisError, OSError) as problem:
            log.warning("the broker does not answer: %s", problem)

    def ready(sender: Any, **_: Any) -> None:
        say()
        sender.timer.call_repeatedly(
            EVERY_S, say
        )  # in the worker's own loop: a thread must not live over a fork

    def gone(**_: Any) -> None:
        try:
            dispatch.gone(get_settings().redis_url, key)
        except (redis.RedisError, OSError) as problem:
            log.info("the broker does not answer: %s", problem)

    worker_ready.connect(ready, weak=False)
    worker_shutdown.connect(gone, weak=False)
