"""axe on every page, in both themes and both widths: nothing serious, and nothing wider than the window."""

from __future__ import annotations

import math
from array import array
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser

import nashboard
from tests.e2e.support import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
LOOK = """async () => {
  const seen = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
  return seen.violations.filter((v) => ['serious', 'critical'].includes(v.impact))
    .map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 4).map((n) => n.target.join(' ')).join(' | ')}`);
}"""
RATE = 8000


@pytest.fixture(scope="module")
def runs(product: Product, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two runs with curves, a stuck discriminator, sound, pictures, histograms and notes."""
    folder = tmp_path_factory.mktemp("access")
    made = []
    for k, name in enumerate(("old", "fixed")):
        run = nashboard.init(
            project="access",
            name=name,
            dir=folder / name,
            url=product.address,
            config={"loss": "hinge", "disc.lr": k},
        )
        for step in range(0, 400, 4):
            loss = 2.0 if k == 0 else 1.2 + 0.1 * math.sin(step)
            run.log({"loss/disc": loss, "loss/gen": 1 + 0.01 * step, "progress/epoch": step / 40}, step=step)
        for step in (0, 396):
            run.log({"eval/snr": 3.0 + k}, step=step)
            wave = array("f", [0.3 * math.sin(0.3 * (k + 1) * i) for i in range(RATE)])
            run.audio("reference", wave, rate_hz=RATE, step=step, slot="tone")
            run.audio("reconstruction", wave, rate_hz=RATE, step=step, slot="tone")
        run.finish()
        made.append(run.id)
    return made[0], made[1]


def addresses(runs: tuple[str, str]) -> list[str]:
    both = ",".join(runs)
    return [
        "/",
        "/launch",
        "/launch?trainer=cgan",
        f"/runs/{runs[0]}",
        "/compare",
        f"/compare?runs={both}",
        "/listen",
        f"/listen?runs={both}",
        "/doctor",
        "/plans",
        "/bands",
        f"/report?runs={both}",
        "/blind",
        "/help",
        "/no-such-page",
    ]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, product: Product, runs: tuple[str, str], theme: Any, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    wrong = []
    for address in addresses(runs):
        page.goto(product.address + address)
        page.wait_for_load_state("networkidle") if "runs" not in address else page.wait_for_timeout(2500)
        page.evaluate(AXE)
        wrong += [f"{address} ({theme}, {width} px): {said}" for said in page.evaluate(LOOK)]
        wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            wrong.append(f"{address} ({theme}, {width} px): {wide} px wider than the window")
    context.close()
    assert not wrong, "\n".join(wrong)


def test_axe_sees_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html lang=en><title>x</title><img src=x><button></button></html>")
    page.evaluate(AXE)
    found = " ".join(page.evaluate(LOOK))
    page.close()
    assert "image-alt" in found
    assert "button-name" in found


def test_runs_work_from_the_keyboard_alone(browser: Browser, product: Product, runs: tuple[str, str]) -> None:
    """Tab alone reaches a run's link; Enter opens it; every stop on the way can be seen."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(product.address + "/")
    page.wait_for_timeout(1500)
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return { href: e.getAttribute('href') || '', tag: e.tagName,"
            " seen: s.outlineStyle !== 'none' || s.boxShadow !== 'none' || e.type === 'checkbox' }; }"
        )
        assert here["seen"], f"the focus on {here} cannot be seen"
        if here["href"].startswith("/runs/"):
            break
    else:
        raise AssertionError("no run was reached by 60 presses of Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")
    page.close()
