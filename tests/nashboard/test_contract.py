"""The SDK against the real server: the one test here that plays no part."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nashboard
from nashboard.client import Client, Trouble
from nashboard.reporter import Reporter

ROOT = Path(__file__).parents[2]
TOKEN = "s3cret"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, with a token, on a free port."""
    pytest.importorskip("fastapi")
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keep = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    server = subprocess.Popen(
        [sys.executable, "-m", "app", "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        env={**keep, "NASHBOARD_HOME": str(home), "NASHBOARD_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 60
    try:
        while True:
            assert server.poll() is None, "the server did not start"
            assert time.monotonic() < until, "the server does not answer"
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def get(url: str, path: str) -> Any:
    asked = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.loads(answer.read())


def test_what_is_reported_is_filed_and_a_push_adds_nothing(url: str, tmp_path: Path) -> None:
    with Reporter(
        tmp_path, url=url, token=TOKEN, name="contract", trainer="codec", recipe={"a": 1}
    ) as reporter:
        for step in range(50):
            reporter.points(step, {"loss/disc": 2.0 if step else float("nan"), "loss/gen": float(step)})
        reporter.audio("audio/x", 49, [0.0, 0.5, 1.5], rate_hz=8000)
        reporter.image("image/x", 49, [[0, 255]])
        reporter.note("good\0 \udc80")
        assert reporter.flush(20)
    run = get(url, f"/api/runs/{reporter.id}")
    assert (run["status"], run["name"], run["next_seq"], run["recipe"]) == (
        "finished",
        "contract",
        55,
        {"a": 1},
    )
    series = {s["name"]: s for s in get(url, f"/api/runs/{reporter.id}/series")["series"]}
    assert (series["loss/disc"]["count"], series["loss/disc"]["nonfinite"]) == (50, 1)
    assert series["loss/gen"]["last_value"] == 49.0
    samples = get(url, f"/api/runs/{reporter.id}/samples")["samples"]
    assert {s["media"] for s in samples} == {"audio", "image"}
    again = nashboard.push(tmp_path, url, TOKEN)
    assert (again.events, again.blobs, again.wants, again.next_seq) == (0, 0, [], 55)


def test_a_bad_line_is_replaced_and_an_unknown_kind_passed_over(
    url: str, run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (run_dir / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":21,"time":5.0,"kind":"points","step":1,"values":{"a":"high"}}\n')
        file.write(b'{"seq":22,"time":6.0,"kind":"dream"}\n')
    done = nashboard.push(run_dir, url, TOKEN)
    assert (done.next_seq, done.refused) == (23, 1)
    assert "'high' is not a number" in capsys.readouterr().err
    (line,) = get(url, f"/api/runs/{done.run}/log")["lines"]
    assert (line["seq"], line["time"], line["level"]) == (21, 5.0, "error")


def test_a_stop_reaches_the_loop(url: str, tmp_path: Path) -> None:
    with Reporter(tmp_path, url=url, token=TOKEN) as reporter:
        assert reporter.flush(20)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{url}/api/runs/{reporter.id}/stop", b"{}", headers, method="POST")
        urllib.request.urlopen(asked, timeout=10).close()
        reporter.points(1, {"a": 1.0})
        assert reporter.flush(20)
        assert reporter.stop_requested
        reporter.finish("stopped", "asked to")
    assert get(url, f"/api/runs/{reporter.id}")["status"] == "stopped"


def test_a_token_is_asked_for(url: str) -> None:
    with pytest.raises(Trouble, match="wants a token and none was given"):
        Client(url).post_events("0123456789ab", b"")
    with pytest.raises(Trouble, match="refuses the token"):
        Client(url, "other").post_events("0123456789ab", b"")
