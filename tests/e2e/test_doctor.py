"""The doctor at work in a Chromium: a sick run is named while it trains, its remedy launched from the finding and judged."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.support import DROP, Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

SLOW = 500.0  # s: how long a busy machine may take for what an idle one does in some 40
QUICK = {"data.crop": 1024, "data.batch": 2, "data.eval_items": 2, "data.slots": 1, "trainer.threads": 1}
KNOBS = {"trainer.max_epochs": 30, **QUICK}  # what is sick about an old run is left as it is
FORM = "trainer=codec&preset=old&size=tiny&" + "&".join(f"knob:{k}={v}" for k, v in KNOBS.items())
STUCK = "disc-stuck"
CARD = f"#findings .find:has([data-finding={STUCK}])"
MARK = f'[data-series="loss/disc"] .mark[data-finding={STUCK}]'


def the_run(page: Page) -> str:
    """The id of the run whose page this is."""
    return page.url.split("/runs/")[1].split("#")[0].split("?")[0]


def test_a_stuck_discriminator_is_named_treated_and_judged(
    page: Page, product: Product, shoot: Callable[..., Path]
) -> None:
    # an old run, from the form
    page.goto(f"{product.address}/launch?{FORM}")
    assert page.locator("input[name=preset]:checked").input_value() == "old"
    page.fill("#name", "sick")
    commands = page.locator("#commands")
    until(
        lambda: all(f"{k}={v}" in commands.inner_text() for k, v in KNOBS.items()), 60, product, "the command"
    )
    page.click("#go")
    page.wait_for_url("**/runs/*", timeout=60_000)
    parent = the_run(page)
    head = page.locator("#head")

    # it is named while it trains, on the page that is never loaded again, with its evidence: a warning, then a failure
    page.evaluate("window.same = true")
    card = page.locator(CARD)
    until(card.count, SLOW, product, "the discriminator is named stuck")
    assert "loss/disc" in (card.locator(".ev").text_content() or "")
    assert "a discriminator that answers 0 has 2.0000" in (card.text_content() or "")
    until(page.locator(f"{CARD}.fail").count, SLOW, product, "it is a failure")
    assert head.get_attribute("data-status") == "running"
    until(page.locator(f"{MARK}.fail").count, 60, product, "its bracket on the chart")
    assert page.evaluate("window.same") is True

    # the bracket opens it by keyboard; Esc gives the focus back
    mark = page.locator(MARK).first
    mark.scroll_into_view_if_needed()
    mark.focus()
    page.keyboard.press("Enter")
    opened = page.locator(f"#finding[open] #finding-body[data-code={STUCK}]")
    opened.locator("#finding-charts .js-plotly-plot").first.wait_for(timeout=30_000)
    assert "initialisation and learning rate" in opened.locator(".suspects li").first.inner_text()
    until(opened.locator(".shots audio").count, 30, product, "the samples nearest to its step")
    shoot(page, "finding-dark-1280", False)
    page.keyboard.press("Escape")
    assert not page.locator("#finding[open]").count()
    assert page.evaluate("document.activeElement.dataset.finding") == STUCK

    # and the remedy is launched from it
    card.locator(f"[data-finding={STUCK}]").click()
    opened.locator(f"[data-treat={STUCK}]").first.click(timeout=30_000)
    page.wait_for_selector("#fork[open]")
    assert {"disc.init", "disc.lr", "disc.input_gain"} == set(
        page.locator("#fork-knobs li").evaluate_all("(all) => all.map((li) => li.dataset.knob)")
    )
    page.click("#fork-go")
    page.wait_for_url(lambda url: "/runs/" in url and parent not in url, timeout=60_000)
    child = the_run(page)

    # the child says what it treats, and that nobody can know yet
    line = page.locator(".treats-line")
    assert f"This run treats {STUCK} of sick" in line.inner_text()
    assert "not yet judged" in line.inner_text()
    stop = page.request.post(f"{product.address}/api/runs/{parent}/stop", headers={"Origin": product.address})
    assert stop.ok

    # until it has trained as long
    page.evaluate("window.same = true")
    until(lambda: "not found up to step" in line.inner_text(), SLOW, product, "the child is judged")
    assert "treated" in line.inner_text()
    assert "in the parent" in line.inner_text()
    assert page.evaluate("window.same") is True
    shoot(page, "treated-dark-1280", False)
    stop = page.request.post(f"{product.address}/api/runs/{child}/stop", headers={"Origin": product.address})
    assert stop.ok or stop.status == 409

    # and so do its parent, the list and Compare
    page.goto(f"{product.address}/runs/{parent}")
    tried = card.locator(".tried").text_content() or ""
    assert "treated" in tried
    assert f"against {STUCK}" in tried
    page.goto(f"{product.address}/")
    assert page.locator(f'tr[data-run="{parent}"]').get_attribute("data-verdict") == "fail"
    assert page.locator(f'tr[data-run="{child}"]').get_attribute("data-verdict") != "fail"
    page.goto(f"{product.address}/compare?runs={parent},{child}")
    shown = page.locator(f"#compare-findings [data-finding={STUCK}]")
    assert shown.evaluate_all("(all) => all.map((b) => b.dataset.run)") == [parent]


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
    page.evaluate(DROP, ["biggan.csv", gan_log()])
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
    page.evaluate(DROP, ["long.csv", "step,d_loss\n" + "1,0.5\n" * 1_500_000])
    page.wait_for_selector("#result [role=alert]")
    assert "the limit is" in result.inner_text()
    assert "python -m doctor" in result.inner_text()
