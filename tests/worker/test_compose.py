"""docker-compose.yml without Docker: what it starts, started on this machine's PostgreSQL and Redis."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FAKE = [sys.executable, str(Path(__file__).with_name("fake_trainer.py"))]
GIVEN = {"NASHBOARD_TOKEN": "a-long-secret", "POSTGRES_PASSWORD": "another-secret"}
WORD = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


class Missing(Exception):
    """A variable that has to be given was not; compose stops with this text."""


def filled(value: Any, given: dict[str, str]) -> Any:
    """``value`` with ${NAME}, ${NAME:-default} and ${NAME:?message} as compose fills them in."""

    def one(match: re.Match[str]) -> str:
        name, rule, text = match.groups()
        if given.get(name):
            return given[name]
        if rule == "?":
            raise Missing(text)
        return text or ""

    if isinstance(value, dict):
        return {k: filled(v, given) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, given) for v in value]
    return WORD.sub(one, value) if isinstance(value, str) else value


def read(name: str = "docker-compose.yml", given: dict[str, str] = GIVEN) -> dict[str, Any]:
    found: dict[str, Any] = filled(yaml.safe_load((ROOT / name).read_text()), given)
    return found


class Composed:
    """The services of the file as processes: names of hosts and folders replaced by what this machine has."""

    def __init__(self, place: Path, database: str, broker: str, port: int) -> None:
        self.services = read()["services"]
        self.place, self.port = place, port
        self.swap = {
            "postgresql://nashboard:another-secret@postgres:5432/nashboard": database,
            "redis://redis:6379/0": broker,
            "http://server:8000": f"http://127.0.0.1:{port}",
            "/var/lib/nashboard": str(place / "home"),
            "/data": str(place / "data"),
            "8000": str(port),
            "python": sys.executable,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def env(self, name: str) -> dict[str, str]:
        own = {k: self.swap.get(v, v) for k, v in self.services[name]["environment"].items()}
        return {
            **{k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ},
            **own,
            "NASHBOARD_WORKER_TRAINER_COMMAND": json.dumps(FAKE),
            "NASHBOARD_WORKER_DEVICES": "cpu",
        }

    def command(self, words: list[str]) -> list[str]:
        return [self.swap.get(w, w).replace("127.0.0.1:8000", f"127.0.0.1:{self.port}") for w in words]

    def start(self, name: str) -> None:
        with (self.place / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                self.command(self.services[name]["command"]),
                cwd=ROOT,
                env=self.env(name),
                stdout=log,
                stderr=log,
            )

    def healthy(self, name: str) -> bool:
        """Whether the service's own health check succeeds."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        done = subprocess.run(
            self.command(words), cwd=ROOT, env=self.env(name), capture_output=True, timeout=30, check=False
        )
        return done.returncode == 0

    def call(self, path: str, body: Any = None, token: str = GIVEN["NASHBOARD_TOKEN"]) -> tuple[int, Any]:
        headers = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, json.load(problem)

    def logs(self) -> str:
        return "\n".join(f"--- {p.name}\n{p.read_text()[-3000:]}" for p in sorted(self.place.glob("*.log")))

    def until(self, look: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        end = time.monotonic() + seconds
        while not (seen := look()):
            assert time.monotonic() < end, f"{what}: not within {seconds} s\n{self.logs()}"
            time.sleep(0.1)
        return seen

    def stop(self) -> dict[str, int]:
        codes = {}
        for name in [n for n in ("worker", "chores", "server") if n in self.running]:
            process = self.running.pop(name)
            process.send_signal(signal.SIGTERM)
            codes[name] = process.wait(30)
        return codes


@pytest.fixture
def composed(tmp_path: Path, postgres_url: str, redis_server_url: str) -> Iterator[Composed]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (tmp_path / "data").mkdir()
    plain = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    made = Composed(tmp_path, plain, redis_server_url, port)
    _empty(postgres_url)
    yield made
    made.stop()
    _empty(postgres_url)


def _empty(url: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def test_the_files_say_what_they_must() -> None:
    services = read()["services"]
    assert set(services) == {"postgres", "redis", "server", "worker", "chores"}
    assert all("healthcheck" in s for s in services.values())
    volumes = set(read()["volumes"])
    for service in services.values():
        named = [v.split(":")[0] for v in service.get("volumes", []) if not v.startswith((".", "/"))]
        assert set(named) <= volumes
    for name in ("server", "worker", "chores"):
        own = services[name]
        assert own["environment"]["NASHBOARD_TOKEN"] == GIVEN["NASHBOARD_TOKEN"]
        assert own["build"]["target"] in (ROOT / "Dockerfile").read_text()
    assert services["server"]["build"]["target"] == "server"
    assert services["worker"]["environment"] == services["chores"]["environment"], "one host name, one disk"
    assert services["server"]["ports"] == ["127.0.0.1:8000:8000"]
    for name in GIVEN:
        with pytest.raises(Missing, match=f"set {name}"):
            read(given={k: v for k, v in GIVEN.items() if k != name})


def test_the_gpu_file_only_adds_to_it() -> None:
    gpu = read("docker-compose.gpu.yml")["services"]
    assert gpu["worker"]["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert gpu["worker-cpu"]["extends"] == {"file": "docker-compose.yml", "service": "worker"}
    own = gpu["worker-cpu"]["environment"]
    assert (own["NASHBOARD_WORKER_DEVICES"], own["NASHBOARD_WORKER_AUTO"]) == ("cpu", "0")


def test_the_server_image_has_no_torch() -> None:
    stages: dict[str, list[str]] = {}
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if match := re.match(r"FROM (\S+)(?: AS (\S+))?", line):
            current = stages.setdefault(match[2] or match[1], [f"FROM {match[1]}"])
        elif stages:
            current.append(line)
    server = "\n".join(stages["server"])
    assert "build-server" in server
    assert "build-worker" not in server
    assert "torch" not in server + "\n".join(stages["build-server"])
    assert "[trainers" in "\n".join(stages["build-worker"])


def test_its_commands_run_a_launch_to_its_end(composed: Composed) -> None:
    composed.start("server")
    composed.until(lambda: composed.healthy("server"), "the server's health check")
    for name in ("worker", "chores"):
        composed.start(name)
    for name in ("worker", "chores"):
        composed.until(lambda n=name: composed.healthy(n), f"the health check of {name}")

    status, answer = composed.call("/api/runs", token="")
    assert (status, answer["error"]["code"]) == (401, "unauthorized")
    assert composed.call("/api/runs", token="wrong")[0] == 401
    status, run = composed.call("/api/launch", {"trainer": "codec", "name": "steps=3"})
    assert status == 201, run

    def ended() -> Any:
        found = composed.call(f"/api/runs/{run['id']}")[1]
        return found if found["status"] not in ("queued", "running") else None

    done = composed.until(ended, "the run to end")
    assert (done["status"], done["host"], done["last_step"]) == ("finished", "compose", 3), done["reason"]
    series = composed.call(f"/api/runs/{run['id']}/series")[1]["series"]
    assert {"loss/disc", "loss/gen"} <= {s["name"] for s in series}
    assert composed.call("/launch", token="")[0] == 401
    assert composed.stop() == {"worker": 0, "chores": 0, "server": 0}
