"""The database: engine, transactions, migrations. SQLite (WAL) by default, PostgreSQL by one setting.

One request or task is one transaction. On SQLite a writer begins with BEGIN IMMEDIATE: a deferred BEGIN that
turns into a writer after a SELECT fails with "database is locked" whatever the timeout.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from app.settings import BadSettings, get_settings
from nashboard.events import spelled

HEAD = "0011_preflights"
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_LOCK_KEY = 0x4E415348
_engines: dict[str, Engine] = {}
_guard = threading.Lock()
_writer = threading.Lock()
_mine = threading.local()


class BadSchema(BadSettings):
    """The database's schema is none that this version can use."""


def dumps(value: Any) -> str:
    """Strict JSON text for a column: non-finite numbers as strings, lone surrogates as question marks."""
    try:
        found = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        found = json.dumps(spelled(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return found.encode("utf-8", "replace").decode()


def clean(text: str, limit: int = 0) -> str:
    """Text that both databases keep: NUL and lone surrogates replaced, cut at ``limit`` characters."""
    found = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return found[: limit - 1] + "…" if limit and len(found) > limit else found


def engine() -> Engine:
    """The engine of this process's database; made at the first call."""
    url = get_settings().database_url
    with _guard:
        if url not in _engines:
            _engines[url] = _make(url)
        return _engines[url]


def dispose() -> None:
    """Close all connections (after a fork, at the end of a test)."""
    with _guard:
        for made in _engines.values():
            made.dispose()
        _engines.clear()


def _forked() -> None:
    """A forked child begins anew: its parent's connections and locks are not its own."""
    global _guard, _writer
    _guard, _writer = threading.Lock(), threading.Lock()
    for made in _engines.values():
        made.dispose(close=False)
    _engines.clear()
    _mine.writing = False


os.register_at_fork(after_in_child=_forked)


def _make(url: str) -> Engine:
    try:
        name = make_url(url).get_backend_name()
        if name == "sqlite":
            made = create_engine(
                url, json_serializer=dumps, pool_size=16, max_overflow=48, connect_args={"timeout": 30}
            )
            event.listen(made, "connect", _sqlite_connect)
            event.listen(made, "begin", _sqlite_begin)
            return made
        if name != "postgresql":
            raise BadSettings(f"DATABASE_URL is for {name}; give sqlite:///… or postgresql://…")
        return create_engine(
            url, json_serializer=dumps, pool_size=16, max_overflow=48, pool_pre_ping=True,
            connect_args={"connect_timeout": 5},
        )  # fmt: skip
    except ModuleNotFoundError as problem:
        raise BadSettings(f"DATABASE_URL needs the package {problem.name}, which is not installed") from None
    except (ArgumentError, NoSuchModuleError):
        raise BadSettings("DATABASE_URL is no database address; give sqlite:///… or postgresql://…") from None


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("nashboard_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that writes: committed at the end, rolled back at an exception.

    Raises:
        RuntimeError: within another transaction of the same thread, which would wait for itself.
    """
    if getattr(_mine, "writing", False):
        raise RuntimeError("a transaction within a transaction: pass the session on")
    bind = engine().execution_options(nashboard_write=True)
    # SQLite's own waiting is polling and unfair; within a process writers can queue
    queue = _writer if bind.dialect.name == "sqlite" else nullcontext()
    with queue:
        _mine.writing = True
        try:
            with Session(bind, expire_on_commit=False) as session:
                session.connection()
                yield session
                session.commit()
        finally:
            _mine.writing = False
    for call in session.info.pop("after_commit", ()):
        call()


@contextmanager
def reading() -> Iterator[Session]:
    """A session that reads one snapshot: chunks and tail are seen at the same moment."""
    bind = engine()
    if bind.dialect.name == "postgresql":
        bind = bind.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with Session(bind, expire_on_commit=False) as session:
        yield session


def after_commit(session: Session, call: Callable[[], object]) -> None:
    """Have ``call`` called once the transaction is committed; never if it is rolled back."""
    session.info.setdefault("after_commit", []).append(call)


def schema_version() -> str:
    """The schema's revision in the database; empty for a database without tables."""
    with engine().connect() as connection:
        if not engine().dialect.has_table(connection, "alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def migrate() -> None:
    """Bring the schema to this version's; several processes may try at once.

    Raises:
        BadSchema: the schema is of a newer version, or the database holds other tables of our names.
        BadSettings: the database cannot be reached or written.
    """
    try:
        if schema_version() == HEAD:
            return  # the usual case, without importing Alembic
        _upgrade()
    except DBAPIError as problem:
        raise BadSettings(_reason(problem)) from None


def _reason(problem: DBAPIError) -> str:
    shown = make_url(get_settings().database_url).render_as_string(hide_password=True)
    said = " ".join(str(problem.orig).split())
    return f"the database {shown} cannot be used: {said:.300}; see DATABASE_URL and NASHBOARD_HOME"


def _upgrade() -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine().execution_options(nashboard_write=True).connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
        version = ""
        if connection.dialect.has_table(connection, "alembic_version"):
            version = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
        if version and version not in known:
            raise BadSchema(
                f"the database's schema {version!r} is newer than this version's {HEAD!r}: "
                "update Nashboard, or choose another database with NASHBOARD_HOME or DATABASE_URL"
            )
        if not version and connection.dialect.has_table(connection, "runs"):
            raise BadSchema(
                "the database holds a table 'runs' that is not Nashboard's: choose another with DATABASE_URL"
            )
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as problem:
            raise BadSchema(f"the schema {version!r} cannot be upgraded: {problem}") from None
