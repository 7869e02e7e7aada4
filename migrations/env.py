"""Alembic's entry: runs the revisions on the connection that `app.db.migrate` gives."""

from __future__ import annotations

from alembic import context

from app import db
from app.models import Base

target_metadata = Base.metadata


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    with db.engine().execution_options(nashboard_write=True).connect() as own, own.begin():
        _migrate(own)


def _migrate(connection: object) -> None:
    context.configure(
        connection=connection,  # type: ignore[arg-type]
        target_metadata=target_metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
