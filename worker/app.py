"""The Celery application: Redis only, settings as they were measured (docs/decisions).

A message is acknowledged when its run is over, so that a worker that dies leaves it behind; what happens then
is decided by the run's row and its lease, never by the message (`worker.leases`).
"""

from __future__ import annotations

import logging
import mmap
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_shutting_down

from app import db, dispatch
from app.settings import get_settings
from worker import transport

log = logging.getLogger("nashboard.worker")
_flag = mmap.mmap(-1, 1)
"""One byte shared with the pool's processes, forked from this one: whether the worker shuts down."""


def make(redis_url: str) -> Celery:
    """The application for a broker."""
    made = Celery("nashboard", broker=dispatch.kombu_url(redis_url), include=["worker.tasks"])
    made.conf.update(
        broker_transport_options=dispatch.transport_options(),
        broker_connection_retry_on_startup=True,
        control_exchange="nashboard.pidbox",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_track_started=True,
        task_ignore_result=True,
        task_default_queue=dispatch.CHORES,
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_proc_alive_timeout=60.0,
        worker_send_task_events=False,
        worker_hijack_root_logger=True,
        worker_log_format="%(asctime)s %(levelname)s %(message)s",
        worker_task_log_format="%(asctime)s %(levelname)s %(message)s",
    )
    return made


app = make(get_settings().redis_url or "redis://127.0.0.1:6379/0")
transport.install(app.connection_for_write)


def shutting_down() -> bool:
    """Whether this worker, or the one that this process belongs to, was told to end."""
    return _flag[0] != 0


@worker_shutting_down.connect
def _note_shutdown(**_: Any) -> None:
    _flag[0] = 1


@worker_process_init.connect
def _fresh(**_: Any) -> None:
    db.dispose()  # nothing of the parent's connections may be used here


def restore_unacked() -> int:
    """Put back at once what a dead worker held; how many messages there were.

    Without it they would come back after the visibility timeout, which is longer than any run. What a living
    worker holds comes back too: those messages do nothing, for their runs have leases.
    """
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        before = channel.client.hlen(dispatch.UNACKED)
        channel.visibility_timeout = 0
        channel.qos.restore_visible(num=10_000, interval=1)
        return int(before - channel.client.hlen(dispatch.UNACKED))
