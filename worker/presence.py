"""A worker makes itself known on the broker: to pages, which say who could take a run, and to checks."""

from __future__ import annotations

import logging
from typing import Any

import redis
from celery.signals import worker_ready, worker_shutdown

from app import dispatch
from app.settings import get_settings

log = logging.getLogger("nashboard.worker")
EVERY_S = 10.0


def say(key: str, facts: dict[str, Any]) -> None:
    """Once; a broker that does not answer is only noted."""
    try:
        dispatch.here(get_settings().redis_url, key, facts)
    except (redis.RedisError, OSError) as problem:
        log.warning("the broker does not answer: %s", problem)


def announce(key: str, facts: dict[str, Any]) -> None:
    """Say it every few seconds from the worker's start to its end."""

    def ready(sender: Any, **_: Any) -> None:
        say(key, facts)
        # in the worker's own loop, because a thread must not live where processes are forked
        sender.timer.call_repeatedly(EVERY_S, say, (key, facts))

    def gone(**_: Any) -> None:
        try:
            dispatch.gone(get_settings().redis_url, key)
        except (redis.RedisError, OSError) as problem:
            log.info("the broker does not answer: %s", problem)

    worker_ready.connect(ready, weak=False)
    worker_shutdown.connect(gone, weak=False)
