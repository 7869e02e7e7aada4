"""The product as a user starts it, for tests that look at it from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: 'text/csv'}));
  document.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
}"""
"""For `page.evaluate`: a text file of this name is dropped on the page."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """`make run`'s own process on a port of its own, with its home in a temporary folder."""

    def __init__(self, home: Path, *, demo: bool = False, port: int | None = None) -> None:
        self.home, self.port = home, port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = home.parent / f"{home.name}-launcher.log"
        environment = {k: v for k, v in os.environ.items() if k not in ("REDIS_URL", "DATABASE_URL")}
        words = [
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--home",
            str(home),
            "--demo",
            str(int(demo)),
        ]
        self.began = time.monotonic()
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker.launcher", *words],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        line = f"Nashboard: {self.address}/"
        deadline = time.monotonic() + 90
        while line not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the product did not start:\n{self.said()}\n{self.logs()}")
            time.sleep(0.1)

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def logs(self) -> str:
        """The last lines of every log: what a failed test needs to be understood."""
        parts = []
        for path in sorted([*self.home.rglob("*.log"), *self.home.rglob("stderr*")]):
            parts.append(f"--- {path.relative_to(self.home)}\n" + path.read_text("utf-8", "replace")[-2500:])
        return "\n".join(parts)

    def stop(self, timeout: float = 60) -> int:
        """Ctrl-C, then the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
        return self.process.returncode


def until(look: Callable[[], Any], seconds: float, product: Product, what: str) -> Any:
    """What ``look`` returns once it is true; fails with the product's logs after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s\n{product.said()}\n{product.logs()}")
        time.sleep(0.5)
