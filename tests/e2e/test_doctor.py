"""The doctor at work: a sick run is named while it trains, its remedy is launched from the finding, and judged."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.support import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

STUCK = "#findings .find.fail"
FORM = "trainer=codec&preset=old&size=tiny&knob:trainer.max_epochs=6"


def test_a_stuck_discriminator_is_named_treated_and_judged(
    page: Page, product: Product, shoot: Callable[..., Path]
) -> None:
    # an old run, from the form
    page.goto(f"{product.address}/launch?{FORM}")
    assert page.locator("input[name=preset]:checked").count() == 1
    page.fill("#name", "sick")
    page.wait_for_function("() => document.getElementById('commands').textContent.includes('max_epochs=6')")
    page.click("#go")
    page.wait_for_url("**/runs/*", timeout=60_000)
    parent = page.url.split("/runs/")[1].split("#")[0].split("?")[0]

    # it is named while it trains, on the page that is never loaded again, with its evidence
    page.evaluate("window.same = true")
    until(lambda: page.locator(STUCK).count(), 300, product, "the discriminator is named stuck")
    words = page.locator(STUCK).first.inner_text()
    assert "disc-stuck" in words
    assert "loss/disc" in words
    until(lambda: page.locator(".marks .mark.fail").count(), 30, product, "its bracket on the chart")
    assert page.evaluate("window.same") is True

    # the bracket opens it by keyboard; Esc gives the focus back
    mark = page.locator('[data-series="loss/disc"] .mark.fail').first
    mark.scroll_into_view_if_needed()
    mark.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#finding[open] #finding-charts .js-plotly-plot", timeout=20_000)
    shoot(page, "finding-dark-1280", False)
    page.keyboard.press("Escape")
    assert not page.locator("#finding[open]").count()
    assert page.evaluate("document.activeElement.dataset.finding") == "disc-stuck"

    # and the remedy is launched from it
    page.keyboard.press("n")
    page.wait_for_selector("#finding[open] [data-treat]", timeout=20_000)
    page.locator("#finding [data-treat]").first.click()
    page.wait_for_selector("#fork[open]")
    assert page.locator("#fork-knobs li").count() == 3
    page.click("#fork-go")
    page.wait_for_url(lambda url: "/runs/" in url and parent not in url, timeout=60_000)
    child = page.url.split("/runs/")[1].split("#")[0].split("?")[0]

    # the child says what it treats, and that nobody can know yet
    line = page.locator(".treats-line")
    assert "This run treats disc-stuck of sick" in line.inner_text()
    assert "not yet judged" in line.inner_text()
    page.request.post(f"{product.address}/api/runs/{parent}/stop", headers={"Origin": product.address})

    # until it has trained
    until(lambda: "not found up to step" in line.inner_text(), 300, product, "the child is judged")
    assert "treated" in line.inner_text()
    assert "in the parent" in line.inner_text()
    shoot(page, "treated-dark-1280", False)

    # and so does its parent, and the list
    page.goto(f"{product.address}/runs/{parent}")
    tried = page.locator("#findings .tried").first.inner_text()
    assert "treated" in tried
    assert "against disc-stuck" in tried
    page.goto(f"{product.address}/")
    assert page.locator(f'tr[data-run="{parent}"]').get_attribute("data-verdict") == "fail"
    assert page.locator(f'tr[data-run="{child}"]').get_attribute("data-verdict") != "fail"
    page.goto(f"{product.address}/compare?runs={parent},{child}")
    assert "disc-stuck" in (
        page.locator("#compare-findings [data-finding]").first.get_attribute("data-finding") or ""
    )


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
