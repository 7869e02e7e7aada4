"""The product as a user starts it, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.support import ROOT, Product

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
