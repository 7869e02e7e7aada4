"""Fixtures that tests share: a database of each kind, the application's client, runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# the same examples each time, however busy the machine is; TEST_EXAMPLES=1000 looks further
EXAMPLES = int(os.environ.get("TEST_EXAMPLES") or 0)
hypothesis.settings.register_profile(
    "nashboard",
    deadline=None,
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 100,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("nashboard")

POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/15"
LOOPBACK = "http://127.0.0.1:8000"


def pytest_configure(config: pytest.Config) -> None:
    """No test reads the settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("NASHBOARD_") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]


def left_out(reason: str) -> None:
    """Skip a test with its reason; with CI=true nothing may be left out, so fail there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI leaves nothing out: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A fresh database of its own on the PostgreSQL of TEST_DATABASE_URL, dropped at the end."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    given = os.environ.get("TEST_DATABASE_URL") or POSTGRES
    url = make_url(given.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")
    server = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    name = f"nashboard_test_{uuid.uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
            # no test pulls the plug, so none waits for the disk
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    except DBAPIError as problem:
        server.dispose()
        left_out(f"no PostgreSQL: {problem.orig}")
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database; a test module may parametrise it down to one."""
    return str(request.param)


@pytest.fixture
def settings(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Settings with an empty home and an empty database of the kind, in use for the test."""
    from app import db
    from app import settings as module

    url = request.getfixturevalue("postgres_url") if database_kind == "postgresql" else ""
    made = module.load(home=tmp_path / "home", database_url=url).prepared()
    module.use(made)
    db.dispose()
    if url:
        _wipe(keep_tables="database" in request.fixturenames)
    yield made
    db.dispose()
    module.use(None)


def _wipe(keep_tables: bool) -> None:
    """Empty the shared PostgreSQL database; TRUNCATE makes new files for each table, which takes longer."""
    from sqlalchemy import text

    from app import db
    from app.models import Base

    with db.engine().begin() as connection:
        if keep_tables and db.schema_version() == db.HEAD:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
            return
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database without rows, to be copied."""
    from app import db
    from app import settings as module

    made = module.load(home=tmp_path_factory.mktemp("migrated"), database_url="").prepared()
    module.use(made)
    db.migrate()
    db.dispose()
    module.use(None)
    return made.home / "nashboard.db"


@pytest.fixture
def database(settings: Any, database_kind: str, migrated: Path) -> Any:
    """An empty, migrated database in use; ``app.db`` as a convenience."""
    from app import db
    from app import settings as module

    module.use(settings)
    if database_kind == "sqlite":
        shutil.copyfile(migrated, settings.home / migrated.name)
    db.migrate()
    return db


@pytest.fixture
def client(database: Any, settings: Any) -> Iterator[Any]:
    """A client of the application on the database, as a browser on this machine would call it."""
    from fastapi.testclient import TestClient

    from app.main import create_app

    with TestClient(create_app(settings), base_url=LOOPBACK) as made:
        yield made


@pytest.fixture
def make_run(database: Any) -> Callable[..., str]:
    """``make_run(points={"loss/disc": [2.0, 2.0]}, status="running", **fields)`` → the id of a new run.

    ``points`` gives each series a value a step, from step 0; the run's journal starts with RunStarted.
    """
    from app import ingest, runs
    from nashboard import events

    def made(
        points: dict[str, list[float]] | None = None,
        status: str = "running",
        now: float | None = None,
        **fields: Any,
    ) -> str:
        with database.transaction() as session:
            run = runs.create(session, **fields)
            found: list[events.Event] = []
            if status != "queued":
                found.append(events.RunStarted(run=run.id, seq=0, time=1.7e9))
            series = points or {}
            for step in range(max((len(v) for v in series.values()), default=0)):
                values = {name: v[step] for name, v in series.items() if step < len(v)}
                found.append(events.Points(seq=len(found), time=1.7e9 + step, step=step, values=values))
            if status in ("finished", "stopped", "failed"):
                found.append(events.RunEnded(seq=len(found), time=1.7e9 + len(found), status=status))
            if found:
                ingest.apply(session, run.id, found, now)
            if run.status != status:
                runs.set_status(session, run, status)
            return run.id

    return made


@pytest.fixture
def redis_server_url() -> Iterator[str]:
    """An empty database of the Redis of TEST_REDIS_URL, emptied again at the end."""
    from urllib.parse import urlsplit

    import redis

    given = urlsplit(os.environ.get("TEST_REDIS_URL") or REDIS)
    server = f"{given.scheme}://{given.netloc}"
    first = int(given.path.strip("/") or 0)
    for number in [first, *(n for n in range(15, 0, -1) if n != first)]:
        with redis.Redis.from_url(f"{server}/{number}", socket_connect_timeout=3) as client:
            try:
                mine = client.dbsize() == 0 and client.set("nashboard.test", os.getpid(), nx=True, ex=600)
            except redis.ConnectionError as problem:
                left_out(f"no Redis: {problem}")
            if mine:
                yield f"{server}/{number}"
                client.flushdb()
                return
    left_out(f"no empty database on the Redis at {server}")


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An embedded broker on a unix socket, for the session."""
    from worker import broker
    from worker.process import spawn

    command, url = broker.prepare(tmp_path_factory.mktemp("broker"))
    process = spawn(command, env=os.environ, log=subprocess.DEVNULL, cwd=Path.cwd())
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
