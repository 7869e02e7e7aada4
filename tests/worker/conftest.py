"""A broker of their own for the tests of launching and the worker, and settings of a worker."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An embedded broker on a unix socket, for the session."""
    from worker import broker

    command, url = broker.prepare(tmp_path_factory.mktemp("broker"))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    broker.wait(url, lambda: process.poll() is None)
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture
def redis_url(broker_url: str) -> str:
    """The broker, empty."""
    from app import dispatch

    with dispatch.client(broker_url) as connection:
        connection.flushall()
    return broker_url


@pytest.fixture
def database_kind() -> str:
    """SQLite, unless a test says otherwise."""
    return "sqlite"


@pytest.fixture
def launchable(database: Any, settings: Any, redis_url: str, tmp_path: Path) -> Iterator[Any]:
    """The settings, with the broker and ``tmp_path / "data"`` as allowed data folder."""
    from app import settings as module

    (tmp_path / "data").mkdir()
    made = module.load(
        home=settings.home,
        database_url=settings.database_url,
        redis_url=redis_url,
        data_roots=[tmp_path / "data"],
    )
    module.use(made)
    yield made
    module.use(settings)


@pytest.fixture
def queued(launchable: Any) -> Callable[..., str]:
    """``queued(patch, **asked)`` → the id of a new queued run."""
    from app import db, launching

    def made(patch: dict[str, Any] | None = None, **asked: Any) -> str:
        with db.transaction() as session:
            return launching.launch(session, "codec", patch=patch or {}, **asked).id

    return made
