"""`python -m worker train` and `python -m worker chores`: a Celery worker with the queues of its host.

Beside them: `migrate` brings the database to this version, `demo` queues the demo pair where there is no run,
`health train|chores` succeeds where such a worker of this host is alive.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from app.settings import BadSettings

USAGE = "usage: python -m worker train|chores|migrate|demo|health train|health chores"


def queues_of(slots: Sequence[str], host: str, auto: bool) -> list[str]:
    """The queues that a training worker with these slots empties, those for its host alone first.

    ``auto``: whether it takes runs that name no device.
    """
    from app import dispatch
    from worker import devices

    wishes = ["cuda:0" if devices.kind(slots[0]) == "gpu" else "cpu", *(["auto"] if auto else [])]
    return [dispatch.queue_for(wish, at) for at in (host, "") for wish in wishes]


def train() -> int:
    """A worker for trainers: one process a slot, so that a message is taken only when a slot is free."""
    from app import dispatch
    from worker import devices
    from worker.app import app, restore_unacked
    from worker.presence import announce
    from worker.settings import worker_settings

    own = worker_settings()
    slots = devices.of_worker(own.devices, own.cores)
    dispatch.check(_broker())
    restore_unacked()
    kind = devices.kind(slots[0])
    announce(f"train:{own.host}:{os.getpid()}", {"host": own.host, "slots": slots, "auto": own.auto})
    app.worker_main(
        [
            *("worker", "--hostname", f"train-{kind}@{own.host}", "--pool", "prefork"),
            *("--concurrency", str(len(slots))),
            *("--queues", ",".join(queues_of(slots, own.host, own.auto))),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
        ]
    )
    return 0


def chores() -> int:
    """A worker for chores and errands, with the thread that looks for lost runs.

    Threads, as each but waits for a process: a long errand does not hold up the others.
    """
    from app import dispatch
    from worker.app import app
    from worker.chores import Sweeper
    from worker.settings import worker_settings

    own = worker_settings()
    dispatch.check(_broker())
    sweeper = Sweeper()
    sweeper.start()
    app.worker_main(
        [
            *("worker", "--hostname", f"chores@{own.host}", "--pool", "threads", "--concurrency", "3"),
            *("--queues", f"{dispatch.chores_queue()},{dispatch.chores_queue(own.host)}"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
        ]
    )
    return 0


def _broker() -> str:
    from app.settings import get_settings

    return get_settings().redis_url


def migrate() -> int:
    from app import db
    from app.settings import get_settings

    get_settings().prepared()
    db.migrate()
    return 0


def demo() -> int:
    """Queue the demo pair on an empty installation; says so."""
    from app import db, launching

    with db.transaction() as session:
        made = launching.demo(session)
    if made:
        print(f"the demo pair is queued: {' and '.join(run.name for run in made)}")
    return 0


def health(role: str) -> int:
    """0 when a worker of this role on this host has said within half a minute that it is there."""
    from app import dispatch
    from worker.settings import worker_settings

    if dispatch.present(_broker(), f"{role}:{worker_settings().host}:"):
        return 0
    print(f"nashboard: no {role} worker of {worker_settings().host} has been heard", file=sys.stderr)
    return 1


def main(words: Sequence[str]) -> int:
    """Exit status 0; 1 from `health`; 2 with one line for what cannot be."""
    commands = {
        ("train",): train,
        ("chores",): chores,
        ("migrate",): migrate,
        ("demo",): demo,
        ("health", "train"): lambda: health("train"),
        ("health", "chores"): lambda: health("chores"),
    }
    if tuple(words) not in commands:
        print(USAGE, file=sys.stderr)
        return 2
    from app.dispatch import BrokerDown
    from app.errors import Problem
    from recipes.base import BadRecipe

    try:
        return commands[tuple(words)]()
    except (BadSettings, BrokerDown, Problem, BadRecipe) as problem:
        print(f"nashboard: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
