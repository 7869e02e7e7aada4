"""The doctor in a Chromium: a log that is dropped is drawn with what is found in it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.support import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def gan_log() -> str:
    """A log as StudioGAN writes one: healthy up to step 26,000, then the discriminator wins and FID rises."""
    dice = random.Random(1)
    lines = ["step,d_loss,g_loss,fid"]
    for step in range(0, 40_000, 100):
        well = step < 26_000
        disc, gen = (0.84, 0.62) if well else (0.03, 2.7)
        fid = 90 * math.exp(-step / 8000) + 20 + (0 if well else (step - 26_000) / 200)
        noise = dice.gauss(0, 0.05 if well else 0.005)
        score = "" if step % 2000 else f"{fid:.2f}"
        lines.append(f"{step},{abs(disc + noise):.4f},{gen + dice.gauss(0, 0.1):.4f},{score}")
    return "\n".join(lines) + "\n"


def test_a_log_that_is_dropped_is_drawn_with_its_findings(
    page: Page, product: Product, shoot: Callable[..., Path]
) -> None:
    page.goto(f"{product.address}/doctor")
    drop = """([name, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text], name, {type: 'text/csv'}));
      document.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(drop, ["biggan.csv", gan_log()])
    page.wait_for_selector("#result .js-plotly-plot", timeout=20_000)
    result = page.locator("#result")
    assert "biggan.csv" in result.locator(".hd").inner_text()
    assert "fail" in result.locator(".hd").inner_text()
    assert result.locator(".js-plotly-plot").count() >= 3
    mark = result.locator(".mark.fail").first
    mark.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id").startswith("found-")
    shoot(page, "doctor-dark-1280", False)

    # a log that is too long is refused in words, before it is sent
    page.evaluate(drop, ["long.csv", "step,d_loss\n" + "1,0.5\n" * 1_500_000])
    page.wait_for_selector("#result [role=alert]")
    assert "the limit is" in result.inner_text()
    assert "python -m doctor" in result.inner_text()
