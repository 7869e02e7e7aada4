"""Settings: where they come from, and what is said where they cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app import settings
from app.settings import BadSettings, load


def test_the_environment_of_hosting_services_is_understood(monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@db/name")
    monkeypatch.setenv("REDIS_URL", "redis://cache:6379/1")
    made = load()
    assert made.database_url == "postgresql+psycopg://u:p@db/name"
    assert made.redis_url == "redis://cache:6379/1"
    monkeypatch.setenv("NASHBOARD_DATABASE_URL", "sqlite:///here.db")
    assert load().database_url == "sqlite:///here.db"


def test_folders_are_absolute_and_runs_lie_in_the_home(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASHBOARD_HOME", "somewhere")
    monkeypatch.setenv("NASHBOARD_DATA_ROOTS", os.pathsep.join(["a", str(tmp_path / "b"), ""]))
    made = load()
    assert made.home == tmp_path / "somewhere"
    assert made.runs_dir == tmp_path / "somewhere" / "runs"
    assert made.data_roots == [tmp_path / "a", tmp_path / "b"]
    assert load(runs_dir="elsewhere").runs_dir == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value"),
    [("NASHBOARD_PORT", "eighty"), ("NASHBOARD_PORT", "70000"), ("NASHBOARD_LOST_AFTER_S", "-1")],
)
def test_a_value_that_cannot_be_is_named(monkeypatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        load()
    assert str(caught.value).startswith(f"{name}='{value}': ")
    assert "\n" not in str(caught.value)


def test_a_file_in_the_place_of_the_home_is_one_clear_line(tmp_path) -> None:
    (tmp_path / "file").write_text("here first")
    with pytest.raises(BadSettings, match=r"cannot make the data directory .*NASHBOARD_HOME"):
        load(home=tmp_path / "file").prepared()


def test_a_home_that_cannot_be_written_is_one_clear_line(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(BadSettings, match="cannot write to the data directory"):
        load(home=tmp_path / "locked").prepared()


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("", False)],
)
def test_what_counts_as_this_machine_only(host: str, local: bool) -> None:
    assert load(host=host).loopback is local


def test_settings_are_read_once_until_told_otherwise(monkeypatch, tmp_path: Path) -> None:
    settings.use(None)
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path))
    first = settings.get_settings()
    monkeypatch.setenv("NASHBOARD_HOME", "/elsewhere")
    assert settings.get_settings() is first
    settings.use(None)
    assert settings.get_settings().home == Path("/elsewhere")
    settings.use(None)
