"""The product as a user starts it, and a real Chromium that looks at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SHOTS = os.environ.get("SHOTS")


def chromium() -> str:
    """The browser's path; with CI=true its absence is an error."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path:
        return path
    if os.environ.get("CI") == "true":
        raise RuntimeError("no chromium on this machine: apt-get install chromium")
    pytest.skip("no chromium on this machine: apt-get install chromium")


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product") / "home")
    yield running
    running.stop()


@pytest.fixture
def address(product: Product) -> str:
    return product.address


@pytest.fixture
def page(browser: Browser, product: Product, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that fails its test on any error in the console, a broken security policy among them."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console",
        lambda m: wrong.append(f"{m.text} ({m.location.get('url', '')})") if m.type == "error" else None,
    )
    page.on("pageerror", lambda e: wrong.append(str(e)))
    expected = [str(m.args[0]) for m in request.node.iter_markers("console")]
    yield page
    context.close()
    left = [w for w in wrong if not any(e in w for e in expected)]
    assert not left, "\n".join(left)


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[[Page, str], Path]:
    """Takes a screenshot, into docs/screens with SHOTS=docs/screens."""

    def take(page: Page, name: str, full: bool = True) -> Path:
        folder = ROOT / SHOTS if SHOTS else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        page.screenshot(path=str(path), full_page=full)
        return path

    return take


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
