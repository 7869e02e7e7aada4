"""`make run`'s own program: what it prints, what it starts, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from worker import broker, launcher, lock, owner, process

ROOT = Path(__file__).parents[2]
FAKE = [sys.executable, str(Path(__file__).with_name("fake_trainer.py"))]


def until(look: Callable[[], Any], what: str, seconds: float = 40.0) -> Any:
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return seen


class Product:
    """A launcher on a port of its own."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home, self.out, self.err = home, home.with_suffix(".out"), home.with_suffix(".err")
        env = {
            **{k: v for k, v in os.environ.items() if k not in ("REDIS_URL", "DATABASE_URL")},
            "NASHBOARD_WORKER_TRAINER_COMMAND": json.dumps(FAKE),
            "NASHBOARD_WORKER_DEVICES": "cpu",
            "NASHBOARD_WORKER_CORES": "2",
        }
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker.launcher", "--port", "0", "--home", str(home), *words],
                cwd=ROOT, env=env, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
        until(lambda: self.process.poll() is not None or self.out.read_text().endswith("\n"), "the address")
        assert self.process.poll() is None, self.err.read_text()
        self.address = self.out.read_text().removeprefix("Nashboard: ").strip()
        self.pids = process.descendants(self.process.pid)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.address}{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def runs(self) -> dict[str, Any]:
        return {run["name"]: run for run in self.get("api/runs")["runs"]}

    def pid_of(self, words: str) -> int:
        for pid in process.descendants(self.process.pid):
            text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            if words in text and owner._started(pid):
                return pid
        raise AssertionError(f"no process {words!r}")

    def stop(self, number: int = signal.SIGINT) -> list[int]:
        """End it; the processes that it left."""
        pids = {*self.pids, *process.descendants(self.process.pid)}
        self.process.send_signal(number)
        assert self.process.wait(30) == 0
        return [pid for pid in pids if owner._started(pid)]


@pytest.fixture
def closing() -> Iterator[list[Product]]:
    made: list[Product] = []
    yield made
    for product in made:
        if product.process.poll() is None:
            product.process.kill()
            product.process.wait()


def test_from_an_empty_home_to_the_end_and_again(tmp_path: Path, closing: list[Product]) -> None:
    home = tmp_path / "a home"
    first = Product(home)
    closing.append(first)
    assert re.fullmatch(r"Nashboard: http://127\.0\.0\.1:\d+/\n", first.out.read_text()), "exactly one line"
    assert "the demo pair is queued: demo old and demo fixed" in first.err.read_text()
    until(lambda: [r["status"] for r in first.runs().values()] == ["running"] * 2, "the pair to run")
    third = first.post("api/launch", {"trainer": "codec", "name": "steps=2"})
    assert third["status"] == "queued"

    second = subprocess.run(
        [sys.executable, "-m", "worker.launcher", "--port", "0", "--home", str(home)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"nashboard: {home} is in use by another Nashboard (process {first.process.pid}); "
        "stop it, or take another HOME_DIR\n"
    )

    os.kill(first.pid_of("-m app"), signal.SIGKILL)
    until(
        lambda: "the server ended (SIGKILL); it is started again now" in first.err.read_text(),
        "it to be said",
    )
    until(
        lambda: launcher.answers("127.0.0.1", int(first.address.rsplit(":", 1)[1].strip("/"))), "the server"
    )
    assert len(first.runs()) == 3

    assert first.stop() == []
    assert first.out.read_text().count("\n") == 1
    assert "stopping; trainers save first" in first.err.read_text()
    assert sorted(p.name for p in (home / "logs").iterdir()) == [
        "broker.log", "chores-worker.log", "server.log", "worker.log",
    ]  # fmt: skip

    again = Product(home)
    closing.append(again)
    assert "demo pair" not in again.err.read_text()
    until(lambda: again.runs()["steps=2"]["status"] == "finished", "the queued run to go on")
    assert [again.runs()[n]["status"] for n in ("demo old", "demo fixed")] == ["stopped"] * 2
    assert again.stop(signal.SIGTERM) == []


def test_nothing_outlives_a_launcher_that_is_killed(tmp_path: Path, closing: list[Product]) -> None:
    product = Product(tmp_path / "home", "--demo", "0")
    closing.append(product)
    product.post("api/launch", {"trainer": "codec", "name": "hold"})
    until(lambda: product.runs()["hold"]["status"] == "running", "a run")
    pids = process.descendants(product.process.pid)
    assert len(pids) >= 6
    product.process.kill()
    product.process.wait()
    until(lambda: not [pid for pid in pids if owner._started(pid)], "all to be gone", 30)
    held = lock.lock(tmp_path / "home" / "launcher.lock")
    held.close()


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """``refused(*words)`` → the one line with which the launcher refuses to start."""

    def run(*words: str) -> str:
        assert launcher.main(words) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("nashboard: ")
        assert said.err.count("\n") == 1
        return said.err

    return run


def test_a_taken_port_is_named(tmp_path: Path, refused: Callable[..., str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused("--port", port, "--home", str(tmp_path / "home"))
    assert (
        said
        == f"nashboard: port {port} on 127.0.0.1 cannot be used: address already in use; take another with PORT=N\n"
    )


@pytest.mark.parametrize("port", ["http", "65536", "-1", "80.5"])
def test_what_is_no_port_is_named(tmp_path: Path, refused: Callable[..., str], port: str) -> None:
    assert f"PORT={port} is no port" in refused(f"--port={port}", "--home", str(tmp_path))


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("")
    said = refused("--port", "0", "--home", str(tmp_path / "file" / "home"))
    assert f"{tmp_path}/file/home" in said
    assert "NASHBOARD_HOME" in said


@pytest.mark.parametrize(("data", "text"), [("nowhere", "there is no such folder"), ("file", "is a file")])
def test_a_data_folder_that_is_none_is_named(
    tmp_path: Path, refused: Callable[..., str], data: str, text: str
) -> None:
    (tmp_path / "file").write_text("")
    assert (
        refused("--data", f"{tmp_path}/{data}", "--home", str(tmp_path / "h"))
        == f"nashboard: DATA={tmp_path}/{data}: {text}\n"
    )
    assert not (tmp_path / "h").exists()


def test_other_machines_need_a_token(tmp_path: Path, refused: Callable[..., str]) -> None:
    said = refused("--host", "0.0.0.0", "--home", str(tmp_path / "h"))
    assert "HOST=0.0.0.0" in said
    assert "NASHBOARD_TOKEN" in said


def test_a_host_that_is_not_ours_is_named(
    tmp_path: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASHBOARD_TOKEN", "secret")
    assert "HOST=no.such.host.invalid" in refused("--host", "no.such.host.invalid", "--home", str(tmp_path))
    assert "192.0.2.1" in refused("--host", "192.0.2.1", "--home", str(tmp_path))


def test_without_a_broker_it_says_how_to_get_one(
    tmp_path: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise broker.NoBroker("no broker can be started: install one, or set REDIS_URL")

    monkeypatch.setattr(broker, "program", none)
    assert "set REDIS_URL" in refused("--port", "0", "--home", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "redis://:hush@127.0.0.1:1/0")
    said = refused("--port", "0", "--home", str(tmp_path))
    assert "redis://127.0.0.1:1/0 does not answer" in said
    assert "hush" not in said


def test_a_broken_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "nashboard.db").write_text("this is no database, whatever its name says " * 50)
    told = subprocess.run(
        [sys.executable, "-m", "worker.launcher", "--port", "0", "--home", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (2, "")
    assert "file is not a database" in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_several_data_folders_and_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert launcher.data_folders(f"~/a{os.pathsep}{tmp_path}/b") == [tmp_path / "a", tmp_path / "b"]
    assert launcher.data_folders("") == []
