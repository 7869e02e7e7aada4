"""The server as a process: how it starts, what keeps it from starting, how it ends, and its live stream."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVING = re.compile(r"nashboard: serving http://(.+):(\d+)/")


class Server:
    """`python -m app` on a free port."""

    def __init__(self, home: Path, *words: str, **environment: str) -> None:
        self.env = {**os.environ, "NASHBOARD_HOME": str(home), **environment}
        command = [sys.executable, "-m", "app", "--port", "0", *words]
        self.opened: list[http.client.HTTPResponse | http.client.HTTPConnection] = []
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.first_line = self.process.stderr.readline()
        match = SERVING.search(self.first_line)
        self.port = int(match[2]) if match else 0

    def ask(self, method: str, path: str, body: str | bytes = "", headers: dict[str, str] | None = None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        self.opened += [answer, connection]
        return answer

    def json(self, method: str, path: str, body: str | bytes = "", headers: dict[str, str] | None = None):
        answer = self.ask(method, path, body, headers)
        found = json.loads(answer.read() or "null")
        for _ in range(2):
            self.opened.pop().close()
        return found

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()

    def end(self, sign: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.process.wait(timeout=20)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def started(*words: str, **environment: str) -> Server:
        made.append(Server(tmp_path / "home", *words, **environment))
        return made[-1]

    yield started
    for server in made:
        server.close()
        server.end()
        server.process.stderr.close()  # type: ignore[union-attr]


def refused(home: Path, *words: str, **environment: str) -> str:
    """What the server says when it does not start: one line, status 2."""
    env = {**os.environ, "NASHBOARD_HOME": str(home), **environment}
    command = [sys.executable, "-m", "app", *words]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_making_the_application_loads_nothing_that_takes_long() -> None:
    """No torch and no trainer ever; Hydra, Alembic and Celery once they are needed."""
    slow = ("torch", "trainers", "hydra", "alembic", "celery")
    code = f"import sys, app.main as m; m.create_app(); print([n for n in {slow} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_it_starts_answers_and_ends(start) -> None:
    server = start()
    assert server.port, server.first_line
    health = server.json("GET", "/healthz")
    assert health == {"status": "ok", "version": health["version"], "database": "sqlite", "broker": "none"}
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", health["version"])
    assert server.end() == 0


def test_a_second_start_finds_the_runs_again(start) -> None:
    first = start()
    first.json("POST", "/api/runs", '{"id": "kept"}', {"Content-Type": "application/json"})
    assert first.end(signal.SIGINT) == 0
    assert [r["id"] for r in start().json("GET", "/api/runs")["runs"]] == ["kept"]


def test_open_streams_do_not_hold_up_the_end(start) -> None:
    server = start()
    answer = server.ask("GET", "/api/live")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.readline() == b": here\n"
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    answer.read()
    assert time.monotonic() - began < 2, "the stream ended only when the grace was over"
    assert server.end() == 0


def events(answer, count: int) -> list[dict]:
    """The next ``count`` events of a stream."""
    found = []
    while len(found) < count:
        text = answer.readline().decode()
        if text.startswith("data: "):
            found.append(json.loads(text[6:]))
    return found


LINE = '{{"seq": {0}, "time": 1700000000.5, "kind": "points", "step": {0}, "values": {{"{1}": 1.0}}}}\n'


def test_the_stream_tells_of_what_changes_at_once(start) -> None:
    server = start()
    server.json("POST", "/api/runs", '{"id": "one"}', {"Content-Type": "application/json"})
    server.json("POST", "/api/runs/one/events", LINE.format(0, "loss/disc"))
    answer = server.ask("GET", "/api/live?runs=one,nobody")
    first, gone = events(answer, 2)
    assert (first["run"], first["series"], first["next_seq"], first["first"]) == (
        "one",
        ["loss/disc"],
        1,
        True,
    )
    assert (gone["run"], gone["status"]) == ("nobody", "deleted")
    began = time.monotonic()
    server.json("POST", "/api/runs/one/events", LINE.format(1, "loss/gen"))
    (change,) = events(answer, 1)
    assert time.monotonic() - began < 1
    assert (change["series"], change["next_seq"], change["last_step"], change["first"]) == (
        ["loss/gen"],
        2,
        1,
        False,
    )
    server.json("PATCH", "/api/runs/one", '{"name": "renamed"}', {"Content-Type": "application/json"})
    (change,) = events(answer, 1)
    assert (change["name"], change["series"]) == ("renamed", [])


def test_the_stream_tells_of_what_another_process_writes(start) -> None:
    server = start()
    server.json("POST", "/api/runs", '{"id": "one"}', {"Content-Type": "application/json"})
    answer = server.ask("GET", "/api/live?runs=one")
    assert events(answer, 1)[0]["status"] == "queued"
    code = (
        "from app import db, runs\n"
        "with db.transaction() as s: runs.set_status(s, runs.get(s, 'one'), 'failed', 'exit status 3')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=server.env, check=True, timeout=60)
    (change,) = events(answer, 1)
    assert (change["status"], change["reason"], change["ended"]) == ("failed", "exit status 3", True)


def test_a_taken_port_is_one_line(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(tmp_path, "--port", port)
    assert f"cannot listen on 127.0.0.1 port {port}" in said
    assert "--port" in said


def test_without_a_token_it_listens_to_this_machine_only(tmp_path) -> None:
    said = refused(tmp_path, "--host", "0.0.0.0")
    assert "refusing to listen on 0.0.0.0" in said
    assert "NASHBOARD_TOKEN" in said


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (("--port", "eighty"), {}, "NASHBOARD_PORT='eighty'"),
        (
            ("--host", "no.such.host.invalid"),
            {"NASHBOARD_TOKEN": "t"},
            "cannot listen on no.such.host.invalid",
        ),
        ((), {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "cannot be used"),
        ((), {"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(tmp_path, words, environment, said) -> None:
    line = refused(tmp_path, *words, **({"NASHBOARD_PORT": "0"} | environment))
    assert said in line
    assert "secret" not in line


def test_a_newer_schema_and_a_file_for_a_home_are_one_line(tmp_path, start) -> None:
    import sqlite3

    start().end()
    with sqlite3.connect(tmp_path / "home" / "nashboard.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_future'")
    connection.close()
    assert "newer than this version's" in refused(tmp_path / "home", "--port", "0")
    (tmp_path / "file").write_text("")
    assert "cannot make the data directory" in refused(tmp_path / "file", "--port", "0")


def test_a_file_that_is_no_database_is_one_line(tmp_path) -> None:
    (tmp_path / "nashboard.db").write_bytes(b"this is a letter, not a database" * 100)
    said = refused(tmp_path, "--port", "0")
    assert "file is not a database" in said
    assert "NASHBOARD_HOME" in said


def test_a_token_opens_the_door_from_outside(start) -> None:
    server = start("--host", "0.0.0.0", NASHBOARD_TOKEN="sesame")
    assert server.json("GET", "/api/runs")["error"]["code"] == "unauthorized"
    found = server.json("GET", "/api/runs", "", {"Authorization": "Bearer sesame"})
    assert found == {"runs": [], "total": 0}
    assert server.json("GET", "/healthz")["status"] == "ok"
