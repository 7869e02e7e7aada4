"""The report as somebody gets it by mail: opened from disk with the server stopped, it shows and plays all it has."""

from __future__ import annotations

import math
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import nashboard
from tests.e2e.support import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
RATE = 16_000


def told(folder: Path, url: str, side: str, hertz: float, level: float) -> str:
    run = nashboard.init(name=side, config={"disc": {"lr": level / 1e4}}, dir=folder / side, url=url)
    for step in range(60):
        run.log({"loss/disc": level + math.sin(step / 5) / 10, "eval/snr": level * step / 10, "progress/epoch": step / 10},
                step=step)  # fmt: skip
    for series, pitch in (("reference", 300.0), ("reconstruction", hertz)):
        wave = [0.3 * math.sin(2 * math.pi * pitch * n / RATE) for n in range(4 * RATE)]
        run.audio(series, wave, rate_hz=RATE, slot="clip 1", step=59)
    run.finish()
    return run.id


def test_a_report_opens_from_disk_with_the_server_stopped(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("report")
    product = Product(folder / "home")
    try:
        ids = [
            told(folder, product.address, "old", 880.0, 2.0),
            told(folder, product.address, "fixed", 440.0, 1.4),
        ]
        with urllib.request.urlopen(
            f"{product.address}/report.html?runs={','.join(ids)}", timeout=60
        ) as answer:
            (folder / "report.html").write_bytes(answer.read())
    finally:
        product.stop()
    asked: list[str] = []
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith("data:") else None)
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.goto((folder / "report.html").as_uri())
    # curves
    assert page.locator("svg.chart").count() == 2
    lengths = page.eval_on_selector_all("svg.chart .strong", "lines => lines.map(l => l.getTotalLength())")
    assert len(lengths) == 4
    assert min(lengths) > 100
    # table
    row = page.locator('[data-metric="eval/snr"]').inner_text()
    assert "11.8" in row
    assert "8.3" in row
    # sounds: the second goes on where the first was
    page.wait_for_function(
        "() => [...document.querySelectorAll('audio')].every(a => a.readyState >= 1)", timeout=20_000
    )
    page.evaluate(
        "() => { const a = document.querySelectorAll('audio')[1]; a.muted = true; return a.play(); }"
    )
    page.wait_for_function("() => document.querySelectorAll('audio')[1].currentTime > 0.5", timeout=20_000)
    at = page.evaluate(
        """() => new Promise(done => {
          const [, a, b] = document.querySelectorAll('audio');
          b.muted = true;
          b.addEventListener('timeupdate', () => done([a.currentTime, a.paused, b.currentTime]), {once: true});
          b.play();
        })"""
    )
    assert at[1] is True
    assert at[2] >= at[0] - 0.05
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert asked == [(folder / "report.html").as_uri()]
    assert wrong == []
    context.close()
