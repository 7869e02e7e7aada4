"""The SDK against a real server: the walks of a point, a sample and a stop, and a journal pushed later."""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import nashboard
from app.live import bell
from app.main import create_app
from nashboard.pushing import push
from nashboard.reporter import Reporter

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture
def served(database, settings) -> Iterator[str]:
    """The address of the application, served by uvicorn in a thread."""
    config = uvicorn.Config(create_app(settings), port=0, log_level="critical", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    bell.close()
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def ask(served: str) -> Callable[..., Any]:
    def asked(path: str, method: str = "GET") -> Any:
        connection = http.client.HTTPConnection(served.removeprefix("http://"), timeout=20)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return json.loads(body) if "json" in answer.headers.get("content-type", "") else body

    return asked


def test_points_and_samples_arrive_and_a_stop_comes_back(served, ask, tmp_path) -> None:
    wave = [0.5 * math.sin(n / 7) for n in range(800)]
    with Reporter(
        tmp_path / "run", url=served, name="sent", recipe={"disc": {"lr": 1e-4}}, tags=["t"]
    ) as reporter:
        for step in range(20):
            reporter.points(step, {"loss/disc": 2.0, "odd": math.nan if step == 7 else 1.0})
        reporter.audio("audio/recon", 19, wave, rate_hz=8000, slot="0")
        until = time.monotonic() + 20
        found: dict[str, Any] = {}
        while not (found.get("samples") and found["samples"][0]["url"]) and time.monotonic() < until:
            time.sleep(0.05)
            found = ask(f"/api/runs/{reporter.id}/samples")
        assert not reporter.stop_requested
        assert ask(f"/api/runs/{reporter.id}/stop", "POST")["status"] == "stopping"
        reporter.points(20, {"loss/disc": 2.0})
        while not reporter.stop_requested and time.monotonic() < until:
            time.sleep(0.05)
        assert reporter.stop_requested
        reporter.finish("stopped", "asked to")
    run = ask(f"/api/runs/{reporter.id}")
    assert (run["status"], run["reason"], run["name"], run["last_step"]) == (
        "stopped",
        "asked to",
        "sent",
        20,
    )
    (sample,) = found["samples"]
    data = ask(sample["url"])
    assert hashlib.sha256(data).hexdigest() == sample["sha256"]
    assert data[:4] == b"RIFF"
    (curve,) = ask(f"/api/runs/{reporter.id}/points?series=odd")["series"]
    assert (curve["nonfinite"], curve["total"]) == ([[7, "NaN", 1]], 20)


def test_a_journal_written_offline_is_pushed_once_or_twice(served, ask, tmp_path) -> None:
    run = nashboard.init(project="offline", dir=tmp_path / "run", config={"lr": 1})
    for step in range(2500):
        run.log({"loss": 1.0 / (step + 1)}, step=step)
    run.finish()
    for _ in range(2):
        receipt = push(tmp_path / "run", served)
    assert receipt.next_seq == 2502
    (row,) = ask(f"/api/runs/{run.id}/series")["series"]
    assert (row["count"], row["last_value"]) == (2500, 1 / 2500)
    assert ask(f"/api/runs/{run.id}")["status"] == "finished"
    assert ask("/api/runs")["total"] == 1


def test_the_command_pushes_too(served, ask, tmp_path) -> None:
    run = nashboard.init(dir=tmp_path / "run", id="pushed")
    run.log({"loss": 1.0}, step=0)
    run.finish()
    command = [sys.executable, "-m", "nashboard", "push", str(tmp_path / "run"), "--to", served]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2],
                          env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ask("/api/runs/pushed")["next_seq"] == 3
