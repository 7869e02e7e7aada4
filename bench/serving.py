"""A real server on a port of its own for the length of a benchmark, and the browser that looks at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 120.0
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str:
    """The browser's path. Raises RuntimeError where there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        raise RuntimeError(
            "no chromium on this machine: apt-get install chromium, or set CHROMIUM to its path"
        )
    return path


def answers(url: str, seconds: float) -> bool:
    """Whether ``url`` answers within ``seconds``."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with opener.open(url, timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    return False


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a server with an empty SQLite database under ``home``; it ends with the block."""
    port = free_port()
    keep = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "NASHBOARD_TOKEN")}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "--host", "127.0.0.1", "--port", str(port)],
        env={**keep, "NASHBOARD_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not answers(f"http://127.0.0.1:{port}/healthz", PATIENCE_S):
            raise RuntimeError(f"the server did not answer within {PATIENCE_S:.0f} s")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
