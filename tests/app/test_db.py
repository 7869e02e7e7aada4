"""Transactions and migrations, on both databases."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from app import db, runs
from app import settings as settings_module
from app.models import Base, Run
from app.settings import BadSettings

NEXT = '''"""One column more."""

import sqlalchemy as sa
from alembic import op

revision = "0002_next"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("runs", sa.Column("mood", sa.String(20), nullable=False, server_default="calm"))


def downgrade() -> None:
    op.drop_column("runs", "mood")
'''


def test_migrations_make_the_tables_of_the_models(database) -> None:
    with db.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, Base.metadata) == []
    assert db.schema_version() == db.HEAD


def test_the_head_that_the_code_knows_is_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(db.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [db.HEAD]


def test_migrating_again_changes_nothing(make_run, database) -> None:
    run_id = make_run()
    db.migrate()
    with db.reading() as session:
        assert runs.get(session, run_id).status == "running"


def test_an_old_schema_is_upgraded_with_its_runs(make_run, database, tmp_path, monkeypatch) -> None:
    run_id = make_run({"s": [1.0]})
    folder = tmp_path / "migrations"
    shutil.copytree(db.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "0002_next.py").write_text(NEXT.format(before=db.HEAD))
    monkeypatch.setattr(db, "MIGRATIONS", folder)
    monkeypatch.setattr(db, "HEAD", "0002_next")
    db.migrate()
    assert db.schema_version() == "0002_next"
    with db.engine().connect() as connection:
        assert connection.execute(text("SELECT id, mood FROM runs")).all() == [(run_id, "calm")]


def test_a_newer_schema_is_refused_and_left_alone(database) -> None:
    with db.engine().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    with pytest.raises(db.BadSchema, match=r"'9999_future' is newer .* update Nashboard"):
        db.migrate()
    assert db.schema_version() == "9999_future"


def test_somebody_elses_table_is_not_touched(settings) -> None:
    with db.engine().begin() as connection:
        connection.execute(text("CREATE TABLE runs (id INTEGER)"))
    with pytest.raises(db.BadSchema, match="not Nashboard's"):
        db.migrate()


def test_processes_may_migrate_at_the_same_time(settings) -> None:
    problems: list[BaseException] = []

    def go() -> None:
        try:
            db.migrate()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert db.schema_version() == db.HEAD


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://postgres:secret@127.0.0.1:1/nothing", "cannot be used"),
        ("mysql://somewhere/x", "DATABASE_URL"),
        ("no address", "DATABASE_URL"),
        ("sqlite:////proc/nowhere/x.db", "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_without_its_password(url, said, tmp_path) -> None:
    settings_module.use(settings_module.load(home=tmp_path, database_url=url))
    try:
        with pytest.raises(BadSettings, match=said) as caught:
            db.migrate()
    finally:
        db.dispose()
        settings_module.use(None)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_transaction_that_fails_leaves_nothing_and_calls_nothing(database) -> None:
    called = []

    def fail() -> None:
        with db.transaction() as session:
            runs.create(session, id="gone")
            db.after_commit(session, lambda: called.append("gone"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with db.transaction() as session:
        runs.create(session, id="kept")
        db.after_commit(session, lambda: called.append("kept"))
        assert called == []
    assert called == ["kept"]
    with db.reading() as session:
        assert [r.id for r in runs.listing(session)] == ["kept"]


def test_writers_at_the_same_time_wait_for_each_other(database) -> None:
    problems: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for turn in range(10):
                with db.transaction() as session:
                    before = len(runs.listing(session).runs)
                    runs.create(session, id=f"w{number}-{turn}", notes=str(before))
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with db.reading() as session:
        assert runs.listing(session).total == 40


def test_readers_see_one_moment(database) -> None:
    with db.reading() as session:
        assert runs.listing(session).total == 0
        with db.transaction() as other:
            runs.create(other, id="later")
        assert runs.listing(session).total == 0


def test_a_transaction_within_a_transaction_is_told_and_not_waited_for(database) -> None:
    with db.transaction(), pytest.raises(RuntimeError, match="pass the session on"), db.transaction():
        pass
    with db.transaction() as session:
        runs.create(session, id="after")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_connections_and_locks_of_its_own(database) -> None:
    import multiprocessing

    with db.transaction() as session:
        runs.create(session, id="parent")
        session.commit()
        child = multiprocessing.get_context("fork").Process(target=_write_in_child)
        child.start()
        child.join(30)
    assert child.exitcode == 0
    with db.reading() as session:
        assert {r.id for r in runs.listing(session)} == {"parent", "child"}


def _write_in_child() -> None:
    with db.transaction() as session:
        runs.create(session, id="child")


def test_any_text_and_number_can_be_stored(database) -> None:
    odd = {"a\0b": ["\ud800", float("nan"), float("-inf"), "ü☃\n"], "n": 10**30}
    with db.transaction() as session:
        runs.create(session, id="odd", recipe=odd, name="plain", notes="a\0\ud800b")
    with db.reading() as session:
        run = runs.get(session, "odd")
        assert run.recipe["n"] == 10**30
        assert next(iter(run.recipe.values()))[1:] == ["NaN", "-Infinity", "ü☃\n"]
        assert run.notes == "a�?b"
    assert json.loads(db.dumps({"x": float("inf")})) == {"x": "Infinity"}


def test_clean_cuts_and_says_so() -> None:
    assert db.clean("x" * 300, 200) == "x" * 199 + "…"
    assert db.clean("short", 200) == "short"
    assert len(Run.__table__.c.name.type.length * "x") == 200


def test_the_database_is_a_file_of_the_home_by_default(tmp_path: Path) -> None:
    assert settings_module.load(home=tmp_path).database_url == f"sqlite:///{tmp_path / 'nashboard.db'}"
