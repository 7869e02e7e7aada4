"""Sending work to the workers: the broker's address, the names of the queues, and one message a run.

The server sends by name and never imports the worker. A message is only a knock at the door: what a worker
does is decided by the run's row in the database, so a message that comes twice does nothing the second time.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

TRAIN = "worker.tasks.train"
DELETE_FILES = "worker.tasks.delete_files"
PIN = "worker.tasks.pin"
ERRAND = "worker.tasks.errand"
PREFLIGHT = "worker.tasks.preflight"
CHORES = "nashboard.chores"
VISIBILITY = 30 * 24 * 3600
CONNECT_S = 2.0
UNACKED = "nashboard.unacked"
WORKERS = "nashboard.worker:"
PRESENT_S = 35


class BrokerDown(Exception):
    """The broker does not answer; the message says where it was looked for and what to do."""


def queue_for(device: str, host: str = "") -> str:
    """The queue of a run: by the kind of device it wants and, for one bound to a host, by that host."""
    kind = device if device in ("auto", "cpu") else "gpu"
    return f"nashboard.train.{kind}" + (f"@{host}" if host else "")


def chores_queue(host: str = "") -> str:
    """The queue of chores that any chores worker can do, or that only one host's can (its files)."""
    return CHORES + (f"@{host}" if host else "")


def kombu_url(url: str) -> str:
    """A Redis address as Celery spells it: ``unix:///path?db=0`` is ``redis+socket:///path?virtual_host=0``."""
    parts = urlsplit(url)
    if parts.scheme not in ("unix", "redis+socket"):
        return url
    query = dict(parse_qsl(parts.query))
    number = query.get("db") or query.get("virtual_host") or "0"
    return f"redis+socket://{quote(unquote(parts.path))}?virtual_host={number}"


def client(url: str) -> Any:
    """A redis-py client for the address, in either spelling, with short time-outs."""
    import redis

    parts = urlsplit(url)
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": CONNECT_S,
        "retry": None,
    }
    if parts.scheme in ("unix", "redis+socket"):
        query = dict(parse_qsl(parts.query))
        number = query.get("virtual_host") or query.get("db") or "0"
        return redis.Redis(unix_socket_path=unquote(parts.path), db=int(number), **options)
    return redis.Redis.from_url(url, **options)


def transport_options() -> dict[str, Any]:
    """Options of the Redis transport, the same for sender and worker.

    The visibility timeout is longer than any run: below a run's length it would start the run a second time.
    The names keep Nashboard's unacknowledged messages apart from those of others on the same database.
    """
    return {
        "visibility_timeout": VISIBILITY,
        "unacked_key": UNACKED,
        "unacked_index_key": f"{UNACKED}_index",
        "unacked_mutex_key": f"{UNACKED}_mutex",
        "fanout_prefix": "/nashboard/{db}.",
        "socket_keepalive": True,
    }


@lru_cache(maxsize=4)
def _sender(url: str) -> Any:
    import celery

    app = celery.Celery("nashboard", broker=kombu_url(url), set_as_current=False)
    app.conf.update(
        broker_transport_options={
            **transport_options(),
            "socket_connect_timeout": CONNECT_S,
            "socket_timeout": CONNECT_S,
        },
        broker_connection_timeout=CONNECT_S,
        task_ignore_result=True,
        task_create_missing_queues=True,
    )
    return app


def where(url: str) -> str:
    """The address without its password, for messages."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def check(url: str | None) -> None:
    """Raise `BrokerDown` unless the broker answers within a few seconds."""
    if not url:
        raise BrokerDown("no broker is set up, so nothing can be started; use `make run`, or set REDIS_URL")
    import redis

    try:
        with client(url) as connection:
            connection.ping()
    except (redis.RedisError, OSError, ValueError) as problem:
        raise BrokerDown(
            f"the broker at {where(url)} does not answer ({problem}); start it, or check REDIS_URL"
        ) from None


def send(url: str | None, task: str, args: list[Any], queue: str, task_id: str | None = None) -> None:
    """Put one message on a queue. Raises `BrokerDown` when the broker does not take it."""
    check(url)
    assert url is not None
    from kombu.exceptions import OperationalError

    try:
        _sender(url).send_task(task, args=args, queue=queue, task_id=task_id, retry=False)
    except (OperationalError, OSError) as problem:
        raise BrokerDown(f"the broker at {where(url)} took no message: {problem}") from None


def waiting(url: str) -> set[str]:
    """Ids of the messages that wait on a train queue or that a worker holds. Raises `BrokerDown`."""
    import redis

    found = set()
    try:
        with client(url) as connection:
            for key in connection.scan_iter("nashboard.train.*", count=1000):
                if connection.type(key) == b"list":
                    found |= {_message_id(json.loads(raw)) for raw in connection.lrange(key, 0, -1)}
            for raw in connection.hvals(UNACKED):
                found.add(_message_id(json.loads(raw)[0]))
    except (redis.RedisError, OSError) as problem:
        raise BrokerDown(f"the broker at {where(url)} does not answer ({problem})") from None
    return found


def _message_id(message: dict[str, Any]) -> str:
    return str((message.get("headers") or {}).get("id", ""))


def here(url: str, key: str, facts: dict[str, Any]) -> None:
    """A worker says that it is there; it is forgotten unless it says so again."""
    with client(url) as connection:
        connection.set(f"{WORKERS}{key}", json.dumps(facts), ex=PRESENT_S)


def gone(url: str, key: str) -> None:
    """A worker takes its leave. Raises redis's errors."""
    with client(url) as connection:
        connection.delete(f"{WORKERS}{key}")


def workers(url: str | None) -> list[dict[str, Any]]:
    """The training workers that are there: ``host``, ``slots``, ``auto`` of each. Raises `BrokerDown`."""
    return present(url, "train:")


def present(url: str | None, prefix: str) -> list[dict[str, Any]]:
    """What the workers whose key begins so have said of themselves. Raises `BrokerDown`."""
    check(url)
    assert url is not None
    import redis

    try:
        with client(url) as connection:
            found = [
                connection.get(key) for key in sorted(connection.scan_iter(f"{WORKERS}{prefix}*", count=1000))
            ]
    except (redis.RedisError, OSError) as problem:
        raise BrokerDown(f"the broker at {where(url)} does not answer ({problem})") from None
    return [json.loads(raw) for raw in found if raw]
