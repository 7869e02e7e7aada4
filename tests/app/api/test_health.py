"""The health check knows the database and the broker."""

from __future__ import annotations

import socket

import pytest

from app import settings as settings_module
from app.api.health import broker
from nashboard import __version__


def test_health_names_version_and_database(client, database_kind: str) -> None:
    assert client.get("/healthz").json() == {
        "status": "ok",
        "version": __version__,
        "database": database_kind,
        "broker": "none",
    }


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_database_that_is_gone_is_a_503(client, settings) -> None:
    from app import db

    db.dispose()
    settings_module.use(settings.model_copy(update={"database_url": "postgresql+psycopg://x@127.0.0.1:1/x"}))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


def test_a_broker_is_asked_whether_it_listens(tmp_path, monkeypatch) -> None:
    def asked(url: str) -> str:
        settings_module.use(settings_module.load(home=tmp_path, redis_url=url))
        try:
            return broker()
        finally:
            settings_module.use(None)

    monkeypatch.chdir(tmp_path)
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        unix.bind("s")
        unix.listen()
        assert asked(f"redis://:secret@127.0.0.1:{tcp.getsockname()[1]}/0") == "ok"
        assert asked(f"unix://{tmp_path}/s?db=0") == "ok"
    assert asked("redis://127.0.0.1:1/0") == "down"
    assert asked(f"unix://{tmp_path}/none") == "down"
    assert asked("") == "none"
