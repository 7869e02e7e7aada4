"""The main job: launch old against fixed from the form, see both grow, hear them, stop one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.support import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DRAWN = """() => {
  const tile = document.querySelector('[data-series="loss/disc"]');
  if (!tile) return null;
  const d = tile.dataset;
  return {a: parseFloat(d.lastA), b: parseFloat(d.lastB), na: parseInt(d.pointsA || '0'), nb: parseInt(d.pointsB || '0')};
}"""
EVALUATED = "() => parseInt(document.querySelector('[data-series=\"eval/snr\"]').dataset.pointsB || '0')"
LATEST = """() => {
  const slider = document.getElementById('moment');
  slider.value = slider.max;
  slider.dispatchEvent(new Event('input', {bubbles: true}));
}"""
PLAYED = "() => window.nashboard?.player?.currentTime ?? 0"


def test_an_old_discriminator_against_a_fixed_one(
    page: Page, product: Product, shoot: Callable[..., Path]
) -> None:
    # launched from the form, with one knob changed
    page.goto(f"{product.address}/launch")
    assert page.locator("input[name=preset]:checked").count() == 2
    page.fill("#name", "first")
    page.fill('[name="knob:trainer.max_epochs"]', "30")
    page.wait_for_function(
        "() => document.getElementById('commands').textContent.includes('trainer.max_epochs=30')"
    )
    shoot(page, "launch-dark-1280")
    page.click("#go")
    page.wait_for_url("**/compare?runs=*", timeout=60_000)
    began = time.monotonic()
    assert page.locator("h1").inner_text() == "Old against fixed"

    # both curves grow in the page, which is never loaded again
    page.evaluate("window.same = true")

    def drawn() -> dict[str, Any]:
        return page.evaluate(DRAWN) or {}

    def both() -> dict[str, Any] | None:
        seen = drawn()
        return seen if min(seen.get("na", 0), seen.get("nb", 0)) >= 2 else None

    first = until(both, 240, product, "two points of each curve")
    more = until(
        lambda: (d := drawn()) and d["na"] > first["na"] and d["nb"] > first["nb"] and d,
        120,
        product,
        "more points",
    )
    assert more["na"] > first["na"]

    # the contrast: the old one stays at its dead value, the fixed one leaves it
    def apart() -> dict[str, Any] | None:
        d = drawn()
        return d if abs(d["a"] - 2.0) <= 0.02 and d["a"] - d["b"] > 0.05 else None

    seen = until(apart, max(30.0, 300 - (time.monotonic() - began)), product, "old at 2.0, fixed elsewhere")
    assert seen["b"] < 1.97
    until(
        lambda: page.evaluate(EVALUATED) >= 4 and apart(), 300, product, "three evaluated epochs, still apart"
    )
    assert page.evaluate("window.same") is True

    # the ear: a reconstruction of the last epoch plays
    until(lambda: page.locator("#listen [data-play]").count(), 120, product, "a sample to play")
    page.locator("#listen [data-play]").first.scroll_into_view_if_needed()
    page.evaluate(LATEST)
    page.locator("#listen [data-source='A']").first.click()
    page.locator("#listen [data-play]").first.click()
    until(lambda: page.evaluate(PLAYED) > 0.15, 30, product, "the player's clock runs")
    at = page.evaluate(PLAYED)
    until(lambda: page.evaluate(PLAYED) != at, 10, product, "the player's clock goes on")
    shoot(page, "compare-dark-1280")
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(400)
    shoot(page, "compare-light-1280")

    # stop both: saved, and said so
    ids = page.url.split("runs=")[1].split("&")[0].replace("%2C", ",").split(",")
    assert len(ids) == 2
    for run in ids:
        page.goto(f"{product.address}/runs/{run}")
        page.get_by_role("button", name="Stop and save").click()
    for run in ids:
        page.goto(f"{product.address}/runs/{run}")
        until(lambda: page.locator(".st.stopped").count(), 60, product, f"run {run} stopped")
        kept = page.request.get(f"{product.address}/api/runs/{run}/checkpoints").json()
        assert any(c["present"] for c in kept["checkpoints"])
    shoot(page, "run-light-1280")
    page.goto(f"{product.address}/")
    assert page.locator("tbody tr").count() >= 2
    shoot(page, "runs-light-1280")
